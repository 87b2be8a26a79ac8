"""The real scene, blurred as if the person were not there."""

from __future__ import annotations

import cv2
import numpy as np

from model_api.pictures.layers import layers_of
from model_api.pictures.picture import Picture, samples_at, size_of, with_samples
from model_api.resize import resize
from model_api.types import Floats, Levels

FADING = np.power(1 - np.arange(256, dtype=np.float32) / 255, 16)
"""How much a pixel counts in the blur of the scene, by its alpha in 255ths."""
BLUR_WORK_PX = 360
"""A blurred image has no details, so it is computed at this height: seven times faster at 1280×720."""


def blur_around(picture: Picture, levels: Levels, blur_px: int) -> Picture:
    """`picture` blurred as if the person were not in it, so that no halo of the person is left around it.

    A weighted (normalized) blur: each pixel counts by how little it belongs to the person, steeply so, because a
    soft edge holds the person's colours too (Knutsson and Westin, "Normalized and differential convolution",
    1993). Where a blur of this width meets nothing but the person, wider ones fill in.
    """
    width, height = size_of(picture)
    shrink = min(1.0, BLUR_WORK_PX / height)
    small_wh = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    scene = samples_at(picture, small_wh, cv2.INTER_AREA).astype(np.float32)
    person = cv2.dilate(resize(levels, small_wh), np.ones((3, 3), np.uint8), iterations=2)
    weight = FADING[person][..., np.newaxis]
    total, weights = np.zeros_like(scene), np.zeros_like(weight)
    # A box of n pixels spreads as a Gaussian of n / sqrt(12).
    sigma = max(blur_px * shrink / 12**0.5, 0.5)
    for reach, share in ((sigma, 1.0), (max(4 * sigma, height * shrink / 20), 1e-3), (height * shrink / 4, 1e-6)):
        total += share * _spread(scene * weight, reach)
        weights += share * _spread(weight, reach).reshape(weights.shape)
    blurred = (total + 1e-12 * scene) / (weights + 1e-12)
    # A mean of samples needs no clipping.
    return with_samples(picture, np.rint(blurred).astype(layers_of(picture)[0].planes[0].dtype))


def _spread(image: Floats, sigma: float) -> Floats:
    """A Gaussian blur that costs the same for every width: wide ones are computed on a smaller image."""
    step = max(1, int(sigma / 4))
    if step == 1:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    height, width = image.shape[:2]
    coarse = cv2.resize(image, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(coarse, (0, 0), sigma / step), (width, height))
