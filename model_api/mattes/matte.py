"""What a model answers: how much of each pixel is the person, and in which colour.

A matte belongs to its frame, and knows it: nobody passes it another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from model_api.arrays import require_alpha, require_equal_sizes, require_image
from model_api.mattes.foreground_estimation import ForegroundEstimate, positions
from model_api.mattes.guided_filter import Guide, Line, Lines, grey
from model_api.mattes.tiles import bands, enlarged_parts, joined, occupied
from model_api.types import Alpha, Floats, Image, Levels, Part

AT_ONCE = 1 << 15
"""Soft pixels that are computed together: what is made of them stays in the processor's cache."""


class Matte(Protocol):
    """A person's outline in one frame, the one that it was made for."""

    @property
    def alpha(self) -> Alpha:
        """(H, W) float32 in [0, 1], at the frame's size."""

    @property
    def levels(self) -> Levels:
        """The same, (H, W) uint8, 255 where the person is."""

    @property
    def foreground(self) -> Image:
        """The person's own colours, without the old background at soft edges: (H, W, 3) uint8 BGR, made once and not
        to be written to."""

    def over(self, background: Image) -> Image:
        """Blend the person over `background`.

        Args:
            background: (H, W, 3) uint8 BGR, of the frame's size.

        Returns:
            A new (H, W, 3) uint8 BGR image.

        Raises:
            ShapeError: `background` is no such image, or of another size than the frame.
        """


@dataclass(frozen=True, eq=False)
class DenseMatte:
    """A matte that is stored pixel by pixel.

    frame: (H, W, 3) uint8 BGR. alpha: (H, W) float32 in [0, 1]. colours: (H, W, 3) uint8 BGR, or None where the model
    answers none: they are estimated then. Raises ShapeError for other arrays, and for sizes that differ.
    """

    frame: Image
    alpha: Alpha
    colours: Image | None = None

    def __post_init__(self) -> None:
        require_image("frame", self.frame)
        require_alpha("alpha", self.alpha)
        require_equal_sizes(frame=self.frame, alpha=self.alpha)
        if self.colours is not None:
            require_image("colours", self.colours)
            require_equal_sizes(frame=self.frame, colours=self.colours)

    @cached_property
    def levels(self) -> Levels:
        return cv2.convertScaleAbs(self.alpha, alpha=255)

    @property
    def foreground(self) -> Image:
        return self._estimate.whole if self.colours is None else self.colours

    def over(self, background: Image) -> Image:
        require_background(background, self.frame)
        if self.colours is None:
            return estimated(self._estimate, background)
        return composed(lambda parts: map(self.foreground.__getitem__, parts), background, self.levels)

    @cached_property
    def _estimate(self) -> ForegroundEstimate:
        return ForegroundEstimate(self.frame, self.levels)


@dataclass(frozen=True, eq=False)
class _Guided:
    """An alpha that follows the frame's own edges: see `guided_filter`. Nothing at the frame's size is made in floating
    point but bands of where the person is."""

    frame: Image
    lines: Guide

    @cached_property
    def alpha(self) -> Alpha:
        alpha: Alpha = np.zeros(self.frame.shape[:2], np.float32)
        for part, risen, offset in self._alphas():
            np.clip((risen + offset) * np.float32(1 / 255), 0, 1, out=alpha[part])
        return alpha

    @cached_property
    def levels(self) -> Levels:
        levels: Levels = np.zeros(self.frame.shape[:2], np.uint8)
        for part, risen, offset in self._alphas():
            levels[part] = cv2.add(risen, offset, dtype=cv2.CV_8U)
        return levels

    def _alphas(self) -> Iterator[tuple[Part, Floats, Floats]]:
        """Slope · grey and offset, whose sum is alpha times 255, below 0 and above 255 too, band by band."""
        parts = list(occupied(self.lines.person, self.frame))
        for part, (slope, offset) in self._enlarged(lambda small: _of_part(self.lines.alpha, small), parts):
            risen = grey(self.frame[part])
            risen *= slope
            yield part, risen, offset

    def _enlarged(self, line_of: Callable[[Part], Line], parts: Sequence[Part]) -> Iterator[tuple[Part, list[Floats]]]:
        """Each part with its slopes and offsets. line_of: those of a part of the small picture."""
        height, width = self.frame.shape[:2]
        return enlarged_parts(line_of, parts, (width, height), self.lines.size)


