"""Flicker without a truth: how far an alpha is from the one before it, moved along with the frame."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from model_api.resize import resize, scaled_inside
from model_api.types import Alpha, Floats, Image
from model_tools.evaluate.metrics import require_same_shape

FLOW_WH = (640, 640)
"""Larger images are shrunk to fit before their flow is estimated."""
SMALLEST_PX = 12
"""DIS takes no smaller image."""
RELATIVE_SLACK, ABSOLUTE_SLACK = 0.01, 0.5
"""How far the flows there and back may disagree, squared: this share of their lengths, and pixels."""


def warp_error(alpha: Alpha, alpha_before: Alpha, image: Image, image_before: Image) -> float:
    """Mean squared difference x 1e3 of an alpha and the one before it, warped. NaN where no pixel can be followed.

    The warping error of Lai et al., Learning Blind Video Temporal Consistency, ECCV 2018, of the alpha instead of the
    colours: the mean over the pixels that the optical flow (OpenCV's DIS) follows there and back. See `followed`.

    Args:
        alpha: (H, W) float32 in [0, 1], predicted. No truth is needed.
        alpha_before: The same, of the frame before.
        image: (H, W, 3) uint8 BGR, the frame that `alpha` belongs to.
        image_before: The same, of the frame before.

    Raises:
        ShapeError: the sizes differ.
    """
    require_same_shape(alpha, alpha_before, image[..., 0], image_before[..., 0])
    height, width = alpha.shape
    wh = scaled_inside((width, height), FLOW_WH)
    if min(wh) < SMALLEST_PX:
        return math.nan
    backward, known = followed(*(resize(picture, wh) for picture in (image, image_before)))
    warped = _sampled(resize(alpha_before, wh), backward)
    return 1e3 * float(np.square(resize(alpha, wh) - warped)[known].mean()) if known.any() else math.nan


def followed(image: Image, image_before: Image) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Where each pixel was in the frame before, and whether that is `consistent`.

    Returns:
        (H, W, 2) float32, the way in pixels right and down; (H, W) bool.
    """
    now, before = (cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (image, image_before))
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    backward, forward = estimator.calc(now, before, None), estimator.calc(before, now, None)
    return backward, consistent(backward, forward)


def consistent(backward: Floats, forward: Floats) -> npt.NDArray[np.bool_]:
    """Where the way there, w, and the way back from there, v, undo each other: |w + v|² < 0.01 (|w|² + |v|²) + 0.5.

    Sundaram et al., Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow, ECCV 2010; Lai et al.
    use it too. Ways that leave the image are not.
    """
    returning = _sampled(forward, backward)
    slack = RELATIVE_SLACK * (_squared(backward) + _squared(returning)) + ABSOLUTE_SLACK
    height, width = backward.shape[:2]
    x, y = _targets(backward)
    visible = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    return visible & (_squared(backward + returning) < slack)


def _sampled(values: Floats, flow: Floats) -> Floats:
    """The values where the flow points to, between pixels by linear interpolation."""
    return cv2.remap(values, *_targets(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _targets(flow: Floats) -> tuple[Floats, Floats]:
    """The x and the y that the flow points to."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return x + flow[..., 0], y + flow[..., 1]


def _squared(flow: Floats) -> Floats:
    return np.square(flow).sum(axis=2)
