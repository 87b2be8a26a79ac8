"""What a benchmark's processes take and answer: a job once, a round each time."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time

from model_tools.benchmark.sides import Side

if sys.platform != "win32":
    import resource

MEGA = 1e6


@dataclass(frozen=True)
class Job:
    """What a process has to measure.

    Attributes:
        side: The side.
        frames: In a round, at most.
        writes: Whether the program writes a video.
        folder: For files that nobody keeps.
        home: The folder that paths are relative to.
    """

    side: Side
    frames: int
    writes: bool
    folder: str
    home: str


@dataclass(frozen=True)
class Round:
    """One round of one side.

    Attributes:
        frames: How many there were.
        fps: Frames a second.
        latencies_ms: Of each frame. Empty: not known.
        stages_ms: Of a frame, by stage.
        cpu_s: Of its process. None: the system does not say.
        peak_mb: Of its process. None: the system does not say.
    """

    frames: int
    fps: float
    latencies_ms: list[float] = field(default_factory=list)
    stages_ms: dict[str, float] = field(default_factory=dict)
    cpu_s: float | None = None
    peak_mb: float | None = None


Play = Callable[[], Round]


def with_own_cost(play: Play) -> Play:
    """For a side that runs in this very process."""

    def played() -> Round:
        before_s = process_time()
        played_round = play()
        return replace(played_round, cpu_s=process_time() - before_s, peak_mb=own_peak_mb())

    return played


def own_peak_mb() -> float | None:
    """The most memory that this process had at once, its libraries' included."""
    status = Path("/proc/self/status")
    # Linux counts into ru_maxrss what the parent had when it started this process.
    peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.is_file() else None
    if peak:
        return int(peak[1]) * 1024 / MEGA
    if sys.platform == "win32":
        return None
    return megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def megabytes(maxrss: int) -> float:
    """Of `ru_maxrss`, which macOS counts in bytes and others in KiB."""
    return maxrss * (1 if sys.platform == "darwin" else 1024) / MEGA
