"""Guided filters: an answer found in a small image, brought to the frame's size along the frame's own edges.

The answer is a · image + b, where the image is the frame's blue, green, red and grey (their mean) of 0..255. The
coefficients a, the slope, and b, the offset, belong to the small image and are enlarged bilinearly (He and Sun, "Fast
Guided Filter", arXiv 1505.00996).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from model_api.pictures.picture import Picture, bgr_of
from model_api.pictures.yuv_image import CHROMA_STEPS, YuvImage
from model_api.types import Floats, Image, Size, Tile

REACH_PX = 1
EPSILON = 1e-5 * 255**2
"""Of the filter for images in 0..255."""

FIT_BAND_PX = 32
"""Rows that are fitted at a time: they stay in the processor's cache."""

FULL = np.float32(255)
MEAN = np.full((1, 3), 1 / 3, np.float32)
WINDOW = np.full(2 * REACH_PX + 1, 1 / (2 * REACH_PX + 1), np.float32)

RESIDUAL = np.array([1, 1, 1, 0], np.float32)
"""Networks answer how the colours change. Added to the slopes, this adds the image's own colours."""

SlopeAndOffset = tuple[Floats, Floats]
"""The coefficients a and b at each point, both (h, w) or (h, w, 4) float32."""


class AlphaCoefficients(Protocol):
    """The coefficients of an alpha at the small size, for answers of 0..255."""

    @property
    def size(self) -> Size:
        """(width, height) of the small image in pixels."""

    @property
    def person(self) -> Floats | None:
        """(h, w) float32, above 0 wherever alpha may be; None where that is not known."""

    @property
    def alpha(self) -> SlopeAndOffset:
        """(h, w) float32 each, to be applied to the image's grey."""


class Coefficients(AlphaCoefficients, Protocol):
    """The coefficients of the colours, too."""

    def colours(self, tile: Tile) -> SlopeAndOffset:
        """Compute the coefficients of the colours in a part of the small image.

        Args:
            tile: rows and columns of the small image.

        Returns:
            (rows, columns, 4) float32 each: blue, green, red, and a fourth that means nothing, because OpenCV and NumPy
            are much slower with three.
        """


@dataclass(frozen=True, eq=False)
class DeepCoefficients:
    """Coefficients as a network answers them: the deep guided filter of Wu et al., arXiv 1803.05619.

    Attributes:
        slope: (h, w, 4) float32 of red, green, blue and alpha, for answers and images in [0, 1], the colours as
            residuals.
        offset: the same.
    """

    slope: Floats
    offset: Floats

    @property
    def size(self) -> Size:
        """(width, height) of the small image in pixels."""
        return self.slope.shape[1], self.slope.shape[0]

    @property
    def person(self) -> None:
        """Not known."""
        return None

    @cached_property
    def alpha(self) -> SlopeAndOffset:
        """See `AlphaCoefficients`."""
        return cv2.extractChannel(self.slope, 3), cv2.extractChannel(self.offset, 3) * FULL

    def colours(self, tile: Tile) -> SlopeAndOffset:
        """See `Coefficients`."""
        return _bgra(self.slope[tile]) + RESIDUAL, _bgra(self.offset[tile]) * FULL


@dataclass(frozen=True, eq=False)
class FastCoefficients:
    """Coefficients fitted to an answer at the small size, where they are asked for: see `fit_coefficients`.

    Attributes:
        image: (h, w, 3) uint8 BGR, the small image.
        answer: (h, w, 4) float32 in [0, 1] of red, green, blue and alpha, the colours as residuals.
    """

    image: Image
    answer: Floats

    @property
    def size(self) -> Size:
        """(width, height) of the small image in pixels."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def person(self) -> None:
        """Not known: where the network's answer is below 0, the filtered alpha may be above it."""
        return None

    @cached_property
    def alpha(self) -> SlopeAndOffset:
        """See `AlphaCoefficients`."""
        return fit_coefficients(grey(self.image), cv2.extractChannel(self.answer, 3) * FULL)

    def colours(self, tile: Tile) -> SlopeAndOffset:
        """See `Coefficients`."""
        height, width = self.answer.shape[:2]
        (rows, inner_rows), (columns, inner_columns) = _widened(tile[0], height), _widened(tile[1], width)
        image, answer = self.image[rows, columns], self.answer[rows, columns]
        slope, offset = fit_coefficients(with_grey(image), _bgra(answer) * FULL)
        return slope[inner_rows, inner_columns] + RESIDUAL, offset[inner_rows, inner_columns]


