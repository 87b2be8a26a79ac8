"""How the cores are shared: a network wants all of them, and what goes on beside it has half of them at most.

More threads than that do the same work later, and take the cores from the network for longer: see
benchmarks/RESULTS.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


BESIDE_INFERENCE = max(1, cores() // 2)
"""Threads of a decoder, and of OpenCV."""


@contextmanager
def shared_cores() -> Iterator[None]:
    """OpenCV's threads, which the whole process has in common, as they were before when it is over."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(BESIDE_INFERENCE)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
