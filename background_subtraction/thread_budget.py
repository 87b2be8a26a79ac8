"""How the cores are shared: inference uses all of them, decoding and compositing at most half of them.

More threads than that do the same work later, and take the cores from the network for longer: see
benchmarks/RESULTS.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


BESIDE_INFERENCE = max(1, cores() // 2)
"""Threads of a decoder, and of OpenCV."""


@contextmanager
def shared_cores() -> Iterator[None]:
    """Limit OpenCV's threads, which the whole process shares, and restore their number afterwards."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(BESIDE_INFERENCE)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
