"""Parts of a picture: worked on one after another, and enlarged as the whole would be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from model_api.types import Floats, Image, Part, Size

AnyPlanes = TypeVar("AnyPlanes", Image, Floats)

BAND_PX = 40
"""Rows that are worked on at a time: what one step writes is still in the processor's cache when the next reads it."""

MARGIN_PX = 2
"""Of a smaller plane: windows of the guided filter reach one pixel, enlarging another."""


def bands(picture: AnyPlanes) -> list[Part]:
    """All of it, some rows at a time."""
    height, width = picture.shape[:2]
    return [(slice(row, min(row + BAND_PX, height)), slice(0, width)) for row in range(0, height, BAND_PX)]


def occupied(plane: Floats | None, whole: AnyPlanes) -> Iterator[Part]:
    """Of each band, what lies within MARGIN_PX of where a smaller `plane` is above 0. None: all of it."""
    if plane is None:
        yield from bands(whole)
        return
    (height, width), (small_height, small_width) = whole.shape[:2], plane.shape[:2]
    above = cv2.compare(plane, 0, cv2.CMP_GT)
    for rows, _ in bands(whole):
        first = max(rows.start * small_height // height - MARGIN_PX, 0)
        last = -(-rows.stop * small_height // height) + MARGIN_PX
        x, _, across, _ = cv2.boundingRect(above[first:last])
        if across:
            left, right = x - MARGIN_PX, x + across + MARGIN_PX
            yield rows, slice(max(left * width // small_width, 0), min(-(-right * width // small_width), width))


def joined(parts_of: Callable[[Sequence[Part]], Iterable[Image]], like: Image) -> Image:
    """The whole picture, as large as `like`, made in bands."""
    whole = np.empty_like(like)
    parts = bands(like)
    for part, picture in zip(parts, parts_of(parts), strict=True):
        whole[part] = picture
    return whole


def enlarged_parts(
    planes_of: Callable[[Part], Sequence[AnyPlanes]], parts: Sequence[Part], whole_wh: Size, small_wh: Size
) -> Iterator[tuple[Part, list[AnyPlanes]]]:
    """Each part with its own of some pictures that are known at a smaller size, enlarged bilinearly.

    planes_of: those pictures, of a part of the smaller size; asked once, for all that the parts need.
    """
    if not parts:
        return
    around = placed(union(parts), whole_wh, small_wh).small
    pictures = planes_of(around)
    place = None
    for part in parts:
        wanted = placed(part, whole_wh, small_wh)
        if place is None or not place.holds(wanted):
            place = wanted
            enlarged = [place.enlarged(planes[within(place.small, around)]) for planes in pictures]
        inside = within(part, place.part)
        yield part, [planes[inside] for planes in enlarged]


@dataclass(frozen=True)
class Place:
    """A part of a picture, and the same part of it at a smaller size, where whole pixels of both begin and end."""

    part: Part
    small: Part

    def enlarged(self, planes: AnyPlanes) -> AnyPlanes:
        """planes: of the small part. The same numbers as of the whole enlarged bilinearly, but for a margin that is not
        the picture's edge."""
        size = [side.stop - side.start for side in reversed(self.part)]
        return cv2.resize(planes, size, interpolation=cv2.INTER_LINEAR)

    def holds(self, other: Place) -> bool:
        return all(
            own.start <= side.start and side.stop <= own.stop for side, own in zip(other.part, self.part, strict=True)
        )


def placed(part: Part, whole_wh: Size, small_wh: Size) -> Place:
    """Around a part of the picture, with a margin to spare."""
    rows, small_rows = _widened(part[0], whole_wh[1], small_wh[1])
    columns, small_columns = _widened(part[1], whole_wh[0], small_wh[0])
    return Place((rows, columns), (small_rows, small_columns))


def within(part: Part, outer: Part) -> Part:
    """The same part, its rows and columns counted from where the outer one begins."""
    rows, columns = (
        slice(side.start - own.start, side.stop - own.start) for side, own in zip(part, outer, strict=True)
    )
    return rows, columns


def union(parts: Sequence[Part]) -> Part:
    """The smallest part that holds all of these."""
    rows, columns = (
        slice(min(side.start for side in sides), max(side.stop for side in sides)) for sides in zip(*parts, strict=True)
    )
    return rows, columns


def _widened(side: slice, whole: int, small: int) -> tuple[slice, slice]:
    """Moved outwards, by a pixel of the smaller size at least, to where pixels of both sizes begin."""
    meetings = math.gcd(whole, small)
    step, small_step = whole // meetings, small // meetings
    first, last = max(side.start // step - 1, 0), min(-(-side.stop // step) + 1, meetings)
    return slice(first * step, last * step), slice(first * small_step, last * small_step)
