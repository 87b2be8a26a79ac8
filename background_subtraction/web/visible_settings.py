"""Settings as a visitor sees and changes them: backgrounds by id, models by name, no file of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from background_subtraction.compositing.backgrounds import NONE, TRANSPARENT
from background_subtraction.compositing.colours import parse_colour
from background_subtraction.live.settings import Settings, as_mapping
from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.context import Context
from background_subtraction.web.keeping.backgrounds import PREFIX

FILE_PREFIX = "file:"
"""Before the name of a file that the command line gave: a visitor sees it, and sends it back as it is."""


def changes_in(context: Context, changes: object) -> dict[str, Any]:
    """What a visitor wants changed, for `Session.change` and `settings.changed`.

    Args:
        context: its backgrounds and models may be named.
        changes: name -> value, as JSON has them.

    Returns:
        The same with files for ids, and the program's names for models.

    Raises:
        RequestError: no mapping, or something that a visitor may not name.
    """
    if not isinstance(changes, Mapping):
        raise RequestError(422, 'Expected an object with settings, such as {"mirror": true}')
    values = dict(changes)
    if isinstance(values.get("target_bgr"), str):
        text = values.pop("target_bgr")
        if not text.startswith(FILE_PREFIX):
            values["target_bgr"] = _background(context, text)
    if "model" in values:
        name = values.pop("model")
        if not _is_as_before(context, name):
            values["model"] = model_of(context, name)
    return values


def settings_out(context: Context, settings: Settings) -> dict[str, Any]:
    """All settings, as a visitor sees them.

    Args:
        context: knows the backgrounds and models.
        settings: those of the program.
    """
    target, model = settings.target_bgr, settings.model
    return {
        **as_mapping(settings),
        "target_bgr": None if target is None else _shown(context, target),
        "model": context.name_of_model(model, otherwise=f"{FILE_PREFIX}{Path(model).name}"),
    }


def model_of(context: Context, name: object) -> str:
    """What the program calls a model. Raises RequestError for one that may not be chosen."""
    if not isinstance(name, str) or name not in context.models:
        known = ", ".join(filter(None, context.models))
        raise RequestError(422, f"model: {name!r} cannot be chosen here. Expected one of {known}", "model")
    return context.models[name]


def _is_as_before(context: Context, name: object) -> bool:
    return isinstance(name, str) and name.startswith(FILE_PREFIX) and name not in context.models


def _background(context: Context, text: str) -> str:
    if text.startswith(PREFIX):
        return context.backgrounds.path_of(text)
    if text in (NONE, TRANSPARENT) or _is_colour(text):
        return text.strip()
    raise RequestError(
        422,
        f'target_bgr: "{text}" is no background here. Expected a colour ("#rrggbb", "R,G,B" or a name), "{NONE}", '
        f'"{TRANSPARENT}", or "{PREFIX}ID" of an uploaded one',
        "target_bgr",
    )


def _is_colour(text: str) -> bool:
    """Whether `open_background` takes it for a colour: a file of that very name comes first there."""
    return parse_colour(text) is not None and not Path(text.strip()).exists()


def _shown(context: Context, target: str) -> str:
    """A colour is shown in one form, whatever it was called: pages compare it."""
    if target in (NONE, TRANSPARENT):
        return target
    colour = parse_colour(target) if _is_colour(target) else None
    if colour is not None:
        return "#{2:02x}{1:02x}{0:02x}".format(*colour)
    return context.backgrounds.name_of(target) or f"{FILE_PREFIX}{Path(target).name or target}"
