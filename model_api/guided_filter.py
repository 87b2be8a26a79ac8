"""The fast guided filter (He and Sun, arXiv 1505.00996) at the small size at which a network looks, as Robust Video
Matting has it: https://github.com/PeterL1n/RobustVideoMatting, model/fast_guided_filter.py, radius 1, epsilon 1e-5."""

from __future__ import annotations

import cv2
import numpy as np

from model_api.types import Floats, Image

REACH_PX = 1
EPSILON = 1e-5 * 255**2
"""Of the filter for pictures in 0..255."""

BAND_PX = 32
"""Rows that are worked on at a time: they stay in the processor's cache."""

MEAN = np.full((1, 3), 1 / 3, np.float32)
WINDOW = np.full(2 * REACH_PX + 1, 1 / (2 * REACH_PX + 1), np.float32)


def slope_and_offset(picture: Image, answer: Floats) -> tuple[Floats, Floats]:
    """The straight line from the picture's blue, green, red and grey to the answer's four planes that fits best in each
    pixel's window; around the picture everything is 0.

    picture: (h, w, 3) uint8 BGR. answer: (h, w, 4) float32. Both come as (h, w, 4) float32, in the answer's units.
    """
    slope, offset = np.empty_like(answer), np.empty_like(answer)
    height = picture.shape[0]
    for begin in range(0, height, BAND_PX):
        rows = slice(begin, min(begin + BAND_PX, height))
        around = slice(max(rows.start - REACH_PX, 0), min(rows.stop + REACH_PX, height))
        inner = slice(rows.start - around.start, rows.stop - around.start)
        slope[rows], offset[rows] = (line[inner] for line in _fitted(with_grey(picture[around]), answer[around]))
    return slope, offset


def with_grey(picture: Image) -> Floats:
    """(h, w, 4) float32 of 0..255: blue, green, red and their mean."""
    colours = picture.astype(np.float32)
    planes: Floats = cv2.cvtColor(colours, cv2.COLOR_BGR2BGRA)
    cv2.insertChannel(cv2.transform(colours, MEAN), planes, 3)
    return planes


def _fitted(guide: Floats, answer: Floats) -> tuple[Floats, Floats]:
    mean, mean_answer = _mean(guide), _mean(answer)
    slope, variance = _mean(guide * answer), _mean(guide * guide)
    slope -= mean * mean_answer
    variance -= mean * mean
    variance += np.float32(EPSILON)
    slope /= variance
    mean *= slope
    return slope, np.subtract(mean_answer, mean, out=mean_answer)


def _mean(planes: Floats) -> Floats:
    return cv2.sepFilter2D(planes, -1, WINDOW, WINDOW, borderType=cv2.BORDER_CONSTANT)
