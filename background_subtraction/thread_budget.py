"""How the cores are shared: inference uses all of them, decoding and compositing at most half of them.

More threads than that do the same work later, and take the cores from the network for longer: see
benchmarks/RESULTS.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2

QUOTA_FILES = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
"""Where Linux says how much time a container gets: in version 2 of control groups, and in version 1."""


def cores() -> int:
    """Return how many cores this process may use: those that it may run on, or what its container's quota is worth."""
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for names in QUOTA_FILES:
        with suppress(OSError):
            return min(present, quota_cores(" ".join(Path(name).read_text() for name in names)) or present)
    return present


def quota_cores(text: str) -> int | None:
    """How many cores a quota is worth, rounded up.

    Args:
        text: microseconds of processor time in a period, and the period in microseconds; "max" or -1 for no limit.

    Returns:
        At least 1. None: no limit.
    """
    numbers = text.split()
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers) or numbers[1] == "0":
        return None
    quota, period = map(int, numbers)
    return max(1, -(-quota // period))


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
