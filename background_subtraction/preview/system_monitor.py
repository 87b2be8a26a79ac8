"""How busy the machine is: figures for the graphs on the preview. Draws nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import perf_counter

import psutil

SAMPLE_EVERY_S = 0.5
HISTORY = 40
GIB = 1 << 30


@dataclass(eq=False)
class Monitors:
    """shown: which graphs, of "cdm": CPU average, distribution over the cores, memory. cpu_percent and
    memory_gib hold the last samples, the newest last; cores_percent the newest one."""

    shown: set[str] = field(default_factory=set)
    cpu_percent: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    memory_gib: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    cores_percent: list[float] = field(default_factory=list)
    memory_total_gib: float = 0.0
    _sampled_s: float = float("-inf")
    _hidden: set[str] = field(default_factory=set)

    def toggle(self, key: str) -> None:
        """C, D and M show or hide their graph; H hides all of them, or brings back what it hid."""
        if key != "h":
            self.shown ^= {key}
        else:
            self.shown, self._hidden = (set(), self.shown) if self.shown else (self._hidden, set())

    def sample(self) -> None:
        """Takes new figures where the last are half a second old; cheap enough for every frame."""
        now_s = perf_counter()
        if not self.shown or now_s - self._sampled_s < SAMPLE_EVERY_S:
            return
        self._sampled_s = now_s
        memory = psutil.virtual_memory()
        self.cores_percent = psutil.cpu_percent(percpu=True)
        self.cpu_percent.append(sum(self.cores_percent) / len(self.cores_percent))
        self.memory_gib.append((memory.total - memory.available) / GIB)
        self.memory_total_gib = memory.total / GIB
