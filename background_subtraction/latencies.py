"""Many latencies in little memory."""

from __future__ import annotations

import math

import numpy as np

LEAST_S, STEP = 1e-5, 1.01
"""The first bin's upper limit, and how much wider each one is than the one before: percentiles are exact to 1 %."""
BINS = 1 << 11
"""Up to two hours."""


class Latencies:
    """A histogram with logarithmic bins. It may be read while another thread adds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts = np.zeros(BINS, np.int64)

    def add(self, seconds: float) -> None:
        """Count one."""
        place = math.ceil(math.log(max(seconds, LEAST_S) / LEAST_S) / math.log(STEP))
        self._counts[min(place, BINS - 1)] += 1

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._counts.sum())

    def percentile(self, share: float) -> float:
        """Seconds that this share of all stays within, by the nearest-rank method; 0 without any.

        Args:
            share: above 0, at most 1: 0.5 for the median.
        """
        sums = np.cumsum(self._counts)
        rank = math.ceil(share * int(sums[-1]))
        return float(LEAST_S * STEP ** int(np.searchsorted(sums, rank))) if rank else 0.0
