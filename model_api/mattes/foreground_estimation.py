"""The person's colours at soft edges, for networks that answer only an alpha.

At an edge the camera mixed person and old background. Composited as it is, the old background shows as a halo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from model_api.mattes.compositing import positions
from model_api.mattes.lookup import looked_up
from model_api.pictures.layers import Layer, Pixels, Samples, gathered, layers_of, levels_in
from model_api.pictures.picture import Picture, bgr_of, format_of, samples_at
from model_api.pictures.yuv_image import Plane
from model_api.types import Alpha, Floats, Image, Levels, Size

WORK_HEIGHT_PX = 120
REACH = 1 / 15
"""Colours are averaged within this share of the image's height: 90 pixels of 1350 in the paper."""
CLEAR = 0.02
"""Alphas closer than this to 0 or 1 need no estimate."""
SOFT = (math.ceil(CLEAR * 255), math.floor((1 - CLEAR) * 255))
"""The first and the last of the other alphas, in 255ths."""


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
    """The foreground F of picture = alpha F + (1 - alpha) B, computed where it is asked for.

    Blur fusion: Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021, equations 4 to 7. F and B are
    averaged on a small picture; the last step is done only for the pixels of soft edges. All of it is linear in the
    samples, which may be BGR or Y'CbCr.

    Attributes:
        picture: the frame.
        levels: (H, W) uint8, alpha in 255ths.
    """

    picture: Picture
    levels: Levels

    @cached_property
    def whole(self) -> Image:
        """(H, W, 3) uint8 BGR, of a BGR frame. It differs from the frame only where alpha is between 0 and 1."""
        whole = bgr_of(self.picture).copy()
        soft = positions(self.levels, *SOFT)
        (whole.reshape(-1, 3)[soft],) = self.at(0, soft)
        return whole

    def at(self, layer: int, pixels: Pixels) -> Samples:
        """The colours at n positions of a layer."""
        if not pixels.size:
            return self._layers[layer].at(pixels)
        levels = gathered(self._levels[layer], pixels)
        share = np.where(levels - np.uint8(SOFT[0]) <= np.uint8(SOFT[1] - SOFT[0]), levels, 255) * np.float32(1 / 255)
        own = self._layers[layer]
        return [
            self._estimated(samples, share, *(looked_up(small, pixels, own.size) for small in self._small(channel)))
            for samples, channel in zip(own.at(pixels), own.channels, strict=True)
        ]

    def _estimated(self, seen: Plane, share: Floats, person: Plane, scene: Plane) -> Plane:
        """F = person + alpha · (seen - (alpha · person + (1 - alpha) · scene))."""
        sure = share == 1
        share = share[:, np.newaxis] if seen.ndim == 2 else share
        error = person.astype(np.float32) - scene
        error *= share
        error += scene
        np.subtract(seen, error, out=error)
        error *= share
        error += person
        estimated = np.clip(np.rint(error, out=error), 0, self._peak, out=error).astype(seen.dtype)
        estimated[sure] = seen[sure]
        return estimated

    def _small(self, channel: int | slice) -> list[Plane]:
        return [np.ascontiguousarray(small[..., channel]) for small in self._gathered]

    @property
    def _peak(self) -> int:
        wanted = format_of(self.picture)
        return (1 << wanted.space.depth) - 1 if wanted else 255

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        return layers_of(self.picture)

    @cached_property
    def _levels(self) -> list[Levels]:
        return [levels_in(self.levels, self.picture, layer) for layer in range(len(self._layers))]

    @cached_property
    def _gathered(self) -> tuple[Plane, Plane]:
        """The colours of the person and of the scene around each pixel of a small picture."""
        size = _work_size(self.levels)
        # Sampled, not averaged: the blur that follows is far wider than what is skipped, and it is 20 times faster.
        small = samples_at(self.picture, size, cv2.INTER_LINEAR)
        weight = cv2.resize(self.levels, size).astype(np.float32)[..., np.newaxis] * np.float32(1 / 255)
        person, scene = (_mean_colours(small.astype(np.float32), _pure(share)) for share in (weight, 1 - weight))
        return person.astype(small.dtype), scene.astype(small.dtype)


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


def _mean_colours(image: Floats, weight: Floats) -> Floats:
    """The weighted mean colour around each pixel: (h, w, 3) float32."""
    reach = 2 * max(1, round(image.shape[0] * REACH)) + 1
    total = cv2.blur(image * weight, (reach, reach))
    weights = cv2.blur(weight, (reach, reach)).reshape(weight.shape)
    return (total + np.float32(1e-4) * image) / (weights + np.float32(1e-4))
