"""Mattes: how much of each pixel is the person, and in which colour.

A matte belongs to one frame, and holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from model_api.arrays import require_alpha, require_equal_sizes, require_image
from model_api.mattes.compositing import Blend, Colours, blend, composite, instead
from model_api.mattes.foreground_estimation import ForegroundEstimate
from model_api.mattes.given_colours import CoefficientColours, GivenColours
from model_api.mattes.guided_filter import AlphaCoefficients, Coefficients, SlopeAndOffset, grey_of
from model_api.mattes.tiles import (
    ScaledTile,
    divided,
    enlarged_tiles,
    join_tiles,
    scaled_tile,
    soft_tiles,
    tile_around,
    with_small_tile,
)
from model_api.pictures.picture import (
    AnyPicture,
    Picture,
    bgr_of,
    format_of,
    in_format,
    plain_picture,
    require_picture,
    size_of,
)
from model_api.pictures.yuv_image import YuvFormat, YuvImage
from model_api.types import Alpha, Floats, Image, Levels, Tile

NEIGHBOURS = np.ones((3, 3), np.uint8)


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

    def over(self, background: AnyPicture) -> AnyPicture:
        """Blend the person over `background`.

        Args:
            background: (H, W, 3) uint8 BGR, or planes; of the frame's size.

        Returns:
            A new picture in the format of `background`.

        Raises:
            ShapeError: `background` is not such a picture, or has another size than the frame.
        """

    def cut_out(self, wanted: YuvFormat | None) -> Picture:
        """The person's own colours where alpha is above 0, black elsewhere.

        Args:
            wanted: the format of the result, None for BGR.
        """


class Composited:
    """How every matte is composited: in the format of the background, to which another frame is converted."""

    frame: Picture

    @property
    def levels(self) -> Levels:
        """See `Matte`."""
        raise NotImplementedError

    def over(self, background: AnyPicture) -> AnyPicture:
        """See `Matte`."""
        require_background(background, self.frame)
        return self._composite(background, blend)

    def cut_out(self, wanted: YuvFormat | None) -> Picture:
        """See `Matte`."""
        return self._composite(plain_picture((0, 0, 0), size_of(self.frame), wanted), instead)

    @cached_property
    def _person(self) -> Tile:
        """The rows and columns with the person."""
        return tile_around(self.levels)

    @cached_property
    def _estimates(self) -> dict[YuvFormat | None, ForegroundEstimate]:
        """By format."""
        return {}

    def _estimate(self, wanted: YuvFormat | None) -> ForegroundEstimate:
        """Of each format, made once.

        A function that remembers would hold the matte, which holds the function: frames would stay in memory until
        Python looks for such circles.
        """
        if wanted not in self._estimates:
            self._estimates[wanted] = ForegroundEstimate(in_format(self.frame, wanted), self.levels, self._person)
        return self._estimates[wanted]

    def _composite(self, background: AnyPicture, mix: Blend) -> AnyPicture:
        own = in_format(self.frame, format_of(background))
        return composite(own, self._colours(own), background, self.levels, self._person, mix)

    def _colours(self, own: Picture) -> Colours:
        """own: the frame in the format of the composite."""
        return self._estimate(format_of(own))


@dataclass(frozen=True, eq=False)
class DenseMatte(Composited):
    """A matte that is stored pixel by pixel.

    Attributes:
        frame: (H, W, 3) uint8 BGR, or planes.
        alpha: (H, W) float32 in [0, 1].
        colours: (H, W, 3) uint8 BGR, the person's own. None: they are estimated from the frame.

    Raises:
        ShapeError: other arrays, or sizes that differ.
    """

    frame: Picture
    alpha: Alpha
    colours: Image | None = None

    def __post_init__(self) -> None:
        require_picture("frame", self.frame)
        require_alpha("alpha", self.alpha)
        require_equal_sizes(frame=largest_plane(self.frame), alpha=self.alpha)
        if self.colours is not None:
            require_image("colours", self.colours)
            require_equal_sizes(frame=largest_plane(self.frame), colours=self.colours)

    @cached_property
    def levels(self) -> Levels:
        """See `Matte`."""
        return cv2.convertScaleAbs(self.alpha, alpha=255)

    @cached_property
    def foreground(self) -> Image:
        """See `Matte`."""
        return self._estimate(None).whole if self.colours is None else self.colours

    def _colours(self, own: Picture) -> Colours:
        return super()._colours(own) if self.colours is None else GivenColours(self.colours, format_of(own))


@dataclass(frozen=True, eq=False)
class _Guided(Composited):
    """An alpha that follows the frame's own edges: see `guided_filter`.

    Only tiles of soft places are made in floating point at the frame's size.
    """

    frame: Picture
    coefficients: AlphaCoefficients

    @cached_property
    def alpha(self) -> Alpha:
        """See `Matte`."""
        alpha: Alpha = self._sure_levels() * np.float32(1 / 255)
        for tile, product, offset in self._soft_alphas():
            np.clip((product + offset) * np.float32(1 / 255), 0, 1, out=alpha[tile])
        return alpha

    @cached_property
    def levels(self) -> Levels:
        """See `Matte`."""
        levels = self._sure_levels()
        for tile, product, offset in self._soft_alphas():
            levels[tile] = cv2.add(product, offset, dtype=cv2.CV_8U)
        return levels

    def _sure_levels(self) -> Levels:
        """(H, W) uint8, 255 where the person is for sure."""
        levels: Levels = np.zeros(size_of(self.frame)[::-1], np.uint8)
        if place := self._person_place:
            # Bilinear is faster than the nearest. What it makes of the outline is in soft tiles, and replaced.
            levels[place.large] = place.enlarged(cv2.dilate(self._divided[0], NEIGHBOURS)[place.small])
        return levels

    def _soft_alphas(self) -> Iterator[tuple[Tile, Floats, Floats]]:
        """The product a · grey and b, tile by tile. Their sum is alpha times 255, below 0 and above 255 too."""
        tiles = list(soft_tiles(self._divided[1], size_of(self.frame)))
        grey = grey_of(self.frame)
        for tile, (slope, offset) in self._enlarged(self.coefficients.alpha, tiles):
            product = grey(tile)
            product *= slope
            yield tile, product, offset

    @property
    def _person_place(self) -> ScaledTile | None:
        """Where the person may be, in both sizes. None: nowhere."""
        tile = tile_around(cv2.max(*self._divided))
        return with_small_tile(tile, size_of(self.frame), self.coefficients.size) if tile[0].stop else None

    @cached_property
    def _divided(self) -> tuple[Levels, Levels]:
        return divided(*self.coefficients.bounds)

    def _enlarged(
        self, coefficients_of: Callable[[Tile], SlopeAndOffset], tiles: Sequence[Tile]
    ) -> Iterator[tuple[Tile, list[Floats]]]:
        """Each tile with its a and b. coefficients_of: those in a tile of the small image."""
        return enlarged_tiles(coefficients_of, tiles, size_of(self.frame), self.coefficients.size)


@dataclass(frozen=True, eq=False)
class GuidedMatte(_Guided):
    """A matte whose alpha and colours follow the frame's own edges: see `guided_filter`.

    Attributes:
        frame: (H, W, 3) uint8 BGR, or planes.
        coefficients: of alpha and colours, at a smaller size.
    """

    coefficients: Coefficients

    @cached_property
    def foreground(self) -> Image:
        """See `Matte`."""
        return join_tiles(self._coloured, bgr_of(self.frame))

    def _coloured(self, tiles: Sequence[Tile]) -> Iterator[Image]:
        image = bgr_of(self.frame)
        for tile, (slope, offset) in self._enlarged(self.coefficients.colours, tiles):
            product = cv2.cvtColor(image[tile], cv2.COLOR_BGR2BGRA).astype(np.float32)
            product *= slope
            yield cv2.cvtColor(cv2.add(product, offset, dtype=cv2.CV_8U), cv2.COLOR_BGRA2BGR)

    def _colours(self, own: Picture) -> Colours:
        return CoefficientColours(own, self.coefficients, self._person_part())

    def _person_part(self) -> Tile:
        """The part of the small image with the person."""
        return scaled_tile(self._person, size_of(self.frame), self.coefficients.size).small


@dataclass(frozen=True, eq=False)
class GuidedAlphaMatte(_Guided):
    """A matte whose alpha follows the frame's own edges, and whose colours are estimated.

    Attributes:
        frame: (H, W, 3) uint8 BGR, or planes.
        coefficients: of alpha, at a smaller size.
    """

    @cached_property
    def foreground(self) -> Image:
        """See `Matte`."""
        return self._estimate(None).whole


def require_background(background: Picture, frame: Picture) -> None:
    """Check a background.

    Raises:
        ShapeError: it is not a picture, or has another size than `frame`.
    """
    require_picture("background", background)
    require_equal_sizes(frame=largest_plane(frame), background=largest_plane(background))


def largest_plane(picture: Picture) -> Image:
    """An array of the picture's size."""
    return picture.y if isinstance(picture, YuvImage) else picture
