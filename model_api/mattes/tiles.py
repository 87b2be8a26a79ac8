"""Tiles: parts of an image that are worked on one after another, and enlarged as the whole would be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from model_api.types import Floats, Image, Levels, Size, Tile

AnyPlanes = TypeVar("AnyPlanes", Image, Floats)

TILE_BAND_PX = 192
"""Rows that are worked on at a time: what one step writes is still in the processor's cache when the next reads it."""

NEAR_PX = 64
"""Of a smaller plane: to begin another tile costs more than to go over so many columns."""

HALF_LEVEL = 0.5

MARGIN_PX = 2
"""Of a smaller plane: windows of the guided filter reach one pixel, enlarging another."""


def bands(size: Size) -> list[Tile]:
    """Divide an image of this (width, height) into bands of TILE_BAND_PX rows, the last one may be shorter."""
    width, height = size
    return [(slice(row, min(row + TILE_BAND_PX, height)), slice(0, width)) for row in range(0, height, TILE_BAND_PX)]


def tile_around(levels: Levels) -> Tile:
    """The rows and columns with everything above 0. Where nothing is, both end at 0."""
    x, y, width, height = cv2.boundingRect(levels)
    return slice(y, y + height), slice(x, x + width)


def soft_tiles(soft: Levels, whole_wh: Size) -> Iterator[Tile]:
    """Find the tiles of an image that hold its soft places.

    Args:
        soft: (h, w) uint8 of a smaller size, above 0 at soft places.
        whole_wh: (width, height) of the image in pixels.

    Yields:
        Of each band the runs of columns with such places. Places that are near each other share a run.
    """
    width, height = whole_wh
    small_height, small_width = soft.shape
    for rows, _ in bands(whole_wh):
        first, last = rows.start * small_height // height, -(-rows.stop * small_height // height)
        columns = np.flatnonzero(soft[first:last].max(axis=0))
        if columns.size:
            gaps = np.flatnonzero(np.diff(columns) > NEAR_PX)
            begins, ends = columns[[0, *(gaps + 1)]].tolist(), (columns[[*gaps, -1]] + 1).tolist()
            for begin, end in zip(begins, ends, strict=True):
                yield rows, slice(begin * width // small_width, -(-end * width // small_width))


def divided(lowest: Floats, highest: Floats) -> tuple[Levels, Levels]:
    """Divide a small image into what is the person for sure, what is not, and what is soft.

    Args:
        lowest: (h, w) float32, the least alpha in 0..255 that may come out at each place.
        highest: the same, the most.

    Returns:
        (h, w) uint8, 255 where it is the person for sure; and 255 where it is neither that nor the opposite, within
        MARGIN_PX.
    """
    around = np.ones((2 * MARGIN_PX + 1,) * 2, np.uint8)
    # Compared first: bytes are eroded faster than floats, and the least of some is high where all of them are.
    person = cv2.erode(cv2.compare(lowest, 255 - HALF_LEVEL, cv2.CMP_GE), around)
    scene = cv2.erode(cv2.compare(highest, HALF_LEVEL, cv2.CMP_LE), around)
    return person, cv2.bitwise_not(cv2.bitwise_or(person, scene))


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


def with_small_tile(tile: Tile, whole_wh: Size, small_wh: Size) -> ScaledTile:
    """Find the tile of both sizes that holds a tile of the small one, with a margin to spare."""
    columns, rows = (
        slice(side.start * whole // small, -(-side.stop * whole // small))
        for side, whole, small in zip(reversed(tile), whole_wh, small_wh, strict=True)
    )
    return scaled_tile((rows, columns), whole_wh, small_wh)


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
