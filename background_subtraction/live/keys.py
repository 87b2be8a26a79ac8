"""The window's keys that change settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import cycle

from background_subtraction.compositing.backgrounds import NONE
from background_subtraction.live import presets
from background_subtraction.live.session import Session
from background_subtraction.live.settings import Settings
from background_subtraction.preview.window import Command
from model_api.errors import BackgroundSubtractionError, OptionError

ROOM_BLUR_PX = 60
BLUR_STEP_PX = 10
LARGEST_BLUR_PX = 200
SOFT_STEP_PX = 2
STEADY = 0.7

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """keys: those that do the same. words: for the help. change: what they make of the settings."""

    keys: str
    words: str
    change: Callable[[Settings], Settings]


def _mask(name: str, step: int) -> Callable[[Settings], Settings]:
    def change(settings: Settings) -> Settings:
        value = getattr(settings.mask, name) + step
        return replace(settings, mask=replace(settings.mask, **{name: max(value, 0) if name == "soften_px" else value}))

    return change


def _steady(settings: Settings) -> Settings:
    steadiness = 0.0 if settings.mask.steadiness else STEADY
    return replace(settings, mask=replace(settings.mask, steadiness=steadiness))


def _blur(step: int) -> Callable[[Settings], Settings]:
    """The camera as it is has nothing to blur: it becomes the blurred room."""

    def change(settings: Settings) -> Settings:
        target = None if settings.target_bgr == NONE else settings.target_bgr
        return replace(settings, target_bgr=target, blur_bgr=min(max(settings.blur_bgr + step, 0), LARGEST_BLUR_PX))

    return change


KEYS = (
    Key("e", "effect on, off", lambda settings: replace(settings, effect=not settings.effect)),
    Key("x", "mirror", lambda settings: replace(settings, mirror=not settings.mirror)),
    Key("f", "auto framing", lambda settings: replace(settings, framing=not settings.framing)),
    Key("k", "keep a still, go on", lambda settings: replace(settings, hold=not settings.hold)),
    Key("+=", "blur more", _blur(BLUR_STEP_PX)),
    Key("-", "blur less", _blur(-BLUR_STEP_PX)),
    Key("]", "the person grows", _mask("grow_px", 1)),
    Key("[", "the person shrinks", _mask("grow_px", -1)),
    Key("'", "softer edges", _mask("soften_px", SOFT_STEP_PX)),
    Key(";", "harder edges", _mask("soften_px", -SOFT_STEP_PX)),
    Key("t", "steady mask", _steady),
)
"""Another key is another row."""


def commands(session: Session) -> Mapping[str, Command]:
    """Key -> what it does to the settings of a session."""
    first = session.settings
    backgrounds = [(first.target_bgr, first.blur_bgr), (None, ROOM_BLUR_PX), (NONE, 0)]
    rooms = cycle([*dict.fromkeys(backgrounds[1:]), backgrounds[0]])

    def next_background(settings: Settings) -> Settings:
        target, blur = next(rooms)
        return replace(settings, target_bgr=target, blur_bgr=blur)

    turns = cycle(range(1 << 30))

    def next_preset(settings: Settings) -> Settings:
        names = presets.names()
        if not names:
            raise OptionError("There are no presets. Make one with --save_preset")
        name = names[next(turns) % len(names)]
        log.info("Preset %s", name)
        return presets.load(name)

    keys = [
        *KEYS,
        Key("n", "next background: yours, the room blurred, the camera as it is", next_background),
        Key("p", "next preset", next_preset),
    ]
    return {letter: Command(key.words, _changing(session, key)) for key in keys for letter in key.keys}


def _changing(session: Session, key: Key) -> Callable[[], None]:
    def call() -> None:
        try:
            session.update(key.change)
        except BackgroundSubtractionError as error:
            log.warning("%s: %s", key.keys[0].upper(), error)

    return call
