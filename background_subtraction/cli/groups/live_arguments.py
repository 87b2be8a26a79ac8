"""The options that become the first settings of a run, and presets of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from background_subtraction.cli import argument_types as values
from background_subtraction.live import presets
from background_subtraction.live.settings import Settings, changed

PLACES = {
    "target_bgr": ("target_bgr",), "blur_bgr": ("blur_bgr",), "model": ("model",), "mirror": ("mirror",),
    "auto_framing": ("framing",), "zoom_limit": ("zoom_limit",), "mask_every": ("mask_every",),
    "skip_similar": ("skip_similar",), "mask_threshold": ("mask", "threshold"), "mask_grow": ("mask", "grow_px"),
    "mask_soften": ("mask", "soften_px"), "mask_steadiness": ("mask", "steadiness"),
}  # fmt: skip
"""Option -> its place in `Settings`."""


def add_live_arguments(parser: argparse._ActionsContainer) -> None:
    """Add the options about the mask and the picture, and those of presets."""
    add = parser.add_argument
    add("--preset", metavar="NAME", help="Begin with the settings of this preset. Other options come before them.")
    add(
        "--save_preset",
        metavar="NAME",
        help="Keep background, model, mask and picture of this command line as a preset. Without -i nothing is run.",
    )
    add(
        "--mask_threshold",
        type=values.probability,
        metavar="ALPHA",
        help="Alpha from here on becomes 1, alpha below becomes 0. Default: 0, alpha stays as it is.",
    )
    add("--mask_grow", type=values.pixels, metavar="PIXELS", help="The person grows; below 0, shrinks. Default: 0.")
    add(
        "--mask_soften",
        type=values.natural,
        metavar="PIXELS",
        help="Soften the mask as a box of this width does. Default: 0.",
    )
    add(
        "--mask_steadiness",
        type=values.steadiness,
        metavar="SHARE",
        help="How much of the frame before a mask keeps where nothing moved, 0 to 0.95. Default: 0.",
    )
    add(
        "--mask_every",
        type=values.positive,
        metavar="N",
        help="Compute every n-th frame only, for weak machines. Each picture is shown with its own mask: the person "
        "moves every n-th frame, the background goes on. Default: 1.",
    )
    add(
        "--skip_similar",
        action=argparse.BooleanOptionalAction,
        help="Compute a frame only if something moved in it, for weak machines.",
    )
    add("--mirror", action=argparse.BooleanOptionalAction, help="Left and right of the input change places.")
    add(
        "--auto_framing",
        action=argparse.BooleanOptionalAction,
        help="Zoom in, and keep the person in the middle.",
    )
    add("--zoom_limit", type=values.zoom, metavar="TIMES", help="How far --auto_framing zooms in, 1 to 4. Default: 2.")


def first_settings(parser: argparse.ArgumentParser, words: Sequence[str]) -> Settings:
    """The settings of --preset. They become the parser's defaults, so that options come before them.

    Raises:
        OptionError: no such preset, or its file is damaged.
    """
    names = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    names.add_argument("--preset", nargs="?")  # without a name: the parser itself says so
    name = names.parse_known_args(list(words))[0].preset
    settings = presets.load(name) if name else Settings()
    parser.set_defaults(**{option: _at(settings, place) or None for option, place in PLACES.items()})
    parser.set_defaults(blur_bgr=settings.blur_bgr)
    return settings


def settings_of(args: argparse.Namespace, settings: Settings) -> Settings:
    """Those of the command line. settings: what `first_settings` returned. Raises OptionError."""
    changes: dict[str, Any] = {}
    for option, place in PLACES.items():
        value = getattr(args, option)
        if value is not None:
            group = changes if len(place) == 1 else changes.setdefault(place[0], {})
            group[place[-1]] = value
    return changed(settings, changes)


def _at(settings: Settings, place: tuple[str, ...]) -> Any:
    value: Any = settings
    for name in place:
        value = getattr(value, name)
    return value
