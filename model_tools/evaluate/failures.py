"""How a matte fails where a user sees it: people that are lost, holes in them, ghosts beside them, and their contours.

Distances are shares of the image's diagonal, so that images of every size count alike. All raise ShapeError where
two arrays are not of one shape.

alpha: (H, W) float32 in [0, 1].
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from model_api.types import Alpha, Floats
from model_tools.evaluate.metrics import iou, require_same_shape

THRESHOLD = 0.5
"""Pixels of this alpha or more belong to the person."""
LOST_IOU = 0.5
INSIDE_ALPHA, OUTSIDE_ALPHA = 0.95, 0.05
"""The person is surely there above the one, and surely not below the other."""
INSIDE_MARGIN = 0.005
"""Of the diagonal: what lies nearer to the outline is no sure inside. 4 pixels of 640×360."""
FAR = 0.05
"""Of the diagonal: what lies farther from the person is far background. 37 pixels of 640×360."""
GHOST_ALPHA = 0.1
TOLERANCE = 0.004
"""Of the diagonal: how far two contours may be apart. 3 pixels of 640×360; DAVIS takes 0.008."""

Mask = npt.NDArray[np.bool_]


def lost(predicted: Alpha, true: Alpha) -> float:
    """100 where the IoU at 0.5 is below 0.5, else 0: the mean is the share of lost people in %. NaN of nobody."""
    overlap = iou(predicted, true, THRESHOLD)
    return 100.0 * (overlap < LOST_IOU) if (true >= THRESHOLD).any() else math.nan


def holes(predicted: Alpha, true: Alpha) -> float:
    """Share of the person's sure inside that is predicted below 0.5, in %. NaN where there is no sure inside.

    The sure inside has a true alpha above 0.95, and no pixel of less within INSIDE_MARGIN. The image's border is no
    outline: a person may be cut off by it.
    """
    require_same_shape(predicted, true)
    inside = _distance_to(true <= INSIDE_ALPHA) > INSIDE_MARGIN * _diagonal(true)
    return _share(predicted < THRESHOLD, inside)


def ghosts(predicted: Alpha, true: Alpha) -> float:
    """Share of the far background that is predicted above 0.1, in %. NaN where there is no far background.

    The far background has a true alpha below 0.05, and no pixel of more within FAR; all of an image without people.
    """
    require_same_shape(predicted, true)
    far = _distance_to(true >= OUTSIDE_ALPHA) > FAR * _diagonal(true)
    return _share(predicted > GHOST_ALPHA, far)


def boundary_f(predicted: Alpha, true: Alpha) -> float:
    """Harmonic mean of the contours' precision and recall, 0..1, as DAVIS' F: Perazzi et al., CVPR 2016.

    The contours are those of the masks at 0.5. A pixel of one is right if one of the other is within TOLERANCE of the
    diagonal, rounded up to whole pixels as in DAVIS' own code. 1 where neither has a contour, 0 where one has none.
    """
    require_same_shape(predicted, true)
    ours, theirs = _contour(predicted >= THRESHOLD), _contour(true >= THRESHOLD)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    reach = math.ceil(TOLERANCE * _diagonal(true))
    precision = np.mean(_distance_to(theirs)[ours] <= reach)
    recall = np.mean(_distance_to(ours)[theirs] <= reach)
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def _contour(mask: Mask) -> Mask:
    """Pixels that differ from the one to the right, below, or right below: one pixel wide, as DAVIS' seg2bmap."""
    wide = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != wide[:-1, 1:]) | (mask != wide[1:, :-1]) | (mask != wide[1:, 1:])


def _distance_to(mask: Mask) -> Floats:
    """Pixels from each pixel to the nearest one of the mask; infinity of an empty mask."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _share(wrong: Mask, where: Mask) -> float:
    return 100 * float(np.mean(wrong[where])) if where.any() else math.nan


def _diagonal(alpha: Alpha) -> float:
    return math.hypot(*alpha.shape)
