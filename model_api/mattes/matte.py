"""Mattes: how much of each pixel is the person, and in which colour.

A matte belongs to one frame, and holds it.
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
from model_api.mattes.guided_filter import AlphaCoefficients, Coefficients, SlopeAndOffset, grey
from model_api.mattes.tiles import bands, enlarged_tiles, join_tiles, occupied_tiles
from model_api.types import Alpha, Floats, Image, Levels, Tile

AT_ONCE = 1 << 15
"""Soft pixels that are computed together: what is made of them stays in the processor's cache."""


class Matte(Protocol):
    """The person in one frame: alpha and colours at the frame's size."""

    @property
    def alpha(self) -> Alpha:
        """How much of each pixel is the person: (H, W) float32 in [0, 1]."""

    @property
    def levels(self) -> Levels:
        """Alpha in 255ths: (H, W) uint8, 255 where the person is."""

    @property
    def foreground(self) -> Image:
        """The person's own colours, without the old background at soft edges: (H, W, 3) uint8 BGR.

        Computed once. Copy it before you write to it.
        """

    def over(self, background: Image) -> Image:
        """Blend the person over `background`.

        Args:
            background: (H, W, 3) uint8 BGR, of the frame's size.

        Returns:
            A new (H, W, 3) uint8 BGR image.

        Raises:
            ShapeError: `background` is not such an image, or has another size than the frame.
        """


