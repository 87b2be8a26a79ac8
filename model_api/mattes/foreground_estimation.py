"""The person's colours at soft edges, for networks that answer only an alpha.

At an edge the camera mixed person and old background. Composited as it is, the old background shows as a halo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from model_api.types import Alpha, Floats, Image, Levels, Size

WORK_HEIGHT_PX = 120
REACH = 1 / 15
"""Colours are averaged within this share of the image's height: 90 pixels of 1350 in the paper."""
CLEAR = 0.02
"""Alphas closer than this to 0 or 1 need no estimate."""
SOFT = (math.ceil(CLEAR * 255), math.floor((1 - CLEAR) * 255))
"""The first and the last of the other alphas, in 255ths."""

ROW = 1024
"""Pixels that are looked up are arranged in rows of this length: OpenCV takes none longer than 32767."""

Pixels = npt.NDArray[np.intp]
"""(n,) positions in an image, counted row by row."""


def estimate_foreground(image: Image, alpha: Alpha) -> Image:
    """Estimate the foreground of a frame: see `ForegroundEstimate`.

    Args:
        image: (H, W, 3) uint8 BGR.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        A new (H, W, 3) uint8 BGR image.
    """
    return ForegroundEstimate(image, cv2.convertScaleAbs(alpha, alpha=255)).whole


@dataclass(frozen=True, eq=False)
class ForegroundEstimate:
    """The foreground F of image = alpha F + (1 - alpha) B, computed where it is asked for.

    Blur fusion: Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021, equations 4 to 7. F and B are
    averaged on a small image; the last step is done only for the pixels of soft edges.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        levels: (H, W) uint8, alpha in 255ths.
    """

    image: Image
    levels: Levels

    @cached_property
    def whole(self) -> Image:
        """(H, W, 3) uint8 BGR. It differs from `image` only where alpha is between 0 and 1."""
        whole = self.image.copy()
        soft = positions(self.levels, *SOFT)
        whole.reshape(-1, 3)[soft] = self.at(soft)
        return whole

    def at(self, pixels: Pixels) -> Image:
        """The colours of n pixels: (n, 3) uint8 BGR."""
        seen, levels = np.take(self.image.reshape(-1, 3), pixels, axis=0), np.take(self.levels, pixels)
        soft = positions(levels, *SOFT)
        if soft.size:
            seen[soft] = self._estimated(seen[soft], levels[soft], pixels[soft])
        return seen

    def _estimated(self, seen: Image, levels: Levels, pixels: Pixels) -> Image:
        share = levels[:, np.newaxis] * np.float32(1 / 255)
        person, scene = self._gathered_at(pixels)
        # F = person + alpha · (seen - (alpha · person + (1 - alpha) · scene))
        error = person - scene
        error *= share
        error += scene
        np.subtract(seen, error, out=error)
        error *= share
        error += person
        return np.clip(np.rint(error, out=error), 0, 255, out=error).astype(np.uint8)

    def _gathered_at(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """(n, 3) of both, enlarged bilinearly, with pixels as areas."""
        height, width = self.levels.shape
        small_width, small_height = _work_size(self.levels)
        y, x = np.divmod(pixels.astype(np.int32), np.int32(width))
        across, down = (
            _in_rows((x + 0.5) * (small_width / width) - 0.5),
            _in_rows((y + 0.5) * (small_height / height) - 0.5),
        )
        person, scene = (
            cv2.remap(small, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)
            for small in self._gathered
        )
        return person[: pixels.size].astype(np.float32), scene[: pixels.size].astype(np.float32)

    @cached_property
    def _gathered(self) -> tuple[Image, Image]:
        """The colours of the person and of the scene around each pixel of a small image."""
        size = _work_size(self.levels)
        # Sampled, not averaged: the blur that follows is far wider than what is skipped, and it is 20 times faster.
        small, weight = (cv2.resize(source, size).astype(np.float32) for source in (self.image, self.levels))
        weight = weight[..., np.newaxis] * np.float32(1 / 255)
        return _mean_colours(small, _pure(weight)), _mean_colours(small, _pure(1 - weight))


def positions(levels: Levels, first: int, last: int) -> Pixels:
    """The pixels whose levels are from `first` to `last`."""
    # One comparison in place of two: what lies below wraps around.
    return np.flatnonzero(levels - np.uint8(first) <= np.uint8(last - first))


def _in_rows(values: npt.NDArray[np.floating]) -> Floats:
    """(n,) in rows of ROW, the last one padded with zeros."""
    rows = np.zeros((-(-values.size // ROW), ROW), np.float32)
    rows.reshape(-1)[: values.size] = values
    return rows


def _work_size(levels: Levels) -> Size:
    height, width = levels.shape
    shrink = min(1.0, WORK_HEIGHT_PX / height)
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def _pure(share: Floats) -> Floats:
    """The weight of a pixel: its share to the fourth power.

    The error of one pass is then a third of the error with the paper's weights, for which the paper takes a second pass
    (tests/unit/model_api/test_foreground.py).
    """
    squared = share * share
    return squared * squared


def _mean_colours(image: Floats, weight: Floats) -> Image:
    """The weighted mean colour around each pixel: (h, w, 3) uint8 BGR."""
    reach = 2 * max(1, round(image.shape[0] * REACH)) + 1
    total = cv2.blur(image * weight, (reach, reach))
    weights = cv2.blur(weight, (reach, reach)).reshape(weight.shape)
    mean = (total + 1e-4 * image) / (weights + 1e-4)
    return np.clip(mean, 0, 255).astype(np.uint8)
