"""Guided filters: an answer found in a small picture, brought to the frame's size along the frame's own edges.

The answer is slope · picture + offset, picture the frame's blue, green, red and grey (their mean) of 0..255; slope and
offset belong to the small picture, and are enlarged bilinearly (He and Sun, "Fast Guided Filter", arXiv 1505.00996).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from model_api.types import Floats, Image, Part, Size

REACH_PX = 1
EPSILON = 1e-5 * 255**2
"""Of the filter for pictures in 0..255."""

BAND_PX = 32
"""Rows that are worked on at a time: they stay in the processor's cache."""

FULL = np.float32(255)
MEAN = np.full((1, 3), 1 / 3, np.float32)
WINDOW = np.full(2 * REACH_PX + 1, 1 / (2 * REACH_PX + 1), np.float32)

RESIDUAL = np.array([1, 1, 1, 0], np.float32)
"""Networks answer what they change in the colours: those are the picture's and that. Added to the slopes."""

Line = tuple[Floats, Floats]
"""Slope and offset of a straight line for each point, both (h, w) or (h, w, 4) float32."""


class Guide(Protocol):
    """Slopes and offsets of an alpha at the small size, for answers of 0..255."""

    @property
    def size(self) -> Size:
        """The small one."""

    @property
    def person(self) -> Floats | None:
        """(h, w), above 0 wherever alpha may be; None where that is not known."""

    @property
    def alpha(self) -> Line:
        """(h, w), from the picture's grey."""


class Lines(Guide, Protocol):
    """Those of the colours, too."""

    def colours(self, part: Part) -> Line:
        """(rows, columns, 4) of a part of the small picture: blue, green, red, and a fourth that means nothing: OpenCV
        and NumPy are much slower with three."""


@dataclass(frozen=True, eq=False)
class KnownLines:
    """Slope and offset as a network found them ("deep guided filter"): each (h, w, 4) float32 of red, green, blue and
    alpha, for answers and pictures in [0, 1], the colours as residuals."""

    slope: Floats
    offset: Floats

    @property
    def size(self) -> Size:
        return self.slope.shape[1], self.slope.shape[0]

    @property
    def person(self) -> None:
        return None

    @cached_property
    def alpha(self) -> Line:
        return cv2.extractChannel(self.slope, 3), cv2.extractChannel(self.offset, 3) * FULL

    def colours(self, part: Part) -> Line:
        return _bgra(self.slope[part]) + RESIDUAL, _bgra(self.offset[part]) * FULL


@dataclass(frozen=True, eq=False)
class FittedLines:
    """Slope and offset of the lines that fit best, found where they are asked for: see `slope_and_offset`.

    picture: (h, w, 3) uint8 BGR. answer: (h, w, 4) float32 in [0, 1] of red, green, blue and alpha, the colours as
    residuals.
    """

    picture: Image
    answer: Floats

    @property
    def size(self) -> Size:
        return self.picture.shape[1], self.picture.shape[0]

    @property
    def person(self) -> None:
        """Not known: what the network answers before its filter may be below 0, and the alpha there above it."""
        return None

    @cached_property
    def alpha(self) -> Line:
        return slope_and_offset(grey(self.picture), cv2.extractChannel(self.answer, 3) * FULL)

    def colours(self, part: Part) -> Line:
        height, width = self.answer.shape[:2]
        (rows, inner_rows), (columns, inner_columns) = _widened(part[0], height), _widened(part[1], width)
        picture, answer = self.picture[rows, columns], self.answer[rows, columns]
        slope, offset = slope_and_offset(with_grey(picture), _bgra(answer) * FULL)
        return slope[inner_rows, inner_columns] + RESIDUAL, offset[inner_rows, inner_columns]


@dataclass(frozen=True, eq=False)
class AlphaLines:
    """The same for an alpha alone. picture: (h, w, 3) uint8 BGR. person: (h, w) float32 in [0, 1], its alpha."""

    picture: Image
    person: Floats

    @property
    def size(self) -> Size:
        return self.picture.shape[1], self.picture.shape[0]

    @cached_property
    def alpha(self) -> Line:
        return slope_and_offset(grey(self.picture), self.person * FULL)


def slope_and_offset(guide: Floats, answer: Floats) -> Line:
    """The straight line from the guide to the answer that fits best in each point's window, as Robust Video Matting has
    it (https://github.com/PeterL1n/RobustVideoMatting, model/fast_guided_filter.py, radius 1, epsilon 1e-5). Around the
    picture everything is 0.

    guide: (h, w) or (h, w, 4) float32 of 0..255. answer: of the same shape, in any unit, which is that of the offset.
    """
    slope, offset = np.empty_like(answer), np.empty_like(answer)
    height = guide.shape[0]
    for begin in range(0, height, BAND_PX):
        rows = slice(begin, min(begin + BAND_PX, height))
        around, inner = _widened(rows, height)
        slope[rows], offset[rows] = (line[inner] for line in _fitted(guide[around], answer[around]))
    return slope, offset


def grey(picture: Image) -> Floats:
    """(h, w) float32 of 0..255: the mean of blue, green and red."""
    return cv2.transform(picture.astype(np.float32), MEAN)


def with_grey(picture: Image) -> Floats:
    """(h, w, 4) float32 of 0..255: blue, green, red and their mean."""
    colours = picture.astype(np.float32)
    planes: Floats = cv2.cvtColor(colours, cv2.COLOR_BGR2BGRA)
    cv2.insertChannel(cv2.transform(colours, MEAN), planes, 3)
    return planes


def _fitted(guide: Floats, answer: Floats) -> Line:
    mean, mean_answer = _mean(guide), _mean(answer)
    slope, variance = _mean(guide * answer), _mean(guide * guide)
    slope -= mean * mean_answer
    variance -= mean * mean
    variance += np.float32(EPSILON)
    slope /= variance
    mean *= slope
    return slope, np.subtract(mean_answer, mean, out=mean_answer)


def _widened(side: slice, whole: int) -> tuple[slice, slice]:
    """What windows reach, and where in that `side` is."""
    wide = slice(max(side.start - REACH_PX, 0), min(side.stop + REACH_PX, whole))
    return wide, slice(side.start - wide.start, side.stop - wide.start)


def _mean(planes: Floats) -> Floats:
    return cv2.sepFilter2D(planes, -1, WINDOW, WINDOW, borderType=cv2.BORDER_CONSTANT)


def _bgra(planes: Floats) -> Floats:
    return cv2.cvtColor(planes, cv2.COLOR_RGBA2BGRA)
