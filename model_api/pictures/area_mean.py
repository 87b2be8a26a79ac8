"""Pictures shrunk by averaging areas, as OpenCV's INTER_AREA does, by products of matrices.

For factors that are not whole OpenCV multiplies one sample at a time. Where few rows of the picture begin together with
rows of the result, as in 720 to 288 every fifth, the same small matrix of shares serves all of them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from model_api.arrays import Floats, Size
from model_api.pictures.yuv_image import Plane

AT_ONCE = 1 << 18
"""Samples that are averaged at a time, in whole rows: they stay in the processor's cache."""

LARGEST_PRODUCT = 1 << 18
"""Multiplications of one product. OpenBLAS shares larger ones among threads; OpenCV is faster then, too."""


def area_mean(image: Plane, size: Size) -> Plane:
    """Shrink an image: each pixel becomes the mean of the area that it covers, rounded.

    Args:
        image: (H, W) or (H, W, C) of any type that OpenCV resizes.
        size: (width, height) in pixels, not larger than the image on either side.

    Returns:
        A new array of that size and the same type. Next to INTER_AREA single samples differ by one.
    """
    (height, width), channels = image.shape[:2], image[0, 0].size
    down, across = _shares(height, size[1]), _shares(width, size[0])
    largest = max(down.size, across.size) * width * channels
    if image.dtype.kind != "u" or len(down) == len(across) == 1 or largest > LARGEST_PRODUCT:
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if channels > 1:
        across = np.kron(across, np.eye(channels, dtype=np.float32))
    groups = image.reshape(-1, down.shape[1], width * channels)
    means = np.empty((len(groups), len(down), size[0] * channels), image.dtype)
    band = max(1, AT_ONCE // groups[0].size)
    for first in range(0, len(groups), band):
        rows = down @ groups[first : first + band].astype(np.float32)
        samples = rows.reshape(-1, width * channels // across.shape[1], across.shape[1]) @ across.T
        means[first : first + band] = np.rint(samples, out=samples).reshape(-1, *means.shape[1:])
    return means.reshape(size[1], size[0], *image.shape[2:])


@lru_cache(maxsize=32)
def _shares(side: int, shrunk: int) -> Floats:
    """(q, p): the shares of p samples in each of q means, p:q being side:shrunk in lowest terms."""
    meetings = math.gcd(side, shrunk)
    samples, means = side // meetings, shrunk // meetings
    edges = np.arange(means + 1)[:, np.newaxis] * samples / means
    ends, begins = np.arange(1, samples + 1), np.arange(samples)
    covered = np.minimum(edges[1:], ends) - np.maximum(edges[:-1], begins)
    shares: Floats = (np.maximum(covered, 0) * means / samples).astype(np.float32)
    return shares