@dataclass(frozen=True, eq=False)
class GuidedMatte(_Guided):
    """One whose colours follow the frame too."""

    lines: Lines

    @cached_property
    def foreground(self) -> Image:
        return joined(self._coloured, self.frame)

    def over(self, background: Image) -> Image:
        require_background(background, self.frame)
        return composed(self._coloured, background, self.levels)

    def _coloured(self, parts: Sequence[Part]) -> Iterator[Image]:
        for part, (slope, offset) in self._enlarged(self.lines.colours, parts):
            risen = cv2.cvtColor(self.frame[part], cv2.COLOR_BGR2BGRA).astype(np.float32)
            risen *= slope
            yield cv2.cvtColor(cv2.add(risen, offset, dtype=cv2.CV_8U), cv2.COLOR_BGRA2BGR)


@dataclass(frozen=True, eq=False)
class GuidedAlphaMatte(_Guided):
    """One of a network that answers an alpha alone: colours are estimated."""

    @property
    def foreground(self) -> Image:
        return self._estimate.whole

    def over(self, background: Image) -> Image:
        require_background(background, self.frame)
        return estimated(self._estimate, background)

    @cached_property
    def _estimate(self) -> ForegroundEstimate:
        return ForegroundEstimate(self.frame, self.levels)


def composed(colours: Callable[[Sequence[Part]], Iterable[Image]], background: Image, levels: Levels) -> Image:
    """colours: of parts of the picture, asked for where the person is."""
    composite = background.copy()
    parts = list(covered(levels))
    for part, coloured in zip(parts, colours(parts), strict=True):
        composite[part] = blended(coloured, background[part], levels[part])
    return composite


def estimated(estimate: ForegroundEstimate, background: Image) -> Image:
    """Where the person is opaque the frame is copied; only soft edges are computed."""
    levels = estimate.levels
    composite = background.copy()
    cv2.copyTo(estimate.image, cv2.threshold(levels, 254, 255, cv2.THRESH_BINARY)[1], composite)
    everything = positions(levels, 1, 254)
    for soft in np.split(everything, range(AT_ONCE, everything.size, AT_ONCE)) if everything.size else ():
        behind, own = np.take(background.reshape(-1, 3), soft, axis=0), np.take(levels, soft)
        composite.reshape(-1, 3)[soft] = blended(estimate.at(soft)[np.newaxis], behind[np.newaxis], own[np.newaxis])[0]
    return composite


def blended(foreground: Image, background: Image, levels: Levels) -> Image:
    """alpha · foreground + (1 - alpha) · background in whole numbers, rounded once."""
    weight = cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR)
    total = np.multiply(foreground, weight, dtype=np.uint16)
    total += np.multiply(background, cv2.bitwise_not(weight), dtype=np.uint16)
    return cv2.convertScaleAbs(total, alpha=1 / 255)


def covered(levels: Levels) -> Iterator[Part]:
    """Rectangles that hold the person, one for each band of rows."""
    for rows, _ in bands(levels):
        x, y, width, height = cv2.boundingRect(levels[rows])
        if width:
            yield slice(rows.start + y, rows.start + y + height), slice(x, x + width)


def _of_part(line: Line, part: Part) -> Line:
    slope, offset = line
    return slope[part], offset[part]


def require_background(background: Image, frame: Image) -> None:
    require_image("background", background)
    require_equal_sizes(frame=frame, background=background)
