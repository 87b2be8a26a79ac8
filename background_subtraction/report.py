"""What a run cost: frames, rate, latency and the time of each stage."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import perf_counter

from model_api.results import Result

STAGES = ("Decoding", "Preprocessing", "Inference", "Postprocessing", "Rendering", "Writing")
RECENT = 30


@dataclass(eq=False)
class Report:
    """Means over all frames. dropped: those of a camera that came while others were worked on. A frame's latency runs
    from the moment the pipeline takes it until it has been shown and handed to the writers; a stage's time is that of
    its own work, however much of it overlapped."""

    frames: int = 0
    dropped: int = 0
    latency_s: float = 0.0
    stages_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    _written_s: float = 0.0
    _begun_s: float = 0.0
    _ended_s: float = 0.0
    _recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def add(self, result: Result, rendering_s: float, writing_total_s: float) -> None:
        """Called when the frame has been shown and handed to the writers, who have worked `writing_total_s` so far."""
        now_s = perf_counter()
        self._begun_s = self._begun_s or result.started_s
        self._ended_s = now_s
        self._recent.append((now_s, now_s - result.started_s))
        self.frames += 1
        self.latency_s += now_s - result.started_s
        times = result.times
        spent = (
            result.frame.decoding_s, times.preprocessing_s, times.inference_s, times.postprocessing_s, rendering_s,
        )  # fmt: skip
        for stage, seconds in zip(STAGES[:-1], spent, strict=True):
            self.stages_s[stage] += seconds
        self.stages_s["Writing"] = self._written_s + writing_total_s

    def next_clip(self) -> None:
        """The writers of another clip begin to count from zero."""
        self._written_s = self.stages_s["Writing"]

    def merge(self, other: Report) -> None:
        """Takes over the frames of a clip that ran beside others."""
        if not other.frames:
            return
        self._begun_s = min(self._begun_s or other._begun_s, other._begun_s)
        self._ended_s = max(self._ended_s, other._ended_s)
        self.frames += other.frames
        self.latency_s += other.latency_s
        for stage, seconds in other.stages_s.items():
            self.stages_s[stage] += seconds

    def recent(self) -> tuple[float, float]:
        """Frames per second and latency in seconds over the last frames."""
        if len(self._recent) < 2:
            return 0.0, 0.0
        spent_s = self._recent[-1][0] - self._recent[0][0]
        latency_s = sum(latency for _, latency in self._recent) / len(self._recent)
        return (len(self._recent) - 1) / spent_s, latency_s

    def lines(self) -> list[str]:
        if not self.frames:
            return ["No frame was finished"]
        fps = self.frames / (self._ended_s - self._begun_s)
        figures = [("Latency", f"{self.latency_s / self.frames * 1000:.1f} ms"), ("FPS", f"{fps:.1f}")]
        stages = [(stage, f"{seconds / self.frames * 1000:.1f} ms") for stage, seconds in self.stages_s.items()]
        return [
            "Metrics report:",
            *(f"\t{name}:\t{figure}" for name, figure in [*self._counts(), *figures, *stages]),
        ]

    def _counts(self) -> list[tuple[str, str]]:
        dropped = [("Dropped", str(self.dropped))] if self.dropped else []
        return [("Frames", str(self.frames)), *dropped]
