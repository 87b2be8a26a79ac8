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

from model_api.pictures.picture import Picture, bgr_of, size_of
from model_api.pictures.yuv_image import CHROMA_STEPS, YuvImage, repeated
from model_api.types import Floats, Image, Size, Tile

REACH_PX = 1
EPSILON = 1e-5 * 255**2
"""Of the filter for images in 0..255."""

FIT_AT_ONCE = 1 << 16
"""Numbers that are fitted at a time, in whole rows: they stay in the processor's cache."""

GREYS_PX = 1
GREY_SPARE = 4.0
"""By how many levels the frame's greys may go beyond those of the small image within GREYS_PX. On four clips three of
22 million pixels are more than two levels off what they would be if all were computed, with twice this two."""

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
    def bounds(self) -> tuple[Floats, Floats]:
        """The least and the most alpha that may come out near each point: (h, w) float32 each, in 0..255 or beyond."""

    def alpha(self, tile: Tile) -> SlopeAndOffset:
        """Compute the coefficients of alpha in a part of the small image.

        Args:
            tile: rows and columns of the small image.

        Returns:
            (rows, columns) float32 each, to be applied to the image's grey.
        """


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

    @cached_property
    def bounds(self) -> tuple[Floats, Floats]:
        """See `AlphaCoefficients`. The image, and so its grey, is not known."""
        slope, offset = self._alpha
        ends = offset, slope * FULL + offset
        return cv2.min(*ends), cv2.max(*ends)

    def alpha(self, tile: Tile) -> SlopeAndOffset:
        """See `AlphaCoefficients`."""
        return _in_tile(self._alpha, tile)

    @cached_property
    def _alpha(self) -> SlopeAndOffset:
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
        return size_of(self.image)

    @cached_property
    def bounds(self) -> tuple[Floats, Floats]:
        """See `AlphaCoefficients`. Within the greys around each point; the frame's own may go a little beyond them."""
        slope, offset = self._alpha
        around = np.ones((2 * GREYS_PX + 1,) * 2, np.uint8)
        darkest, brightest = cv2.erode(self._grey, around) - GREY_SPARE, cv2.dilate(self._grey, around) + GREY_SPARE
        ends = slope * darkest + offset, slope * brightest + offset
        return cv2.min(*ends), cv2.max(*ends)

    def alpha(self, tile: Tile) -> SlopeAndOffset:
        """See `AlphaCoefficients`."""
        return _in_tile(self._alpha, tile)

    @cached_property
    def _alpha(self) -> SlopeAndOffset:
        return fit_coefficients(self._grey, cv2.extractChannel(self.answer, 3) * FULL)

    @cached_property
    def _grey(self) -> Floats:
        return grey(self.image)

    def colours(self, tile: Tile) -> SlopeAndOffset:
        """See `Coefficients`."""
        slope, offset = _fitted_in(
            tile, self.answer, lambda part: (with_grey(self.image[part]), _bgra(self.answer[part]) * FULL)
        )
        return slope + RESIDUAL, offset


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
        return size_of(self.image)

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """See `AlphaCoefficients`. Where a window has one alpha only, that comes out."""
        level = self.person * FULL
        return level, level

    def alpha(self, tile: Tile) -> SlopeAndOffset:
        """See `AlphaCoefficients`."""
        return _fitted_in(tile, self.person, lambda part: (grey(self.image[part]), self.person[part] * FULL))


def _in_tile(coefficients: SlopeAndOffset, tile: Tile) -> SlopeAndOffset:
    slope, offset = coefficients
    return slope[tile], offset[tile]


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
    band = max(1, FIT_AT_ONCE * height // guide.size)
    for begin in range(0, height, band):
        rows = slice(begin, min(begin + band, height))
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
        u, v = picture.u[rows, columns], picture.v[rows, columns]
        chroma = cv2.addWeighted(u, blue, v, red, offset, dtype=cv2.CV_32F)
        level = picture.y[tile] * luma
        level += repeated(chroma, (across, down))[inner_rows, inner_columns]
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


def _fitted_in(tile: Tile, like: Floats, planes_of: Callable[[Tile], tuple[Floats, Floats]]) -> SlopeAndOffset:
    """Fit in a tile as in the whole, which has the size of `like`. planes_of: guide and answer in a part of it."""
    (rows, inner_rows), (columns, inner_columns) = map(_widened, tile, like.shape[:2])
    slope, offset = fit_coefficients(*planes_of((rows, columns)))
    return slope[inner_rows, inner_columns], offset[inner_rows, inner_columns]


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
