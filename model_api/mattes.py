"""What a model answers: how much of each pixel is the person, and in which colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from model_api.errors import ShapeError
from model_api.foreground import estimate_foreground
from model_api.resize import Rectangle, placed
from model_api.types import Alpha, Floats, Image, Part, Size

Levels = npt.NDArray[np.uint8]
"""(H, W) uint8: alpha in 255ths."""

BAND_PX = 24
"""Rows that are worked on at a time: what one step writes is still in the processor's cache when the next reads it."""

MEAN = np.full((1, 3), 1 / 3, np.float32)


class Matte(Protocol):
    """A person's outline in one frame."""

    @property
    def alpha(self) -> Alpha:
        """(H, W) float32 in [0, 1], at the frame's size."""

    @property
    def levels(self) -> Levels:
        """The same, (H, W) uint8, 255 where the person is."""

    def foreground(self, frame: Image) -> Image:
        """The person's own colours, without the old background at soft edges: (H, W, 3) uint8 BGR, made once and not
        to be written to."""

    def over(self, frame: Image, background: Image) -> Image:
        """Blend the person over `background`.

        frame, background: (H, W, 3) uint8 BGR, equal sizes. Returns a new (H, W, 3) uint8 BGR image.
        Raises ShapeError if the sizes differ.
        """


@dataclass(frozen=True, eq=False)
class DenseMatte:
    """A matte that is stored pixel by pixel.

    alpha: (H, W) float32 in [0, 1]. colours: (H, W, 3) uint8 BGR, or None where the model answers none:
    they are estimated then.
    """

    alpha: Alpha
    colours: Image | None = None
    _estimated: list[Image] = field(default_factory=list, init=False, repr=False)

    @cached_property
    def levels(self) -> Levels:
        return cv2.convertScaleAbs(self.alpha, alpha=255)

    def foreground(self, frame: Image) -> Image:
        if self.colours is not None:
            return self.colours
        if not self._estimated:
            self._estimated.append(estimate_foreground(frame, self.alpha))
        return self._estimated[0]

    def over(self, frame: Image, background: Image) -> Image:
        require_equal_sizes(frame, background, self.levels)
        return composed(self.foreground(frame).__getitem__, background, self.levels)


@dataclass(frozen=True, eq=False)
class GuidedMatte:
    """A matte that follows the frame's own edges: the answer, blue, green, red and alpha, each of 0..255, is
    slope · picture + offset, picture the frame's blue, green, red and grey, of 0..255 too.

    slope, offset: (h, w, 4) float32 at any smaller size, to be enlarged bilinearly (He and Sun, "Fast Guided Filter",
    arXiv 1505.00996). Nothing at the frame's size is made in floating point but a band of it.
    """

    frame: Image
    slope: Floats
    offset: Floats

    @cached_property
    def alpha(self) -> Alpha:
        alpha: Alpha = np.empty(self.frame.shape[:2], np.float32)
        for rows, band in self._alphas():
            np.clip(band * np.float32(1 / 255), 0, 1, out=alpha[rows])
        return alpha

    @cached_property
    def levels(self) -> Levels:
        levels: Levels = np.empty(self.frame.shape[:2], np.uint8)
        for rows, band in self._alphas():
            cv2.threshold(band, 0, 0, cv2.THRESH_TOZERO, dst=band)
            cv2.convertScaleAbs(band, dst=levels[rows])
        return levels

    def _alphas(self) -> Iterator[tuple[slice, Floats]]:
        """Alpha times 255, below 0 and above 255 too, band by band."""
        height, width = self.frame.shape[:2]
        whole = placed((0, 0, width, height), (width, height), self._small_wh)
        slope, offset = (whole.enlarged(cv2.extractChannel(planes, 3)) for planes in (self.slope, self.offset))
        for rows in bands(0, height):
            band = cv2.transform(self.frame[rows].astype(np.float32), MEAN)
            band *= slope[rows]
            band += offset[rows]
            yield rows, band

    def foreground(self, frame: Image) -> Image:
        return self._colours

    @cached_property
    def _colours(self) -> Image:
        colours = np.empty_like(self.frame)
        height, width = colours.shape[:2]
        coloured = self._coloured((0, 0, width, height))
        for rows in bands(0, height):
            colours[rows] = coloured((rows, slice(0, width)))
        return colours

    def over(self, frame: Image, background: Image) -> Image:
        require_equal_sizes(frame, background, self.levels)
        return composed(self._coloured(cv2.boundingRect(self.levels)), background, self.levels)

    def _coloured(self, rectangle: Rectangle) -> Callable[[Part], Image]:
        """The colours of any part of the picture that lies in the rectangle."""
        place = placed(rectangle, (self.frame.shape[1], self.frame.shape[0]), self._small_wh)
        slope, offset = place.enlarged(self.slope), place.enlarged(self.offset)

        def colours(part: Part) -> Image:
            # Four channels, one of them idle: OpenCV and NumPy are much slower with three.
            answer = cv2.cvtColor(self.frame[part], cv2.COLOR_BGR2BGRA).astype(np.float32)
            answer *= slope[place.inside(part)]
            answer += offset[place.inside(part)]
            cv2.threshold(answer, 0, 0, cv2.THRESH_TOZERO, dst=answer)
            return cv2.cvtColor(cv2.convertScaleAbs(answer), cv2.COLOR_BGRA2BGR)

        return colours

    @property
    def _small_wh(self) -> Size:
        return self.slope.shape[1], self.slope.shape[0]


def composed(colours: Callable[[Part], Image], background: Image, levels: Levels) -> Image:
    """colours: of a part of the picture, asked for where the person is."""
    composite = background.copy()
    for part in covered(levels):
        composite[part] = blended(colours(part), background[part], levels[part])
    return composite


def blended(foreground: Image, background: Image, levels: Levels) -> Image:
    """alpha · foreground + (1 - alpha) · background in whole numbers, rounded once."""
    weight = cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR)
    total = np.multiply(foreground, weight, dtype=np.uint16)
    total += np.multiply(background, cv2.bitwise_not(weight), dtype=np.uint16)
    return cv2.convertScaleAbs(total, alpha=1 / 255)


def covered(levels: Levels) -> Iterator[Part]:
    """Rectangles that hold the person, one for each band of rows."""
    for rows in bands(0, levels.shape[0]):
        x, y, width, height = cv2.boundingRect(levels[rows])
        if width:
            yield slice(rows.start + y, rows.start + y + height), slice(x, x + width)


def bands(begin: int, end: int) -> Iterator[slice]:
    return (slice(row, min(row + BAND_PX, end)) for row in range(begin, end, BAND_PX))


def require_equal_sizes(frame: Image, background: Image, levels: Levels) -> None:
    if not frame.shape[:2] == background.shape[:2] == levels.shape:
        raise ShapeError(
            f"Sizes (height, width) differ: frame {frame.shape[:2]}, background {background.shape[:2]}, "
            f"alpha {levels.shape}. Resize the background to the frame."
        )
