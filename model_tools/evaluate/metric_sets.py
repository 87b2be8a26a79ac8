"""The metrics by name, and which of them each evaluation prints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

from model_api.types import Alpha, Floats, Image
from model_tools.evaluate.failures import boundary_f, ghosts, holes, lost
from model_tools.evaluate.metrics import (
    Values,
    conn,
    dtssd,
    iou,
    mad,
    mse,
    omz_foreground_mse,
    omz_grad,
    rvm_foreground_mad,
    rvm_foreground_mse,
    rvm_hr_grad,
    rvm_lr_grad,
)
from model_tools.evaluate.warping import warp_error


@dataclass(frozen=True, eq=False)
class Pair:
    """A frame as it was predicted, and as it is. What is None is not known: metrics that need it are NaN.

    image: (H, W, 3) uint8 BGR, the image of which the alphas are.
    """

    predicted: Alpha
    true: Alpha | None = None
    predicted_foreground: Image | Floats | None = None
    true_foreground: Image | Floats | None = None
    image: Image | None = None


Metric = Callable[[Pair, Pair | None], float]


def _foreground(figure: Callable[[Values, Values, Alpha], float]) -> Metric:
    def measured(pair: Pair, before: Pair | None) -> float:
        if pair.true is None or pair.predicted_foreground is None or pair.true_foreground is None:
            return math.nan
        return figure(pair.predicted_foreground, pair.true_foreground, pair.true)

    return measured


def _alpha(figure: Callable[[Alpha, Alpha], float]) -> Metric:
    return lambda pair, before: math.nan if pair.true is None else figure(pair.predicted, pair.true)


def _flicker(pair: Pair, before: Pair | None) -> float:
    if before is None:
        return 0.0
    if pair.true is None or before.true is None:
        return math.nan
    return dtssd(pair.predicted, before.predicted, pair.true, before.true)


def _warped(pair: Pair, before: Pair | None) -> float:
    if before is None or pair.image is None or before.image is None:
        return math.nan
    return warp_error(pair.predicted, before.predicted, pair.image, before.image)


METRICS: dict[str, Metric] = {
    "mad": _alpha(mad),
    "mse": _alpha(mse),
    "rvm_lr_grad": _alpha(rvm_lr_grad),
    "rvm_hr_grad": _alpha(rvm_hr_grad),
    "omz_grad": _alpha(omz_grad),
    "conn": _alpha(conn),
    "dtssd": _flicker,
    "rvm_foreground_mad": _foreground(rvm_foreground_mad),
    "rvm_foreground_mse": _foreground(rvm_foreground_mse),
    "omz_foreground_mse": _foreground(omz_foreground_mse),
    "iou": _alpha(iou),
    "lost": _alpha(lost),
    "boundary_f": _alpha(boundary_f),
    "holes": _alpha(holes),
    "ghosts": _alpha(ghosts),
    "warp_error": _warped,
}
"""Each takes a frame and the one before it in the clip, None at the clip's beginning (its dtSSD counts as 0, its
warping error as nothing). NaN where there is nothing to measure: no truth, no foreground, or nobody in the image."""

HIGHER_IS_BETTER = frozenset({"iou", "boundary_f"})
YES_OR_NO = frozenset({"lost"})
"""A frame has it or has not: there is a share of frames, and no median."""
FOREGROUND = frozenset({"rvm_foreground_mad", "rvm_foreground_mse", "omz_foreground_mse"})
OVER_TIME = frozenset({"dtssd", "warp_error"})
NEED_TRUTH = METRICS.keys() - {"warp_error"}

METRIC_SETS: dict[str, dict[str, str]] = {
    "rvm_lr": {
        "MAD": "mad",
        "MSE": "mse",
        "Grad": "rvm_lr_grad",
        "Conn": "conn",
        "dtSSD": "dtssd",
        "FgrMAD": "rvm_foreground_mad",
        "FgrMSE": "rvm_foreground_mse",
    },
    "rvm_hr": {
        "MAD": "mad",
        "MSE": "mse",
        "Grad": "rvm_hr_grad",
        "dtSSD": "dtssd",
        "FgrMSE": "rvm_foreground_mse",
    },
    "omz": {"MAD": "mad", "MSE": "mse", "Grad": "omz_grad", "FgrMSE": "omz_foreground_mse"},
    "failures": {
        "IoU": "iou",
        "Lost%": "lost",
        "F": "boundary_f",
        "Holes%": "holes",
        "Ghosts%": "ghosts",
        "Warp": "warp_error",
    },
}
"""What each evaluation prints: its heading -> the metric."""


def metrics_of(sets: Sequence[str], left_out: Set[str] = frozenset()) -> dict[str, str]:
    """Heading -> metric, of all these sets. The second metric of the same heading is headed by its own name."""
    chosen: dict[str, str] = {}
    for heading, name in (pair for each in sets for pair in METRIC_SETS[each].items()):
        if name not in left_out and name not in chosen.values():
            chosen[name if heading in chosen else heading] = name
    return chosen


def measure(names: Iterable[str], pair: Pair, before: Pair | None = None) -> dict[str, float]:
    """The metrics of these names for one frame."""
    return {name: METRICS[name](pair, before) for name in names}
