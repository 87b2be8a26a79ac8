"""What a run cost: frames, rate, latency and the time of each stage."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from threading import Lock
from time import perf_counter

import numpy as np

from model_api.results import Result

STAGES = ("Decoding", "Preprocessing", "Inference", "Postprocessing", "Rendering", "Writing")
RECENT = 30
"""Frames that the figures in the window are about."""
LEAST_S, STEP = 1e-5, 1.01
"""The first bin's upper limit, and how much wider each one is than the one before: percentiles are exact to 1 %."""
BINS = 1 << 11
"""Up to two hours."""


class Latencies:
    """A histogram with logarithmic bins. It may be read while another thread adds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts = np.zeros(BINS, np.int64)
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        place = math.ceil(math.log(max(seconds, LEAST_S) / LEAST_S) / math.log(STEP))
        self._counts[min(place, BINS - 1)] += 1
        self._sum_s += seconds

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._counts.sum())

    def within(self, limits_s: Sequence[float]) -> tuple[list[int], float]:
        """How many are at most as long, to 1 %, and the sum of all in seconds.

        Args:
            limits_s: ascending.

        Returns:
            A number for each limit, and that of all; and the sum.
        """
        counts = self._counts.copy()
        upper_s = LEAST_S * STEP ** np.arange(BINS)
        within = [int(counts[upper_s <= limit_s].sum()) for limit_s in limits_s]
        return [*within, int(counts.sum())], self._sum_s

    def percentile(self, share: float) -> float:
        """Seconds that this share of all stays within, by the nearest-rank method; 0 without any.

        Args:
            share: above 0, at most 1: 0.5 for the median.
        """
        sums = np.cumsum(self._counts)
        rank = math.ceil(share * int(sums[-1]))
        return float(LEAST_S * STEP ** int(np.searchsorted(sums, rank))) if rank else 0.0


class Report:
    """What a run cost so far. Clips that run at the same time may share one.

    Attributes:
        frames: how many were finished.
        latency_s: the sum over all frames. A frame's latency runs from the moment the pipeline takes it until it has
            been shown and handed to the writers.
        stages_s: the sum over all frames, by the names of STAGES. A stage's time is that of its own work, although
            stages overlap.
        latencies: of live sources, from a frame's arrival to its delivery: when it has been shown and handed to the
            writers. Of files, which are read ahead, there are none. Pipes are live: their frames wait for their turn,
            and none is dropped.
        kept: the outputs that can be played, when a clip has ended, whatever ended it.
        resources: how busy the machine was, a line each.
    """

    def __init__(self, whole: Report | None = None) -> None:
        """Begin with no frame. whole: the report of a batch, where this one is a clip's: it counts the same frames."""
        self._whole = whole
        self.frames = 0
        self.latency_s = 0.0
        self.latencies = Latencies()
        self.stages_s = dict.fromkeys(STAGES, 0.0)
        self.kept: list[str] = []
        self.resources: list[str] = []
        self._dropped: dict[object, int] = {}
        self._written_s: dict[object, float] = {}
        self._started_s = 0.0
        self._ended_s = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._lock = Lock()

    def add(self, result: Result, rendering_s: float, written_s: float, dropped: int = 0, clip: object = None) -> None:
        """Count a frame, when it has been shown and handed to the writers.

        Args:
            result: the frame, with its times.
            rendering_s: how long compositing took.
            written_s: how long the writers of its clip have worked so far.
            dropped: how many frames of its clip were dropped so far, of a live source.
            clip: what tells the clips of a run apart.
        """
        now_s = perf_counter()
        times = result.times
        seconds = (
            result.frame.decoding_s,
            times.preprocessing_s,
            times.inference_s,
            times.postprocessing_s,
            rendering_s,
        )
        with self._lock:
            self._started_s = min(self._started_s or result.started_s, result.started_s)
            self._ended_s = now_s
            self._recent.append((now_s, now_s - result.started_s))
            self.frames += 1
            self.latency_s += now_s - result.started_s
            for stage, stage_s in zip(STAGES[:-1], seconds, strict=True):
                self.stages_s[stage] += stage_s
            if result.frame.arrived_s:
                self.latencies.add(now_s - result.frame.arrived_s)
            self._written_s[clip] = written_s
            self.stages_s["Writing"] = sum(self._written_s.values())
            self._dropped[clip] = dropped
        if self._whole:
            self._whole.add(result, rendering_s, written_s, dropped, clip)

    def count(self, frames: int) -> None:
        """Count frames that another process finished, of which nothing else is known."""
        with self._lock:
            self.frames += frames

    @property
    def dropped(self) -> int:
        """Frames of live sources that came while another one was worked on."""
        with self._lock:
            return sum(self._dropped.values())

    @property
    def fps(self) -> float:
        """Frames per second, from the first frame's start to the last one's end."""
        seconds = self._ended_s - self._started_s
        return self.frames / seconds if seconds else 0.0

    def recent(self) -> tuple[float, float]:
        """Frames per second and latency in seconds over the last frames."""
        with self._lock:  # other threads ask too
            recent = list(self._recent)
        if len(recent) < 2:
            return 0.0, 0.0
        seconds = recent[-1][0] - recent[0][0]
        return (len(recent) - 1) / seconds, sum(latency for _, latency in recent) / len(recent)

    def lines(self) -> list[str]:
        """The figures for people, in the form of the Open Model Zoo's demos."""
        if not self.frames:
            return ["No frame was finished"]
        if not self._started_s:
            return ["Metrics report:", f"\tFrames: {self.frames}"]
        dropped = [f"\tDropped: {self.dropped}"] if self.dropped else []
        stages = [f"\t{stage}:\t{seconds / self.frames * 1000:.1f} ms" for stage, seconds in self.stages_s.items()]
        return [
            "Metrics report:",
            f"\tFrames: {self.frames}",
            *dropped,
            f"\tLatency: {self.latency_s / self.frames * 1000:.1f} ms",
            *self._percentiles(),
            f"\tFPS: {self.fps:.1f}",
            *stages,
            *self.resources,
        ]

    def _percentiles(self) -> list[str]:
        if not self.latencies.count:
            return []
        median_s, p99_s = self.latencies.percentile(0.5), self.latencies.percentile(0.99)
        return [f"\tFrom arrival to delivery: median {median_s * 1000:.1f} ms, 99th percentile {p99_s * 1000:.1f} ms"]

    def __repr__(self) -> str:
        if not self.frames:
            return "Report(frames=0)"
        latency_ms = self.latency_s / self.frames * 1000
        return f"Report(frames={self.frames}, fps={self.fps:.1f}, latency_ms={latency_ms:.1f}, dropped={self.dropped})"
