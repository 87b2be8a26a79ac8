"""Small planes at single positions of a large picture, without enlarging them whole."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.pictures.layers import Pixels
from model_api.types import Floats, Size

ROW = 1024
"""Positions are arranged in rows of this length: OpenCV takes none longer than 32767."""

Places = tuple[Floats, Floats, int]
"""x and y in a small plane, arranged in rows, and how many there are."""


def places_of(pixels: Pixels, size: Size, small_wh: Size, corner: tuple[int, int] = (0, 0)) -> Places:
    """Find positions of a picture in a smaller one, with pixels as areas.

    Args:
        pixels: (n,) positions in the picture, counted row by row.
        size: (width, height) of the picture.
        small_wh: (width, height) of the smaller one.
        corner: x and y in the smaller one from where its places are counted.
    """
    # Not by divmod, which divides one number at a time.
    positions, width = pixels.astype(np.int32), np.int32(size[0])
    y = positions // width
    x = positions - y * width
    across, down = (
        _in_rows(place, own / whole, 0.5 * own / whole - 0.5 - begin)
        for place, whole, own, begin in zip((x, y), size, small_wh, corner, strict=True)
    )
    return across, down, pixels.size


def interpolated(small: npt.NDArray[Any], places: Places) -> npt.NDArray[Any]:
    """Interpolate bilinearly.

    Args:
        small: (h, w) or (h, w, C) uint8, uint16 or float32.
        places: where.

    Returns:
        (n,) or (n, C) of the same type.
    """
    across, down, count = places
    found = cv2.remap(small, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, *small.shape[2:])[:count]


def _in_rows(places: npt.NDArray[np.int32], slope: float, offset: float) -> Floats:
    """(n,) times `slope` plus `offset`, in rows of ROW, the last one padded."""
    rows = np.zeros((-(-places.size // ROW), ROW), np.float32)
    flat = rows.reshape(-1)[: places.size]
    flat[:] = places
    flat *= np.float32(slope)
    flat += np.float32(offset)
    return rows