@dataclass(frozen=True, eq=False)
class DenseMatte:
    """A matte that is stored pixel by pixel.

    Attributes:
        frame: (H, W, 3) uint8 BGR.
        alpha: (H, W) float32 in [0, 1].
        colours: (H, W, 3) uint8 BGR, the person's own. None: they are estimated from the frame.

    Raises:
        ShapeError: other arrays, or sizes that differ.
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
        """See `Matte`."""
        return cv2.convertScaleAbs(self.alpha, alpha=255)

    @property
    def foreground(self) -> Image:
        """See `Matte`."""
        return self._estimate.whole if self.colours is None else self.colours

    def over(self, background: Image) -> Image:
        """See `Matte`."""
        require_background(background, self.frame)
        if self.colours is None:
            return composite_estimated(self._estimate, background)
        return composite(lambda tiles: map(self.foreground.__getitem__, tiles), background, self.levels)

    @cached_property
    def _estimate(self) -> ForegroundEstimate:
        return ForegroundEstimate(self.frame, self.levels)


@dataclass(frozen=True, eq=False)
class _Guided:
    """An alpha that follows the frame's own edges: see `guided_filter`.

    Only bands of where the person is are made in floating point at the frame's size.
    """

    frame: Image
    coefficients: AlphaCoefficients

    @cached_property
    def alpha(self) -> Alpha:
        """See `Matte`."""
        alpha: Alpha = np.zeros(self.frame.shape[:2], np.float32)
        for tile, product, offset in self._alphas():
            np.clip((product + offset) * np.float32(1 / 255), 0, 1, out=alpha[tile])
        return alpha

    @cached_property
    def levels(self) -> Levels:
        """See `Matte`."""
        levels: Levels = np.zeros(self.frame.shape[:2], np.uint8)
        for tile, product, offset in self._alphas():
            levels[tile] = cv2.add(product, offset, dtype=cv2.CV_8U)
        return levels

    def _alphas(self) -> Iterator[tuple[Tile, Floats, Floats]]:
        """The product a · grey and b, band by band. Their sum is alpha times 255, below 0 and above 255 too."""
        tiles = list(occupied_tiles(self.coefficients.person, self.frame))
        for tile, (slope, offset) in self._enlarged(lambda small: _in_tile(self.coefficients.alpha, small), tiles):
            product = grey(self.frame[tile])
            product *= slope
            yield tile, product, offset

    def _enlarged(
        self, coefficients_of: Callable[[Tile], SlopeAndOffset], tiles: Sequence[Tile]
    ) -> Iterator[tuple[Tile, list[Floats]]]:
        """Each tile with its a and b. coefficients_of: those in a tile of the small image."""
        height, width = self.frame.shape[:2]
        return enlarged_tiles(coefficients_of, tiles, (width, height), self.coefficients.size)


@dataclass(frozen=True, eq=False)
class GuidedMatte(_Guided):
    """A matte whose alpha and colours follow the frame's own edges: see `guided_filter`.

    Attributes:
        frame: (H, W, 3) uint8 BGR.
        coefficients: of alpha and colours, at a smaller size.
    """

    coefficients: Coefficients

    @cached_property
    def foreground(self) -> Image:
        """See `Matte`."""
        return join_tiles(self._coloured, self.frame)

    def over(self, background: Image) -> Image:
        """See `Matte`."""
        require_background(background, self.frame)
        return composite(self._coloured, background, self.levels)

    def _coloured(self, tiles: Sequence[Tile]) -> Iterator[Image]:
        for tile, (slope, offset) in self._enlarged(self.coefficients.colours, tiles):
            product = cv2.cvtColor(self.frame[tile], cv2.COLOR_BGR2BGRA).astype(np.float32)
            product *= slope
            yield cv2.cvtColor(cv2.add(product, offset, dtype=cv2.CV_8U), cv2.COLOR_BGRA2BGR)


@dataclass(frozen=True, eq=False)
class GuidedAlphaMatte(_Guided):
    """A matte whose alpha follows the frame's own edges, and whose colours are estimated.

    Attributes:
        frame: (H, W, 3) uint8 BGR.
        coefficients: of alpha, at a smaller size.
    """

    @property
    def foreground(self) -> Image:
        """See `Matte`."""
        return self._estimate.whole

    def over(self, background: Image) -> Image:
        """See `Matte`."""
        require_background(background, self.frame)
        return composite_estimated(self._estimate, background)

    @cached_property
    def _estimate(self) -> ForegroundEstimate:
        return ForegroundEstimate(self.frame, self.levels)


def composite(colours_of: Callable[[Sequence[Tile]], Iterable[Image]], background: Image, levels: Levels) -> Image:
    """Blend colours over a background where alpha is above 0.

    Args:
        colours_of: gives the person's colours in each of some tiles. Called once, with tiles that hold the person.
        background: (H, W, 3) uint8 BGR.
        levels: (H, W) uint8, alpha in 255ths.

    Returns:
        A new (H, W, 3) uint8 BGR image.
    """
    image = background.copy()
    tiles = list(person_tiles(levels))
    for tile, colours in zip(tiles, colours_of(tiles), strict=True):
        image[tile] = blend(colours, background[tile], levels[tile])
    return image


def composite_estimated(estimate: ForegroundEstimate, background: Image) -> Image:
    """Blend a frame over a background: its opaque pixels are copied, and only soft edges are computed.

    Args:
        estimate: of the frame's colours at soft edges.
        background: (H, W, 3) uint8 BGR.

    Returns:
        A new (H, W, 3) uint8 BGR image.
    """
    levels = estimate.levels
    image = background.copy()
    cv2.copyTo(estimate.image, cv2.threshold(levels, 254, 255, cv2.THRESH_BINARY)[1], image)
    edges = positions(levels, 1, 254)
    for soft in np.split(edges, range(AT_ONCE, edges.size, AT_ONCE)) if edges.size else ():
        behind, own = np.take(background.reshape(-1, 3), soft, axis=0), np.take(levels, soft)
        image.reshape(-1, 3)[soft] = blend(estimate.at(soft)[np.newaxis], behind[np.newaxis], own[np.newaxis])[0]
    return image


def blend(foreground: Image, background: Image, levels: Levels) -> Image:
    """Compute alpha · foreground + (1 - alpha) · background in whole numbers, rounded once."""
    weight = cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR)
    total = np.multiply(foreground, weight, dtype=np.uint16)
    total += np.multiply(background, cv2.bitwise_not(weight), dtype=np.uint16)
    return cv2.convertScaleAbs(total, alpha=1 / 255)


def person_tiles(levels: Levels) -> Iterator[Tile]:
    """Rectangles that hold the person, one for each band of rows."""
    for rows, _ in bands(levels):
        x, y, width, height = cv2.boundingRect(levels[rows])
        if width:
            yield slice(rows.start + y, rows.start + y + height), slice(x, x + width)


def require_background(background: Image, frame: Image) -> None:
    """Check a background.

    Raises:
        ShapeError: it is not an image, or has another size than `frame`.
    """
    require_image("background", background)
    require_equal_sizes(frame=frame, background=background)


def _in_tile(coefficients: SlopeAndOffset, tile: Tile) -> SlopeAndOffset:
    slope, offset = coefficients
    return slope[tile], offset[tile]
