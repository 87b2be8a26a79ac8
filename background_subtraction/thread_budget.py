"""How the cores are shared: inference uses all of them, decoding and compositing at most half of them.

More threads than that do the same work later, and take the cores from the network for longer. Frames are encoded and
decoded while the thread that computes mattes waits for nothing: it must not wait for a core either. See
benchmarks/RESULTS.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2

from model_api.adapters.cores import cores

BESIDE_INFERENCE = max(1, cores() // 2)
"""Threads of a decoder, and of OpenCV."""


ENCODING, DECODING = 10, 5
"""How much less urgent than mattes, in steps of nice(2)."""


def give_way(steps: int) -> None:
    """Make this thread, and those that it starts, less urgent, where a system can do that for single threads."""
    if sys.platform == "linux":
        os.nice(steps)


@contextmanager
def shared_cores() -> Iterator[None]:
    """Limit OpenCV's threads, which the whole process shares, and restore their number afterwards."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(BESIDE_INFERENCE)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def same_scheduling() -> Iterator[None]:
    """Give the threads of this process their scheduling policy back.

    SVT-AV1 makes all of them real-time ones where it may, as root: its waiting threads then keep the cores from all
    others. On systems without such policies nothing is done.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else ():
            with suppress(OSError):  # it may have ended
                os.sched_setscheduler(int(thread), policy, parameters)
