"""The person's colours at soft edges, for networks that answer only an alpha.

At an edge the camera mixed person and old background. Composited as it is, the old background shows as a halo.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from model_api.mattes.compositing import soft_pixels
from model_api.mattes.lookup import interpolated, places_of
from model_api.mattes.tiles import tile_around
from model_api.pictures.layers import Layer, Pixels, Samples, layers_of
from model_api.pictures.picture import Picture, bgr_of, format_of, samples_at
from model_api.pictures.yuv_image import Plane
from model_api.types import Alpha, Floats, Image, Levels, Size, Tile

WORK_HEIGHT_PX = 120
REACH = 1 / 15
"""Colours are averaged within this share of the image's height: 90 pixels of 1350 in the paper."""
LEAST_WEIGHT = np.float32(1e-4)
"""Of a place itself, for those with nothing but the other around them."""


def estimate_foreground(image: Image, alpha: Alpha) -> Image:
    """Estimate the foreground of a frame: see `ForegroundEstimate`.

    Args:
        image: (H, W, 3) uint8 BGR.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        A new (H, W, 3) uint8 BGR image.
    """
    levels = cv2.convertScaleAbs(alpha, alpha=255)
    return ForegroundEstimate(image, levels, tile_around(levels)).whole


@dataclass(frozen=True, eq=False)
class ForegroundEstimate:
    """The foreground F of picture = alpha F + (1 - alpha) B, computed where it is asked for.

    Blur fusion: Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021, equations 4 to 7. F and B are
    averaged on a small picture; the last step is done only for the pixels of soft edges. All of it is linear in the
    samples, which may be BGR or Y'CbCr.

    Attributes:
        picture: the frame.
        levels: (H, W) uint8, alpha in 255ths.
        person: the rows and columns where they are above 0.
    """

    picture: Picture
    levels: Levels
    person: Tile

    @cached_property
    def whole(self) -> Image:
        """(H, W, 3) uint8 BGR, of a BGR frame. It differs from the frame only where alpha is between 0 and 1."""
        whole = bgr_of(self.picture).copy()
        soft = soft_pixels(self.levels)
        if soft.size:
            (whole.reshape(-1, 3)[soft],) = self.at(0, soft, np.take(self.levels, soft))
        return whole

    def at(self, layer: int, pixels: Pixels, levels: Levels) -> Samples:
        """See `Colours`."""
        own = self._layers[layer]
        colours = [samples.astype(np.float32) for samples in own.at(pixels)]
        rows, columns = self._part
        places = places_of(pixels, own.size, _work_size(self.levels), (columns.start, rows.start))
        share = levels * np.float32(1 / 255)
        for samples, channels in zip(colours, own.channels, strict=True):
            for seen, channel in zip(samples.reshape(pixels.size, -1).T, channels, strict=True):
                person, scene = (interpolated(small, places) for small in self._gathered[channel])
                seen[:] = self._estimated(seen, share, person, scene)
        return colours

    def _estimated(self, seen: Plane, share: Floats, person: Floats, scene: Floats) -> Floats:
        """F = person + alpha · (seen - (alpha · person + (1 - alpha) · scene))."""
        error = person - scene
        error *= share
        error += scene
        np.subtract(seen, error, out=error)
        error *= share
        error += person
        return np.clip(np.rint(error, out=error), 0, self._peak, out=error)

    @property
    def _peak(self) -> int:
        wanted = format_of(self.picture)
        return (1 << wanted.space.depth) - 1 if wanted else 255

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        return layers_of(self.picture)

    @cached_property
    def _gathered(self) -> list[tuple[Floats, Floats]]:
        """Of each channel the mean of the person and of the scene around each place of a part of a small picture."""
        size = _work_size(self.levels)
        # Sampled, not averaged: the blur that follows is far wider than what is skipped, and it is 20 times faster.
        samples = samples_at(self.picture, size, cv2.INTER_NEAREST_EXACT)[self._part]
        small = [channel.astype(np.float32) for channel in cv2.split(samples)]
        alpha = cv2.resize(self.levels, size, interpolation=cv2.INTER_NEAREST_EXACT)[self._part] * np.float32(1 / 255)
        reach = _reach(size)
        return list(zip(*(_means(small, _pure(share), reach) for share in (alpha, 1 - alpha)), strict=True))

    @cached_property
    def _part(self) -> Tile:
        """The rows and columns of the small picture that count for the person's edges: as far as the means reach."""
        size = _work_size(self.levels)
        rows, columns = self.person
        across, down = size[0] / self.levels.shape[1], size[1] / self.levels.shape[0]
        margin = _reach(size) + 2  # one for interpolation, one for rounding
        return (
            slice(max(0, int(rows.start * down) - margin), math.ceil(rows.stop * down) + margin),
            slice(max(0, int(columns.start * across) - margin), math.ceil(columns.stop * across) + margin),
        )


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


def _reach(work_wh: Size) -> int:
    """How many pixels of the small picture are averaged in each direction."""
    return max(1, round(work_wh[1] * REACH))


def _means(channels: Sequence[Floats], weight: Floats, reach: int) -> list[Floats]:
    """The weighted mean around each place, for each of some (h, w) float32."""
    side = 2 * reach + 1
    share = 1 / (cv2.blur(weight, (side, side)) + LEAST_WEIGHT)
    means = []
    for channel in channels:
        mean = cv2.blur(channel * weight, (side, side))
        mean += LEAST_WEIGHT * channel
        mean *= share
        means.append(mean)
    return means
