"""Settings as JSON has them: what a visitor may name, and what a visitor may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from background_subtraction.compositing.backgrounds import NAMED
from background_subtraction.compositing.colours import parse_colour
from background_subtraction.live.settings import Settings, as_mapping
from background_subtraction.web.context import Context
from model_api.errors import OptionError

FILE = "file:"
"""A background that was named at the start. A visitor sees the file's name, and cannot name another one."""


def changes_in(context: Context, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `Session.change` takes.

    Args:
        context: the server.
        changes: as a visitor sends them.

    Raises:
        OptionError: a background or a model that a visitor may not name.
    """
    return {name: _READ[name](context, value) if name in _READ else value for name, value in _kept(changes).items()}


def settings_out(context: Context, settings: Settings) -> dict[str, Any]:
    """Every setting, without paths of this machine."""
    return {**as_mapping(settings), "target_bgr": _background_out(settings.target_bgr)}


def _kept(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without a background that is to stay."""
    target = changes.get("target_bgr")
    return {
        name: value
        for name, value in changes.items()
        if name != "target_bgr" or not (isinstance(target, str) and target.startswith(FILE))
    }


def _background(context: Context, value: object) -> object:
    if value is None or (isinstance(value, str) and (value in NAMED or parse_colour(value) is not None)):
        return value
    raise OptionError(f'"{value}" is no background here. Expected a colour, "none" or "background:ID"', "target_bgr")


def _background_out(target: str | None) -> str | None:
    if target is None or target in NAMED or parse_colour(target) is not None:
        return target
    return FILE + target.rstrip("/").rpartition("/")[2]


def _model(context: Context, value: object) -> object:
    if value == "" or value in context.models:
        return value
    raise OptionError(f'"{value}" is no model here. Expected one of {", ".join(context.models)}', "model")


_READ = {"target_bgr": _background, "model": _model}
