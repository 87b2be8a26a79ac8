"""How far an alpha, and the colours that go with it, are from the truth: the figures of the published tables.

The same name stands for different figures in different places, so each has the name of the evaluation that it
comes from: RobustVideoMatting's for low resolution (evaluate_lr.py) and for high (evaluate_hr.py), and the accuracy
checker of the Open Model Zoo (background_matting.py). Where they agree there is one function and no prefix.

                  rvm_lr                     rvm_hr                     omz
    MAD, MSE      x 1e3, one definition
    Grad          stretched to 0..1 first    as they are                as they are, borders mirrored
    Conn          yes                        -                          -
    dtSSD         x 1e2, one definition                                 -
    foreground    where truth > 0            where truth > 0            where truth > 0.01

Less is better for all but `iou`. Grad and Conn are sums over the image: compare them at one size only.
`failures` and `warping` have those that no published table of mattes has, `metric_sets` all by name.

alpha: (H, W) float32 in [0, 1]. foreground: (H, W, 3), uint8 or float32 in [0, 1], both of one image alike.
All raise ShapeError where two arrays are not of one shape.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.errors import ShapeError
from model_api.types import Alpha, Floats, Image

SIGMA = 1.4
KERNEL_FLOOR = 1e-2
"""The derivative's kernel ends where the Gaussian falls below this."""
CONN_STEPS = np.arange(11) * 0.1
CONN_CUT_OFF = 0.15
OMZ_TOLERANCE = 0.01

Values = npt.NDArray[Any]


def mad(predicted: Values, true: Values) -> float:
    """Mean absolute difference x 1e3, of alphas or of foregrounds. NaN of nothing."""
    require_same_shape(predicted, true)
    return float(np.abs(_unit(predicted) - _unit(true)).mean(dtype=np.float64)) * 1e3 if true.size else math.nan


def mse(predicted: Values, true: Values) -> float:
    """Mean squared difference x 1e3, of alphas or of foregrounds. NaN of nothing."""
    require_same_shape(predicted, true)
    return float(np.square(_unit(predicted) - _unit(true)).mean(dtype=np.float64)) * 1e3 if true.size else math.nan


def rvm_lr_grad(predicted: Alpha, true: Alpha) -> float:
    """As `rvm_hr_grad`, each alpha stretched to 0..1 first (one that is level everywhere becomes 0)."""
    return rvm_hr_grad(_stretched(predicted), _stretched(true))


def rvm_hr_grad(predicted: Alpha, true: Alpha) -> float:
    """Squared difference of the gradients' sizes, summed, / 1000. Rhemann et al., CVPR 2009, with sigma 1.4."""
    return _gradient_error(predicted, true, cv2.BORDER_REPLICATE)


def omz_grad(predicted: Alpha, true: Alpha) -> float:
    """As `rvm_hr_grad`, with the image mirrored at its borders, the outermost pixels too."""
    return _gradient_error(predicted, true, cv2.BORDER_REFLECT)


def conn(predicted: Alpha, true: Alpha) -> float:
    """Connectivity error / 1000: Rhemann et al., CVPR 2009, in steps of 0.1, 4-connected, cut off at 0.15."""
    require_same_shape(predicted, true)
    joined = _joined_level(np.minimum(predicted, true))
    phis = []
    for alpha in (predicted, true):
        distance = alpha - joined
        phis.append(1 - distance * (distance >= CONN_CUT_OFF))
    return float(np.abs(phis[0] - phis[1]).sum(dtype=np.float64)) / 1000


def dtssd(predicted: Alpha, predicted_before: Alpha, true: Alpha, true_before: Alpha) -> float:
    """Root mean square of the difference of the changes since the frame before, x 1e2. A measure of flicker."""
    require_same_shape(predicted, predicted_before, true, true_before)
    change = (predicted - predicted_before) - (true - true_before)
    return math.sqrt(float(np.square(change).mean(dtype=np.float64))) * 1e2


