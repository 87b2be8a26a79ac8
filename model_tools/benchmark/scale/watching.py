"""A command and its processes, watched from outside: seconds, processor time, and memory together. Linux alone."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from model_tools.benchmark.external import require_success, start, wait_for
from model_tools.benchmark.rounds import MEGA

EVERY_S = 0.2
"""Between two looks at the memory. A look at a large process costs a millisecond."""
KIB = 1024
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Watched:
    """What a command cost.

    Attributes:
        seconds: from its start to its end.
        cpu_s: of its processes and of those that were there before, all threads together.
        peak_mb: most memory at once of all of them, each shared page once.
        output: what it printed.
    """

    seconds: float
    cpu_s: float
    peak_mb: float
    output: str


def watch(words: Sequence[str], folder: Path, *, cores: int = 0, beside: Iterable[int] = ()) -> Watched:
    """Run a command to its end.

    Args:
        words: its command line.
        folder: for what it prints, which is deleted.
        cores: that it may use, the first ones of this process; 0 for all.
        beside: processes whose cost counts too, with those that they started: of a cluster.

    Raises:
        BackgroundSubtractionError: it cannot be started, or it fails.
    """
    beside = tuple(beside)
    log = folder / f"{os.getpid()}.log"
    before_s = sum(map(cpu_seconds, tree_of(beside)))
    begun_s = time.perf_counter()
    process = _start(words, log, cores)
    peak = _Peak((process.pid, *beside))
    try:
        own_s, _ = wait_for(process)
    finally:
        seconds = time.perf_counter() - begun_s
        peak.end()
    output = log.read_text(encoding="utf-8", errors="replace")
    log.unlink()
    require_success("the command", process, output)
    cpu_s = (own_s or 0) + sum(map(cpu_seconds, tree_of(beside))) - before_s
    return Watched(seconds, cpu_s, peak.megabytes, output)


def tree_of(roots: Iterable[int]) -> list[int]:
    """Processes, and all that they started, by their numbers."""
    parents = {int(entry): _parent_of(entry) for entry in os.listdir("/proc") if entry.isdecimal()}
    found = [number for number in roots if number in parents]
    for number in found:
        found += [child for child, parent in parents.items() if parent == number and child not in found]
    return found


def cpu_seconds(number: int) -> float:
    """Processor time of a process and of its children that have ended; 0 if it has ended itself."""
    with suppress(OSError):
        ticks = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / TICKS_A_SECOND
    return 0.0


def memory_mb(number: int) -> float:
    """Memory of a process now: its share of shared pages too (PSS); all of them (RSS) where that is not told."""
    for name, label in (("smaps_rollup", "Pss"), ("status", "VmRSS")):
        with suppress(OSError):
            found = re.search(rf"^{label}:\s*(\d+) kB", Path(f"/proc/{number}/{name}").read_text(), re.MULTILINE)
            return int(found[1]) * KIB / MEGA if found else 0.0
    return 0.0


class _Peak:
    """The most memory that processes have at once, from now until `end`."""

    def __init__(self, roots: tuple[int, ...]) -> None:
        self.megabytes = 0.0
        self._roots = roots
        self._ended = Event()
        self._thread = Thread(target=self._look, name="memory", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(EVERY_S):
            self.megabytes = max(self.megabytes, sum(map(memory_mb, tree_of(self._roots))))


def _start(words: Sequence[str], output: Path, cores: int) -> subprocess.Popen[bytes]:
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(own)[: cores or len(own)])  # the process gets those of this thread
    try:
        return start(words, output)
    finally:
        os.sched_setaffinity(0, own)


def _parent_of(number: str) -> int:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    return 0