@dataclass(frozen=True, eq=False)
class FastAlphaCoefficients:
    """Coefficients fitted to an alpha at the small size: see `fit_coefficients`.

    Attributes:
        image: (h, w, 3) uint8 BGR, the small image.
        person: (h, w) float32 in [0, 1], its alpha.
    """

    image: Image
    person: Floats

    @property
    def size(self) -> Size:
        """(width, height) of the small image in pixels."""
        return self.image.shape[1], self.image.shape[0]

    @cached_property
    def alpha(self) -> SlopeAndOffset:
        """See `AlphaCoefficients`."""
        return fit_coefficients(grey(self.image), self.person * FULL)


def fit_coefficients(guide: Floats, answer: Floats) -> SlopeAndOffset:
    """Fit a and b of answer = a · guide + b in the window around each point, by least squares.

    As Robust Video Matting does it (https://github.com/PeterL1n/RobustVideoMatting, model/fast_guided_filter.py,
    radius 1, epsilon 1e-5). Around the image everything is 0.

    Args:
        guide: (h, w) or (h, w, 4) float32 of 0..255.
        answer: of the same shape, in any unit.

    Returns:
        a and b, each of that shape; b is in the unit of `answer`.
    """
    slope, offset = np.empty_like(answer), np.empty_like(answer)
    height = guide.shape[0]
    for begin in range(0, height, FIT_BAND_PX):
        rows = slice(begin, min(begin + FIT_BAND_PX, height))
        around, inner = _widened(rows, height)
        slope[rows], offset[rows] = (plane[inner] for plane in _fitted(guide[around], answer[around]))
    return slope, offset


def grey(image: Image) -> Floats:
    """The mean of blue, green and red: (h, w) float32 of 0..255."""
    return cv2.transform(image.astype(np.float32), MEAN)


def grey_of(picture: Picture) -> Callable[[Tile], Floats]:
    """The grey of a picture, part by part: of a tile, a new (h, w) float32 of about 0..255.

    Of planes it is computed without their colours: it is linear in Y, Cb and Cr. Not so of HDR, whose grey is what a
    screen shows, as the network sees it.
    """
    if not isinstance(picture, YuvImage) or not picture.space.plain:
        image = bgr_of(picture)
        return lambda tile: grey(image[tile])
    luma, blue, red, offset = picture.space.to_bgr.mean(axis=0)
    across, down = CHROMA_STEPS[picture.format.chroma]

    def grey_in(tile: Tile) -> Floats:
        (rows, inner_rows), (columns, inner_columns) = _sharing(tile[0], down), _sharing(tile[1], across)
        chroma = picture.u[rows, columns] * blue
        chroma += picture.v[rows, columns] * red
        chroma += offset
        if (across, down) != (1, 1):
            size = chroma.shape[1] * across, chroma.shape[0] * down
            chroma = cv2.resize(chroma, size, interpolation=cv2.INTER_NEAREST)
        level = picture.y[tile] * luma
        level += chroma[inner_rows, inner_columns]
        return level

    return grey_in


def _sharing(side: slice, step: int) -> tuple[slice, slice]:
    """The samples of chroma that the pixels of `side` share, and where these are among all that share them."""
    first = side.start // step
    return slice(first, -(-side.stop // step)), slice(side.start - first * step, side.stop - first * step)


def with_grey(image: Image) -> Floats:
    """Blue, green, red and their mean: (h, w, 4) float32 of 0..255."""
    colours = image.astype(np.float32)
    planes: Floats = cv2.cvtColor(colours, cv2.COLOR_BGR2BGRA)
    cv2.insertChannel(cv2.transform(colours, MEAN), planes, 3)
    return planes


def _fitted(guide: Floats, answer: Floats) -> SlopeAndOffset:
    mean, mean_answer = _mean(guide), _mean(answer)
    slope, variance = _mean(guide * answer), _mean(guide * guide)
    slope -= mean * mean_answer
    variance -= mean * mean
    variance += np.float32(EPSILON)
    slope /= variance
    mean *= slope
    return slope, np.subtract(mean_answer, mean, out=mean_answer)


def _widened(side: slice, whole: int) -> tuple[slice, slice]:
    """All that the windows of `side` reach, and where `side` is in that."""
    wide = slice(max(side.start - REACH_PX, 0), min(side.stop + REACH_PX, whole))
    return wide, slice(side.start - wide.start, side.stop - wide.start)


def _mean(planes: Floats) -> Floats:
    return cv2.sepFilter2D(planes, -1, WINDOW, WINDOW, borderType=cv2.BORDER_CONSTANT)


def _bgra(planes: Floats) -> Floats:
    return cv2.cvtColor(planes, cv2.COLOR_RGBA2BGRA)
