"""A model of what a batch costs, fitted to batches that were measured.

Seconds of a batch of equal clips: the start, then for each turn of clips the time of one. With c cores for a clip, a
frame takes a + b / c, as in Amdahl's law (https://doi.org/10.1145/1465482.1465560): a part that more cores do not
shorten, and one that they share; both for any frame (the network, and Python) and for each megapixel (decoding,
compositing, encoding). Clips beside each other share caches and memory, which costs them a little more. Every
coefficient is a cost, and none is below 0: least squares with that condition, of the relative errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_tools.benchmark.scale.design import Batch

Matrix = NDArray[np.floating[Any]]


def turns(batch: Batch) -> int:
    """How many clips the busiest lane converts."""
    return math.ceil(batch.clips / batch.lanes)


def _neighbours(batch: Batch) -> float:
    return 1 - 1 / batch.lanes


SECONDS: Mapping[str, Callable[[Batch], float]] = {
    "the start of the command": lambda batch: 1.0,
    "more where there are workers": lambda batch: float(batch.workers > 0),
    "a clip": turns,
    "a frame, on any cores": lambda batch: turns(batch) * batch.frames,
    "a frame, shared by the cores": lambda batch: turns(batch) * batch.frames / batch.cores_a_lane,
    "a frame, beside other clips": lambda batch: turns(batch) * batch.frames * _neighbours(batch),
    "a megapixel, on any cores": lambda batch: turns(batch) * batch.frames * batch.megapixels,
    "a megapixel, shared by the cores": lambda batch: (
        turns(batch) * batch.frames * batch.megapixels / batch.cores_a_lane
    ),
    "a megapixel, beside other clips": lambda batch: (
        turns(batch) * batch.frames * batch.megapixels * _neighbours(batch)
    ),
}
"""Terms of the seconds from the start of the command to its end."""
CORE_SECONDS: Mapping[str, Callable[[Batch], float]] = {
    "the start of the command": lambda batch: 1.0,
    "the start of a worker": lambda batch: float(batch.workers),
    "a clip": lambda batch: float(batch.clips),
    "a frame": lambda batch: float(batch.clips * batch.frames),
    "a megapixel": lambda batch: batch.clips * batch.frames * batch.megapixels,
}
"""Terms of the processor time, of all processes together."""


@dataclass(frozen=True)
class CostModel:
    """What each term costs.

    Attributes:
        terms: name -> how often it is in a batch.
        costs: name -> seconds.
        r_squared: how much of the spread of the fitted batches it explains, 1 for all.
    """

    terms: Mapping[str, Callable[[Batch], float]]
    costs: Mapping[str, float]
    r_squared: float

    def __call__(self, batch: Batch) -> float:
        """Predict the seconds of a batch."""
        return sum(self.costs[name] * often(batch) for name, often in self.terms.items())


def fit(
    terms: Mapping[str, Callable[[Batch], float]], batches: Sequence[Batch], measured_s: Sequence[float]
) -> CostModel:
    """Fit a model.

    Args:
        terms: SECONDS or CORE_SECONDS.
        batches: those that were measured.
        measured_s: the seconds of each.
    """
    rows = np.array([[often(batch) for often in terms.values()] for batch in batches])
    values = np.array(measured_s)
    costs = nonnegative_least_squares(rows / values[:, None], np.ones(len(values)))
    spread = float(((values - values.mean()) ** 2).sum())
    left = float(((rows @ costs - values) ** 2).sum())
    return CostModel(terms, dict(zip(terms, map(float, costs), strict=True)), 1 - left / spread if spread else 0.0)


def nonnegative_least_squares(rows: Matrix, values: Matrix) -> Matrix:
    """Solve min ||rows @ x - values|| with all of x at least 0.

    The solution is the ordinary one on some of the columns, with 0 for the others. There are few columns: all choices
    are tried.

    Args:
        rows: (n, k) floats, k at most about 10.
        values: (n,) floats.

    Returns:
        x: (k,) floats.
    """
    columns = range(rows.shape[1])
    best, least = np.zeros(rows.shape[1]), float(values @ values)
    for chosen in chain.from_iterable(combinations(columns, size) for size in range(1, len(columns) + 1)):
        some, *_ = np.linalg.lstsq(rows[:, chosen], values, rcond=None)
        error = float(((rows[:, chosen] @ some - values) ** 2).sum())
        if (some >= 0).all() and error < least * (1 - 1e-9):
            best, least = np.zeros(rows.shape[1]), error
            best[list(chosen)] = some
    return best


def mean_error(predicted: Sequence[float], measured: Sequence[float]) -> float:
    """Mean absolute error, as a share of what was measured."""
    return float(np.mean([abs(own / other - 1) for own, other in zip(predicted, measured, strict=True)]))
