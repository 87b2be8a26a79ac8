"""How many cores this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

QUOTA_FILES = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
"""Where Linux says how much time a container gets: in version 2 of control groups, and in version 1."""


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return sorted(own)


def cores() -> int:
    """Return how many cores this process may use: those that it may run on, or what its container's quota is worth."""
    present = len(usable_cores())
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
