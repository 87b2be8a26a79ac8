"""Tiles: parts of an image that are worked on one after another, and enlarged as the whole would be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from model_api.types import Floats, Image, Size, Tile

AnyPlanes = TypeVar("AnyPlanes", Image, Floats)

TILE_BAND_PX = 40
"""Rows that are worked on at a time: what one step writes is still in the processor's cache when the next reads it."""

MARGIN_PX = 2
"""Of a smaller plane: windows of the guided filter reach one pixel, enlarging another."""


def bands(size: Size) -> list[Tile]:
    """Divide an image of this (width, height) into bands of TILE_BAND_PX rows, the last one may be shorter."""
    width, height = size
    return [(slice(row, min(row + TILE_BAND_PX, height)), slice(0, width)) for row in range(0, height, TILE_BAND_PX)]


def occupied_tiles(plane: Floats | None, whole_wh: Size) -> Iterator[Tile]:
    """Find where in each band of an image the person may be.

    Args:
        plane: (h, w) float32 of a smaller size, above 0 where the person may be. None: anywhere.
        whole_wh: (width, height) of the image in pixels.

    Yields:
        Of each band the columns within MARGIN_PX of such places; no tile for a band without one.
    """
    if plane is None:
        yield from bands(whole_wh)
        return
    (width, height), (small_height, small_width) = whole_wh, plane.shape[:2]
    above = cv2.compare(plane, 0, cv2.CMP_GT)
    for rows, _ in bands(whole_wh):
        first = max(rows.start * small_height // height - MARGIN_PX, 0)
        last = -(-rows.stop * small_height // height) + MARGIN_PX
        x, _, across, _ = cv2.boundingRect(above[first:last])
        if across:
            left, right = x - MARGIN_PX, x + across + MARGIN_PX
            yield rows, slice(max(left * width // small_width, 0), min(-(-right * width // small_width), width))


def join_tiles(tiles_of: Callable[[Sequence[Tile]], Iterable[Image]], like: Image) -> Image:
    """Make an image band by band.

    Args:
        tiles_of: gives the image in each of some tiles.
        like: an image of the same size and type.
    """
    whole = np.empty_like(like)
    tiles = bands((like.shape[1], like.shape[0]))
    for tile, image in zip(tiles, tiles_of(tiles), strict=True):
        whole[tile] = image
    return whole


def enlarged_tiles(
    planes_of: Callable[[Tile], Sequence[AnyPlanes]], tiles: Sequence[Tile], whole_wh: Size, small_wh: Size
) -> Iterator[tuple[Tile, list[AnyPlanes]]]:
    """Enlarge some planes bilinearly, only where tiles of the large size need it.

    Args:
        planes_of: gives the planes in a tile of the small size. Called once, with all that `tiles` need.
        tiles: tiles of the large size.
        whole_wh: (width, height) of the large size in pixels.
        small_wh: (width, height) of the small size in pixels.

    Yields:
        Each tile with its part of the enlarged planes.
    """
    if not tiles:
        return
    around = scaled_tile(enclosing_tile(tiles), whole_wh, small_wh).small
    small_planes = planes_of(around)
    current = None
    for tile in tiles:
        needed = scaled_tile(tile, whole_wh, small_wh)
        if current is None or not current.holds(needed):
            current = needed
            enlarged = [current.enlarged(planes[tile_within(current.small, around)]) for planes in small_planes]
        inside = tile_within(tile, current.large)
        yield tile, [planes[inside] for planes in enlarged]


@dataclass(frozen=True)
class ScaledTile:
    """The same part of an image at two sizes. It begins and ends at whole pixels of both."""

    large: Tile
    small: Tile

    def enlarged(self, planes: AnyPlanes) -> AnyPlanes:
        """Enlarge `planes` of the small tile bilinearly.

        The numbers are those of the whole, enlarged, except in the margin where the tile does not end at the image's
        edge.
        """
        size = [side.stop - side.start for side in reversed(self.large)]
        return cv2.resize(planes, size, interpolation=cv2.INTER_LINEAR)

    def holds(self, other: ScaledTile) -> bool:
        """Whether `other` lies in this tile."""
        return all(
            own.start <= side.start and side.stop <= own.stop for side, own in zip(other.large, self.large, strict=True)
        )


def scaled_tile(tile: Tile, whole_wh: Size, small_wh: Size) -> ScaledTile:
    """Find the tile of both sizes that holds a tile of the large one, with a margin to spare."""
    rows, small_rows = _widened(tile[0], whole_wh[1], small_wh[1])
    columns, small_columns = _widened(tile[1], whole_wh[0], small_wh[0])
    return ScaledTile((rows, columns), (small_rows, small_columns))


def tile_within(tile: Tile, outer: Tile) -> Tile:
    """Count the rows and columns of a tile from where the outer one begins."""
    rows, columns = (
        slice(side.start - own.start, side.stop - own.start) for side, own in zip(tile, outer, strict=True)
    )
    return rows, columns


def enclosing_tile(tiles: Sequence[Tile]) -> Tile:
    """The smallest tile that holds all of `tiles`."""
    rows, columns = (
        slice(min(side.start for side in sides), max(side.stop for side in sides)) for sides in zip(*tiles, strict=True)
    )
    return rows, columns


def _widened(side: slice, whole: int, small: int) -> tuple[slice, slice]:
    """Moved outwards, by at least a pixel of the small size, to where pixels of both sizes begin."""
    meetings = math.gcd(whole, small)
    step, small_step = whole // meetings, small // meetings
    first, last = max(side.start // step - 1, 0), min(-(-side.stop // step) + 1, meetings)
    return slice(first * step, last * step), slice(first * small_step, last * small_step)
