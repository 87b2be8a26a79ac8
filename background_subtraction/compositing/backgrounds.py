"""The background of each frame: a colour, an image, a video in step with the input, or the real scene blurred."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from background_subtraction.compositing.background_blur import blur_around
from background_subtraction.compositing.colours import COLOURS, DEFAULT_COLOUR, Colour, parse_colour
from background_subtraction.compositing.media_backgrounds import MovingBackground, StillBackground, open_media
from background_subtraction.image_files import is_pattern
from background_subtraction.sources.open import is_live
from model_api.errors import OptionError
from model_api.pictures.layers import layers_of
from model_api.pictures.picture import Picture, in_format, plain_picture
from model_api.pictures.yuv_image import YuvFormat
from model_api.ranges import LEVEL, NATURAL, require_each
from model_api.results import Result
from model_api.types import Size

TRANSPARENT = "transparent"
NONE = "none"
"""The camera as it is."""
SQUARE_PX = 16


class Background(Protocol):
    """A context manager that has a background for each frame."""

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return the background of this frame. Results must come in the order of their time.

        Args:
            result: the frame and its matte.
            wanted: the format of the background, None for BGR.

        Returns:
            A picture of the frame's size. It is shared: do not write to it.
        """

    def __enter__(self) -> Background: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_background(
    target: str | None,
    blur_px: int = 0,
    pixel_aspect: Fraction = Fraction(1),
    *,
    live: bool = False,
    elapsed_s: Fraction = Fraction(0),
) -> Background:
    """Open a background.

    Args:
        target: a colour, an image, a folder or pattern of images, a video, a camera, a stream, "transparent", or "none"
            for the frame as it is. None: the real scene if it is blurred, else green.
        blur_px: the width in pixels of a box that blurs like it, 0 for no blur.
        pixel_aspect: the width of the frames' pixels by their height: images and videos look in them as elsewhere.
        live: the frames come as they come: a video goes on after a pause where it was, and catches up with nothing.
        elapsed_s: a video is so many seconds from its beginning at the first frame.

    Raises:
        OptionError: neither a file nor a colour.
        SourceError: the file cannot be read.
    """
    NATURAL.require(blur_px=blur_px)
    if target is None:
        return RealScene(blur_px) if blur_px else ColourBackground(DEFAULT_COLOUR)
    if target in NAMED:
        return NAMED[target]()
    if is_pattern(target) or Path(target).exists():
        return open_media(target, blur_px, pixel_aspect, live=live, elapsed_s=elapsed_s)
    colour = parse_colour(target)
    if colour is not None:
        return ColourBackground(colour)
    if not is_live(target):
        raise OptionError(
            f'"{target}" is neither a file nor a colour. Expected an image, a video, a pattern, '
            f'{", ".join(map(repr, NAMED))}, "R,G,B", "#rrggbb" or a name ({", ".join(sorted(COLOURS))})',
            "target_bgr",
        )
    return open_media(target, blur_px, pixel_aspect, live=live, elapsed_s=elapsed_s)


class _NothingToClose:
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


class ColourBackground(_NothingToClose):
    """One colour."""

    def __init__(self, colour: Colour) -> None:
        """Raise OptionError unless `colour` is blue, green, red, each 0 to 255."""
        require_each(LEVEL, 3, colour=colour)
        self._colour = colour

    def __enter__(self) -> ColourBackground:
        return self

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return the colour."""
        return plain(self._colour, result.frame.size, wanted)


class Checkerboard(_NothingToClose):
    """What a preview shows of a transparent background."""

    def __enter__(self) -> Checkerboard:
        return self

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return squares of two greys."""
        return checkerboard(result.frame.size, wanted)


class Unchanged(_NothingToClose):
    """The frame itself: nothing is put behind the person."""

    def __enter__(self) -> Unchanged:
        return self

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return the frame."""
        return in_format(result.frame.picture, wanted)


NAMED: dict[str, Callable[[], Background]] = {TRANSPARENT: Checkerboard, NONE: Unchanged}
"""Target -> what it means."""


class RealScene(_NothingToClose):
    """The frame itself, blurred without the person in it."""

    def __init__(self, blur_px: int) -> None:
        """Blur as a box of `blur_px` pixels does."""
        self._blur_px = blur_px

    def __enter__(self) -> RealScene:
        return self

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return the frame, blurred."""
        return blur_around(in_format(result.frame.picture, wanted), result.matte.levels, self._blur_px)


def with_blur(background: Background, target: str | None, blur_px: int) -> Background:
    """The same background blurred otherwise, as `open_background` would open it, without opening it again.

    What is open stays open: whoever opened `background` closes it.
    """
    if isinstance(background, (StillBackground, MovingBackground)):
        return background.with_blur(blur_px)
    return open_background(None, blur_px) if target is None else background


@lru_cache(maxsize=4)
def plain(colour: Colour, size: Size, wanted: YuvFormat | None = None) -> Picture:
    """A picture of one colour, made once and shared: do not write to it."""
    return _shared(plain_picture(colour, size, wanted))


@lru_cache(maxsize=4)
def checkerboard(size: Size, wanted: YuvFormat | None = None) -> Picture:
    """Squares of two greys, made once and shared: do not write to them."""
    rows, columns = np.ogrid[: size[1], : size[0]]
    light = (rows // SQUARE_PX + columns // SQUARE_PX) % 2
    image = np.repeat(np.where(light, 200, 150).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    return _shared(in_format(image, wanted))


def _shared(picture: Picture) -> Picture:
    for layer in layers_of(picture):
        for plane in layer.planes:
            plane.flags.writeable = False
    return picture
