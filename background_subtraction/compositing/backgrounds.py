"""The background of each frame: a colour, an image, a video in step with the input, or the real scene blurred."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np

from background_subtraction.compositing.background_blur import blur_around
from background_subtraction.image_files import IMAGE_SUFFIXES, is_pattern, over_black, read_image
from background_subtraction.sources.base import Source
from background_subtraction.sources.open import is_live, open_source
from background_subtraction.sources.reader_thread import Prefetched
from model_api.arrays import require_image
from model_api.errors import OptionError
from model_api.pictures.layers import layers_of
from model_api.pictures.picture import Picture, in_format, plain_picture, with_planes
from model_api.pictures.yuv_image import Plane, YuvFormat
from model_api.ranges import LEVEL, NATURAL, require_each
from model_api.resize import cover, resize_picture, shown_size
from model_api.results import Result
from model_api.types import Frame, Image, Size

Colour = tuple[int, int, int]
"""Blue, green, red, 0..255."""
DEFAULT_COLOUR: Colour = (155, 255, 120)
"""The green of the Open Model Zoo's demo."""

# As in CSS, except green, which is the full one for people who work with cameras.
COLOURS: dict[str, Colour] = {
    "black": (0, 0, 0), "white": (255, 255, 255), "gray": (128, 128, 128), "grey": (128, 128, 128),
    "silver": (192, 192, 192), "red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0),
    "yellow": (0, 255, 255), "cyan": (255, 255, 0), "magenta": (255, 0, 255), "orange": (0, 165, 255),
    "purple": (128, 0, 128), "pink": (203, 192, 255), "brown": (42, 42, 165), "navy": (128, 0, 0),
    "teal": (128, 128, 0), "olive": (0, 128, 128), "maroon": (0, 0, 128),
}  # fmt: skip
TRANSPARENT = "transparent"
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


def open_background(target: str | None, blur_px: int = 0, pixel_aspect: Fraction = Fraction(1)) -> Background:
    """Open a background.

    Args:
        target: a colour, an image, a folder or pattern of images, a video, a camera, a stream, or "transparent". None:
            the real scene if it is blurred, else green.
        blur_px: the width in pixels of a box that blurs like it, 0 for no blur.
        pixel_aspect: the width of the frames' pixels by their height: images and videos look in them as elsewhere.

    Raises:
        OptionError: neither a file nor a colour.
        SourceError: the file cannot be read.
    """
    NATURAL.require(blur_px=blur_px)
    if target == TRANSPARENT:
        return Checkerboard()
    if target is None:
        return RealScene(blur_px) if blur_px else ColourBackground(DEFAULT_COLOUR)
    if is_pattern(target):
        return MovingBackground(open_source(target, loop=True), blur_px, pixel_aspect)
    if not Path(target).exists():
        colour = parse_colour(target)
        if colour is not None:
            return ColourBackground(colour)
        if not is_live(target):
            raise OptionError(
                f'"{target}" is neither a file nor a colour. Expected an image, a video, a pattern, '
                f'"transparent", "R,G,B", "#rrggbb" or a name ({", ".join(sorted(COLOURS))})',
                "target_bgr",
            )
    if Path(target).suffix.lower() in IMAGE_SUFFIXES:
        return StillBackground(read_image(Path(target)), blur_px, pixel_aspect)
    return MovingBackground(open_source(target, loop=True), blur_px, pixel_aspect)


def parse_colour(text: str) -> Colour | None:
    """Read "R,G,B", "#rrggbb", "#rgb" or a name as BGR; None if it is none of them."""
    text = text.strip().lower()
    if text in COLOURS:
        return COLOURS[text]
    digits = text.removeprefix("#")
    try:
        if text.startswith("#") and len(digits) in (3, 6):
            pairs = [digit * 2 for digit in digits] if len(digits) == 3 else [digits[i : i + 2] for i in (0, 2, 4)]
            red, green, blue = (int(pair, 16) for pair in pairs)
        else:
            red, green, blue = (int(number) for number in text.split(","))
    except ValueError:
        return None
    return (blue, green, red) if all(0 <= level <= 255 for level in (red, green, blue)) else None


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


class StillBackground(_NothingToClose):
    """An image that fills the frame and keeps its aspect ratio."""

    def __init__(self, image: Image, blur_px: int = 0, pixel_aspect: Fraction = Fraction(1)) -> None:
        """Raise ShapeError unless `image` is (H, W, 3) uint8 BGR."""
        require_image("image", image)
        self._fitted = lru_cache(maxsize=2)(
            lambda size, wanted: in_format(_prepared(image, size, blur_px, pixel_aspect), wanted)
        )

    def __enter__(self) -> StillBackground:
        return self

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return the image at the frame's size."""
        return self._fitted(result.frame.size, wanted)


class MovingBackground:
    """A looped video, in step by time: what it shows at second t is the background of the frame at second t.

    The two frame rates may differ.
    """

    def __init__(self, source: Source, blur_px: int = 0, pixel_aspect: Fraction = Fraction(1)) -> None:
        """Take a source that loops."""
        self._source = source
        aspect = pixel_aspect / source.info.form.pixel_aspect
        self._reader = Prefetched(source)
        self._frames = iter(self._reader)
        self._shown: deque[Frame] = deque()
        self._fitted = lru_cache(maxsize=2)(
            lambda frame, size, wanted: in_format(_prepared(_opaque(frame), size, blur_px, aspect), wanted)
        )

    def __enter__(self) -> MovingBackground:
        self._source.__enter__()
        self._reader.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)
        self._source.__exit__(kind, error, trace)

    def at(self, result: Result, wanted: YuvFormat | None = None) -> Picture:
        """Return what the video shows at the frame's time, at the frame's size."""
        return self._fitted(self._frame_at(result.frame.timestamp_s), result.frame.size, wanted)

    def _frame_at(self, time_s: Fraction) -> Frame:
        """The last frame that is due; the first one, before it is due. `_shown` holds it and the one after it."""
        while len(self._shown) < 2 or self._shown[1].timestamp_s <= time_s:
            frame = next(self._frames, None)
            if frame is None:
                break
            if len(self._shown) == 2:
                self._shown.popleft()
            self._shown.append(frame)
        return self._shown[-1] if self._shown[-1].timestamp_s <= time_s else self._shown[0]


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


def _opaque(frame: Frame) -> Picture:
    """Black where the background itself is transparent. Pictures with an alpha are BGR."""
    return frame.picture if frame.opacity is None else over_black(frame.image, frame.opacity)


def _prepared(picture: Picture, size: Size, blur_px: int, pixel_aspect: Fraction) -> Picture:
    """pixel_aspect: that of the frames, by that of the picture."""
    fitted = resize_picture(cover(picture, shown_size(size, pixel_aspect)), size)
    return with_planes(fitted, partial(_blurred, blur_px / size[0]), size) if blur_px else fitted


def _blurred(share: float, plane: Plane, size: Size) -> Plane:
    """share: the width of the box that blurs like it, of the picture's width."""
    return cv2.GaussianBlur(plane, (0, 0), max(share * size[0] / 12**0.5, 0.3))
