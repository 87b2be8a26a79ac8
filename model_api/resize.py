"""How a frame is laid into a network's input, and how the answer finds its way back.

Every way of the Open Model Zoo is two rectangles: the part of the frame that is shown to the network,
and the place in the input where it goes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from model_api.types import Alpha, Image, Size

AnyImage = TypeVar("AnyImage", Image, Alpha)
Rectangle = tuple[int, int, int, int]
"""x, y, width, height in pixels."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels, the first pixel reaching from 0 to 1."""
SAMPLES = 4
"""Pixels that are averaged for one of a thumbnail, along each side."""
MULTIPLE_PX = 32
"""Networks halve their image five times."""


@dataclass(frozen=True)
class Fit:
    """frame_wh, input_wh: sizes of both. shown: rectangle of the frame. placed: rectangle of the input."""

    frame_wh: Size
    input_wh: Size
    shown: Rectangle
    placed: Rectangle

    def apply(self, image: Image) -> Image:
        """The network's input, (H, W, 3) uint8, for a frame of `frame_wh`. Borders are black."""
        return _transfer(image, self.shown, self.placed, self.input_wh)

    def undo(self, answer: AnyImage) -> AnyImage:
        """An answer of `input_wh` at the frame's size, 0 where the network did not see the frame."""
        return _transfer(answer, self.placed, self.shown, self.frame_wh)

    def undo_box(self, box: Box) -> Box:
        """A box of the input as one of the frame."""
        (from_x, from_y, from_width, from_height), (x, y, width, height) = self.placed, self.shown
        across, down = width / from_width, height / from_height
        left, top, right, bottom = box
        return (
            x + (left - from_x) * across,
            y + (top - from_y) * down,
            x + (right - from_x) * across,
            y + (bottom - from_y) * down,
        )

    @property
    def whole(self) -> bool:
        """Whether the whole frame fills the whole input."""
        return self.shown == (0, 0, *self.frame_wh) and self.placed == (0, 0, *self.input_wh)

    @property
    def scales(self) -> bool:
        return self.shown[2:] != self.placed[2:]


def standard(frame_wh: Size, input_wh: Size) -> Fit:
    """Stretch the whole frame over the whole input."""
    return Fit(frame_wh, input_wh, (0, 0, *frame_wh), (0, 0, *input_wh))


def crop(frame_wh: Size, input_wh: Size) -> Fit:
    """Fill the input with the middle of the frame, keeping the aspect ratio."""
    shown_wh = _largest_inside(frame_wh, aspect_of=input_wh)
    return Fit(frame_wh, input_wh, _centred(shown_wh, frame_wh), (0, 0, *input_wh))


def fit_to_window(frame_wh: Size, input_wh: Size) -> Fit:
    """Show the whole frame at the input's top left, keeping the aspect ratio."""
    placed_wh = _largest_inside(input_wh, aspect_of=frame_wh)
    return Fit(frame_wh, input_wh, (0, 0, *frame_wh), (0, 0, *placed_wh))


def fit_to_window_letterbox(frame_wh: Size, input_wh: Size) -> Fit:
    """Show the whole frame in the input's middle, keeping the aspect ratio."""
    placed_wh = _largest_inside(input_wh, aspect_of=frame_wh)
    return Fit(frame_wh, input_wh, (0, 0, *frame_wh), _centred(placed_wh, input_wh))


RESIZE_TYPES: dict[str, Callable[[Size, Size], Fit]] = {
    "crop": crop,
    "standard": standard,
    "fit_to_window": fit_to_window,
    "fit_to_window_letterbox": fit_to_window_letterbox,
}


def resize(image: AnyImage, size: Size) -> AnyImage:
    """To (width, height): averaged when it shrinks, so that nothing flickers, else bilinear."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    shrinks = size[0] < width and size[1] < height
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def thumbnail(image: Image, size: Size) -> Image:
    """To a small (width, height) at little cost: of a large picture some pixels are taken, then averaged."""
    # Averaging all of 1280×720 takes 4 ms, this 0.1 ms.
    samples_wh = SAMPLES * size[0], SAMPLES * size[1]
    return cv2.resize(
        cv2.resize(image, samples_wh, interpolation=cv2.INTER_NEAREST), size, interpolation=cv2.INTER_AREA
    )


def scaled_inside(size: Size, limit: Size) -> Size:
    """The largest size of the same aspect ratio that fits into `limit`, never larger than `size`."""
    return size if size[0] <= limit[0] and size[1] <= limit[1] else _largest_inside(limit, aspect_of=size)


def rounded_size(size: Size, scale: float = 1.0) -> Size:
    """(width, height) times `scale`, each side the nearest multiple of MULTIPLE_PX, one of them at least."""
    width, height = (max(MULTIPLE_PX, round(side * scale / MULTIPLE_PX) * MULTIPLE_PX) for side in size)
    return width, height


def size_of_area(size: Size, area_wh: Size) -> Size:
    """The aspect ratio of `size` with as many pixels as `area_wh`, in multiples of MULTIPLE_PX."""
    return rounded_size(size, math.sqrt(area_wh[0] * area_wh[1] / (size[0] * size[1])))


def cover(image: Image, size: Size) -> Image:
    """Fill (width, height) with the image's middle, keeping its aspect ratio."""
    height, width = image.shape[:2]
    return crop((width, height), size).apply(image)


def _transfer(image: AnyImage, source: Rectangle, target: Rectangle, target_wh: Size) -> AnyImage:
    x, y, width, height = source
    part = resize(image[y : y + height, x : x + width], target[2:])
    if target == (0, 0, *target_wh):
        return np.ascontiguousarray(part)
    canvas = np.zeros((target_wh[1], target_wh[0], *image.shape[2:]), image.dtype)
    x, y, width, height = target
    canvas[y : y + height, x : x + width] = part
    return canvas


def _largest_inside(limit: Size, aspect_of: Size) -> Size:
    scale = min(limit[0] / aspect_of[0], limit[1] / aspect_of[1])
    return max(1, round(aspect_of[0] * scale)), max(1, round(aspect_of[1] * scale))


def _centred(size: Size, around: Size) -> Rectangle:
    return (around[0] - size[0]) // 2, (around[1] - size[1]) // 2, *size
