"""The person's colours at soft edges, for networks that answer an alpha alone.

At an edge the camera mixed person and old background. Composited as it is, the old background shines
through as a halo.
"""

from __future__ import annotations

import cv2
import numpy as np

from model_api.types import Alpha, Floats, Image, Size

WORK_HEIGHT_PX = 180
REACH = 1 / 15
"""Colours are gathered within this part of the picture's height: 90 pixels of 1350 in the paper."""
CLEAR = 0.02
"""Alphas closer than this to 0 or 1 need no estimate."""
PURITY = 4
"""Pixels are weighted by this power of their share: one pass then errs a third as much as the paper's weights do
(tests/unit/test_foreground.py), where the paper takes a second pass."""


def estimate_foreground(image: Image, alpha: Alpha) -> Image:
    """The foreground F of image = alpha F + (1 - alpha) B.

    image: (H, W, 3) uint8 BGR. alpha: (H, W) float32. Returns a new (H, W, 3) uint8 BGR image that differs
    from `image` only where alpha is between 0 and 1. Blur fusion: Forte, "Approximate Fast Foreground Colour
    Estimation", ICIP 2021, equations 4 to 7; F and B are gathered on a small picture, the last step is done
    for the edge's pixels alone.
    """
    foreground = image.copy()
    edge = np.flatnonzero((alpha > CLEAR) & (alpha < 1 - CLEAR))
    if not edge.size:
        return foreground
    height, width = alpha.shape
    shrink = min(1.0, WORK_HEIGHT_PX / height)
    small_wh = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    # Sampled, not averaged: the blur that follows is far wider than what is skipped, and it is 20 times faster.
    small, weight = (cv2.resize(source, small_wh).astype(np.float32) for source in (image, alpha))
    weight = weight[..., np.newaxis]
    person, scene = (_gathered(small, share, (width, height)) for share in (weight**PURITY, (1 - weight) ** PURITY))
    own = alpha.reshape(-1, 1)[edge]
    near, far, seen = (picture.reshape(-1, 3)[edge].astype(np.float32) for picture in (person, scene, image))
    estimate = near + own * (seen - own * near - (1 - own) * far)
    foreground.reshape(-1, 3)[edge] = cv2.convertScaleAbs(np.maximum(estimate, 0))
    return foreground


def _gathered(image: Floats, weight: Floats, size: Size) -> Image:
    """The mean colour around each pixel, each neighbour counted by its weight."""
    reach = 2 * max(1, round(image.shape[0] * REACH)) + 1
    total = cv2.blur(image * weight, (reach, reach))
    weights = cv2.blur(weight, (reach, reach)).reshape(weight.shape)
    mean = (total + 1e-4 * image) / (weights + 1e-4)
    return cv2.resize(np.clip(mean, 0, 255).astype(np.uint8), size)
