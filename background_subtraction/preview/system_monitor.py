"""How busy the machine is: figures for the graphs in the window and for the report. Draws nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import perf_counter

import psutil

SAMPLE_EVERY_S = 0.5
HISTORY = 40
GIB = 1 << 30


@dataclass(eq=False)
class _Sums:
    """Sums over all samples."""

    samples: int = 0
    cores_percent: list[float] = field(default_factory=list)
    memory_gib: float = 0.0
    swap_gib: float = 0.0

    def add(self, cores_percent: list[float], memory_gib: float, swap_gib: float) -> None:
        before = self.cores_percent or [0.0] * len(cores_percent)
        self.cores_percent = [total + now for total, now in zip(before, cores_percent, strict=True)]
        self.memory_gib += memory_gib
        self.swap_gib += swap_gib
        self.samples += 1


@dataclass(eq=False)
class Monitors:
    """Samples of the machine, while a graph is shown.

    Args:
        shown: which graphs, of "cdm": CPU average, distribution over the cores, memory.

    Attributes:
        cpu_percent: the last samples, the newest last.
        memory_gib: the same for the memory in use.
        cores_percent: the newest sample, for each core.
    """

    shown: set[str] = field(default_factory=set)
    cpu_percent: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    memory_gib: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    cores_percent: list[float] = field(default_factory=list)
    memory_total_gib: float = 0.0
    _sampled_s: float = float("-inf")
    _hidden: set[str] = field(default_factory=set)
    _sums: _Sums = field(default_factory=_Sums)

    def __post_init__(self) -> None:
        psutil.cpu_percent(percpu=True)  # its next answer is about the time since this call

    def toggle(self, key: str) -> None:
        """C, D and M show or hide their graph; H hides all of them, or shows again those that it hid."""
        if key != "h":
            self.shown ^= {key}
        else:
            self.shown, self._hidden = (set(), self.shown) if self.shown else (self._hidden, set())

    def sample(self) -> None:
        """Take new figures if the last ones are half a second old. Cheap enough for every frame."""
        now_s = perf_counter()
        if not self.shown or now_s - self._sampled_s < SAMPLE_EVERY_S:
            return
        self._sampled_s = now_s
        memory = psutil.virtual_memory()
        self.cores_percent = psutil.cpu_percent(percpu=True)
        self.cpu_percent.append(sum(self.cores_percent) / len(self.cores_percent))
        self.memory_gib.append((memory.total - memory.available) / GIB)
        self.memory_total_gib = memory.total / GIB
        self._sums.add(self.cores_percent, self.memory_gib[-1], psutil.swap_memory().used / GIB)

    def means(self) -> list[str]:
        """Means over the run for the graphs that are shown, in the words of the Open Model Zoo's demos."""
        if not self.shown or not self._sums.samples:
            return []
        count = self._sums.samples
        cores = [f"{total / count:.1f}%" for total in self._sums.cores_percent]
        cpu = sum(self._sums.cores_percent) / count / len(cores)
        lines = {
            "c": [f"\tMean core utilization: {' '.join(cores)}"],
            "d": [f"\tMean CPU utilization: {cpu:.1f}%"],
            "m": [
                f"\tMemory mean usage: {self._sums.memory_gib / count:.1f} GiB",
                f"\tMean swap usage: {self._sums.swap_gib / count:.1f} GiB",
            ],
        }
        return ["Resources usage:", *(line for key in sorted(self.shown) for line in lines[key])]