def rvm_foreground_mad(predicted: Image | Floats, true: Image | Floats, true_alpha: Alpha) -> float:
    """MAD of the colours where the true alpha is above 0. NaN where it is nowhere."""
    return mad(predicted[true_alpha > 0], true[true_alpha > 0])


def rvm_foreground_mse(predicted: Image | Floats, true: Image | Floats, true_alpha: Alpha) -> float:
    """MSE of the colours where the true alpha is above 0. NaN where it is nowhere."""
    return mse(predicted[true_alpha > 0], true[true_alpha > 0])


def omz_foreground_mse(predicted: Image | Floats, true: Image | Floats, true_alpha: Alpha) -> float:
    """MSE of the colours where the true alpha is above 0.01. NaN where it is nowhere."""
    shown = true_alpha > OMZ_TOLERANCE
    return mse(predicted[shown], true[shown])


def iou(predicted: Values, true: Values, threshold: float = 0.5) -> float:
    """Intersection over union of the pixels at `threshold` or above, 0..1; 1 where neither has any.

    predicted, true: (H, W) alphas in [0, 1], or bool masks.
    """
    require_same_shape(predicted, true)
    ours, theirs = predicted >= threshold, true >= threshold
    union = np.count_nonzero(ours | theirs)
    return np.count_nonzero(ours & theirs) / union if union else 1.0


def require_same_shape(*arrays: Values) -> None:
    """Raises ShapeError."""
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ShapeError(f"Arrays of one shape are compared, got {' and '.join(map(str, sorted(shapes)))}. Resize them")


def _unit(values: Values) -> Floats:
    """uint8 as 0..1; a mask as 0 and 1."""
    floats: Floats = values.astype(np.float32, copy=False)
    return floats / np.float32(255) if values.dtype == np.uint8 else floats


def _stretched(alpha: Alpha) -> Alpha:
    return cv2.normalize(alpha, None, 0.0, 1.0, cv2.NORM_MINMAX)


def _gradient_error(predicted: Alpha, true: Alpha, border: int) -> float:
    require_same_shape(predicted, true)
    difference = _gradient(true, border) - _gradient(predicted, border)
    return float(np.square(difference).sum(dtype=np.float64)) / 1000


def _gradient(alpha: Alpha, border: int) -> Alpha:
    """The size of the derivative of the smoothed alpha, by a kernel whose squares sum to 1."""
    along, across = _kernel()
    x = cv2.sepFilter2D(alpha, cv2.CV_32F, along, across, borderType=border)
    y = cv2.sepFilter2D(alpha, cv2.CV_32F, across, along, borderType=border)
    return np.sqrt(x * x + y * y)  # cv2.magnitude's last bit depends on where in memory the arrays lie


def _kernel() -> tuple[Values, Values]:
    """Derivative of a Gaussian along one axis, and a Gaussian along the other."""
    reach = math.ceil(SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * SIGMA * KERNEL_FLOOR)))
    x = np.arange(-reach, reach + 1)
    gaussian = np.exp(-(x**2) / (2 * SIGMA**2))
    slope = x * gaussian
    return slope / np.linalg.norm(slope), gaussian / np.linalg.norm(gaussian)


def _joined_level(both: Alpha) -> Alpha:
    """The highest step that each pixel is connected at.

    Up to it, the pixel is in the largest connected part of `both` at that step or above, and at all steps below.
    """
    level = np.ones_like(both)
    settled = np.zeros(both.shape, bool)
    for below, step in pairwise(CONN_STEPS):
        lost = ~(settled | _largest_part(both >= step))
        level[lost] = below
        settled |= lost
    return level


def _largest_part(mask: Values) -> Values:
    """The largest 4-connected part of a mask; nothing of an empty one."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    return labels == areas.argmax() + 1 if areas.size else np.zeros(mask.shape, bool)
