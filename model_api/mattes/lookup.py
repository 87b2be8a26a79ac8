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


def looked_up(small: npt.NDArray[Any], pixels: Pixels, size: Size) -> npt.NDArray[Any]:
    """Interpolate bilinearly, with pixels as areas.

    Args:
        small: (h, w) or (h, w, C) uint8, uint16 or float32.
        pixels: (n,) positions in a picture, counted row by row.
        size: (width, height) of that picture.

    Returns:
        (n,) or (n, C).
    """
    y, x = np.divmod(pixels.astype(np.int32), np.int32(size[0]))
    across, down = (
        _in_rows((place + np.float32(0.5)) * np.float32(own / side) - np.float32(0.5))
        for place, own, side in zip((x, y), small.shape[1::-1], size, strict=True)
    )
    found = cv2.remap(small, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, *small.shape[2:])[: pixels.size]


def _in_rows(values: Floats) -> Floats:
    """(n,) in rows of ROW, the last one padded with zeros."""
    rows = np.zeros((-(-values.size // ROW), ROW), np.float32)
    rows.reshape(-1)[: values.size] = values
    return rows
