"""How a frame is laid into a network's input, and the network's answer is brought back to the frame.

Each resize type of the Open Model Zoo is two rectangles: the part of the frame that the network sees, and its place in
the input.
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
"""Left, top, right, bottom in pixels. The first pixel extends from 0 to 1."""
SAMPLES = 4
"""Pixels along each side that are averaged for one pixel of a thumbnail."""
MULTIPLE_PX = 32
"""Networks halve their image five times."""


@dataclass(frozen=True)
class Fit:
    """How a frame is laid into a network's input.

    Attributes:
        frame_wh: (width, height) of the frame in pixels.
        input_wh: (width, height) of the input in pixels.
        shown: the rectangle of the frame that the network sees.
        placed: the rectangle of the input where it is.
    """

    frame_wh: Size
    input_wh: Size
    shown: Rectangle
    placed: Rectangle

    def apply(self, image: Image) -> Image:
        """Lay a frame into the input.

        Args:
            image: (H, W, 3) uint8 of `frame_wh`.

        Returns:
            The same of `input_wh`, with black borders.
        """
        return _transfer(image, self.shown, self.placed, self.input_wh)

    def undo(self, answer: AnyImage) -> AnyImage:
        """Bring an answer back to the frame.

        Args:
            answer: an image or alpha of `input_wh`.

        Returns:
            The same of `frame_wh`, 0 where the network did not see the frame.
        """
        return _transfer(answer, self.placed, self.shown, self.frame_wh)

    def undo_box(self, box: Box) -> Box:
        """Convert a box in the input to a box in the frame."""
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
        """Whether the frame is resized."""
        return self.shown[2:] != self.placed[2:]


def standard(frame_wh: Size, input_wh: Size) -> Fit:
    """Stretch the whole frame over the whole input. The aspect ratio changes."""
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


STANDARD = "standard"
RESIZE_TYPES: dict[str, Callable[[Size, Size], Fit]] = {
    "crop": crop,
    STANDARD: standard,
    "fit_to_window": fit_to_window,
    "fit_to_window_letterbox": fit_to_window_letterbox,
}


def resize(image: AnyImage, size: Size) -> AnyImage:
    """Resize an image or alpha: averaged when it shrinks, so that nothing flickers, else bilinear.

    Args:
        image: (H, W, 3) uint8 or (H, W) float32.
        size: (width, height) in pixels.

    Returns:
        A new array of that size, or `image` itself if it has that size.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    shrinks = size[0] < width and size[1] < height
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def thumbnail(image: Image, size: Size) -> Image:
    """Shrink an image to a small size at little cost: some pixels are sampled, then averaged.

    Args:
        image: (H, W, 3) uint8.
        size: (width, height) in pixels.

    Returns:
        (H, W, 3) uint8 of that size.
    """
    # Averaging all of 1280×720 takes 4 ms, this 0.1 ms.
    samples_wh = SAMPLES * size[0], SAMPLES * size[1]
    return cv2.resize(
        cv2.resize(image, samples_wh, interpolation=cv2.INTER_NEAREST), size, interpolation=cv2.INTER_AREA
    )


def scaled_inside(size: Size, limit: Size) -> Size:
    """The largest size with the aspect ratio of `size` that fits into `limit` and is not larger than `size`."""
    return size if size[0] <= limit[0] and size[1] <= limit[1] else _largest_inside(limit, aspect_of=size)


def rounded_size(size: Size, scale: float = 1.0) -> Size:
    """(width, height) times `scale`, each side the nearest multiple of MULTIPLE_PX, one of them at least."""
    width, height = (max(MULTIPLE_PX, round(side * scale / MULTIPLE_PX) * MULTIPLE_PX) for side in size)
    return width, height


def size_of_area(size: Size, area_wh: Size) -> Size:
    """The aspect ratio of `size` with as many pixels as `area_wh`, in multiples of MULTIPLE_PX."""
    return rounded_size(size, math.sqrt(area_wh[0] * area_wh[1] / (size[0] * size[1])))


def cover(image: Image, size: Size) -> Image:
    """Fill a size with the image's middle, keeping its aspect ratio.

    Args:
        image: (H, W, 3) uint8.
        size: (width, height) in pixels.

    Returns:
        (H, W, 3) uint8 of that size.
    """
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
