"""Auto framing: the view follows the person, as a camera operator would, and the mirror."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from model_api.mattes.levels_matte import moved, moved_picture
from model_api.pictures.yuv_image import Plane
from model_api.results import Result
from model_api.types import Levels, Size

SMALL_WH: Size = (160, 90)
"""The person is looked for on a mask of this size."""
SHARE_OF_WIDTH = 0.6
"""How much of the view's width the person takes, where the zoom allows it."""
HEADROOM = 0.1
"""Share of the view's height above the person."""
OTHERS = 0.2
"""Parts of the mask with at least this share of the largest one's area are people too."""
HEAD = 0.3
"""The height of most of a head, as a share of the width of head and shoulders."""
SETTLED_S = 0.6
"""Seconds in which two thirds of a way are gone."""
STILL = 0.04
"""Smaller moves of the person, as a share of the frame, move nothing."""
THERE = 1e-3


@dataclass(frozen=True)
class View:
    """A part of the frame with the frame's aspect ratio.

    Attributes:
        x: of its centre, as a share of the frame's width.
        y: of its centre, as a share of the frame's height.
        zoom: the frame's width by its own.
    """

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0


WHOLE = View()


@dataclass(frozen=True)
class Framing:
    """Where the view is, and where it goes."""

    view: View = WHOLE
    target: View = WHOLE


def followed(before: Framing | None, levels: Levels, zoom_limit: float, seconds: float = 0.0) -> Framing:
    """Go on following the person.

    Args:
        before: of the frame before. None: the view begins where the person is.
        levels: (H, W) uint8, alpha in 255ths.
        zoom_limit: the largest zoom. 1: the view returns to the whole frame.
        seconds: since the frame before.
    """
    wanted = _view_of(levels, zoom_limit)
    if before is None:
        return Framing(wanted, wanted)
    target = wanted if zoom_limit == 1 or _distance(wanted, before.target) > STILL else before.target
    share = 1 - math.exp(-max(seconds, 0.0) / SETTLED_S)
    view = View(*(old + share * (new - old) for old, new in zip(_numbers(before.view), _numbers(target), strict=True)))
    return Framing(target if _distance(view, target) < THERE else _inside(view), target)


def seen_through(result: Result, view: View, *, mirror: bool) -> Result:
    """Move a frame and its matte together: what the view shows fills the frame.

    Args:
        result: the frame and its matte.
        view: the part that is shown.
        mirror: whether left and right change places.
    """
    if view == WHOLE and not mirror:
        return result

    def change(plane: Plane, size: Size) -> Plane:
        return _seen(plane, view, mirror=mirror)

    frame = result.frame
    opacity = None if frame.opacity is None else change(frame.opacity, frame.size)
    shown = replace(frame, picture=moved_picture(frame.picture, change), opacity=opacity)
    return replace(result, frame=shown, matte=moved(result.matte, shown.picture, change))


def _seen(plane: Plane, view: View, *, mirror: bool) -> Plane:
    if view == WHOLE:
        return cv2.flip(plane, 1)
    height, width = plane.shape[:2]
    scale = 1 / view.zoom
    # Of the first pixel's centre in the view, in the plane's pixels.
    left, top = width * (view.x - scale / 2) + (scale - 1) / 2, height * (view.y - scale / 2) + (scale - 1) / 2
    across, first = (-scale, left + scale * (width - 1)) if mirror else (scale, left)
    matrix = np.array([[across, 0, first], [0, scale, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _view_of(levels: Levels, zoom_limit: float) -> View:
    """Head and shoulders, the head in the middle. Nobody there: the whole frame."""
    people = _people(levels) if zoom_limit > 1 else None
    if people is None:
        return WHOLE
    to_centre = 0.5 / max(min(people.x, 1 - people.x), THERE)  # a wider view with this centre reaches beyond the frame
    zoom = min(max(SHARE_OF_WIDTH / people.width, to_centre), 1 / people.width, zoom_limit)
    return _inside(View(people.x, people.top + (0.5 - HEADROOM) / zoom, max(zoom, 1.0)))


@dataclass(frozen=True)
class _People:
    """All people together, in shares of the frame: x of the middle, y of the top, and how wide."""

    x: float
    top: float
    width: float


def _people(levels: Levels) -> _People | None:
    """None: nobody."""
    small = cv2.resize(levels, SMALL_WH, interpolation=cv2.INTER_AREA)
    _, labels, parts, _ = cv2.connectedComponentsWithStats(cv2.compare(small, 127, cv2.CMP_GT))
    areas = parts[1:, cv2.CC_STAT_AREA]  # the first part is the rest of the frame
    if not areas.size:
        return None
    people = 1 + np.flatnonzero(areas >= OTHERS * areas.max())
    there = np.isin(labels, people)
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    top, width = int(rows[0]), int(columns[-1] - columns[0] + 1)
    if people.size == 1:  # the head decides: shoulders are cut off by the frame's edge sooner
        columns = np.flatnonzero(there[top : top + max(1, round(HEAD * width))].any(0))
    x = (columns[0] + columns[-1] + 1) / 2
    return _People(float(x / SMALL_WH[0]), top / SMALL_WH[1], width / SMALL_WH[0])


def _inside(view: View) -> View:
    margin = 0.5 / view.zoom
    return replace(view, x=min(max(view.x, margin), 1 - margin), y=min(max(view.y, margin), 1 - margin))


def _numbers(view: View) -> tuple[float, float, float]:
    return view.x, view.y, view.zoom


def _distance(a: View, b: View) -> float:
    return max(abs(one - other) for one, other in zip(_numbers(a), _numbers(b), strict=True))
