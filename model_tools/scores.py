"""Figures of an evaluation: kept frame by frame, summed up, and written as a table, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

ALL = "all"
BLANK = "-"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """A frame to be shown. value: of the first metric. pictures: caption -> JPEG."""

    clip: str
    frame: int
    value: float
    pictures: dict[str, bytes]


@dataclass(frozen=True, eq=False)
class ClipScores:
    """What a model scored in a clip. values: heading -> a figure a frame, NaN where there is nothing to measure."""

    model: str
    clip: str
    values: dict[str, list[float]]
    exhibits: list[Exhibit] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return len(next(iter(self.values.values())))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """title: what was measured. metrics: heading -> name in `metrics.METRICS`; the first one ranks frames.
    singles: every clip is one still, and only averages are of interest. worst: how many frames a report shows."""

    title: str
    metrics: dict[str, str]
    models: tuple[str, ...]
    scores: list[ClipScores]
    singles: bool = False
    worst: int = 6

    @property
    def clips(self) -> list[str]:
        return list(dict.fromkeys(scores.clip for scores in self.scores))

    def of(self, model: str) -> list[ClipScores]:
        return [scores for scores in self.scores if scores.model == model]


AVERAGES: dict[str, Callable[[list[float]], float]] = {"mean": fmean, "median": median}


def average(scores: Iterable[ClipScores], headings: Iterable[str], kind: str = "mean") -> dict[str, float]:
    """Heading -> average over all frames of all clips that have a figure; NaN where none has. kind: of AVERAGES."""
    clips = list(scores)
    known = {heading: numbers(n for clip in clips for n in clip.values[heading]) for heading in headings}
    return {heading: AVERAGES[kind](values) if values else math.nan for heading, values in known.items()}


def numbers(values: Iterable[float]) -> list[float]:
    """Those that are not NaN."""
    return [value for value in values if not math.isnan(value)]


def rows(evaluation: Evaluation) -> list[tuple[str, str, int, dict[str, float]]]:
    """Clip, model, frames, figures: of each clip, then of all."""
    headings = evaluation.metrics
    clips = [] if evaluation.singles else evaluation.clips
    found = [
        (clip, scores.model, scores.frames, average([scores], headings))
        for clip in clips
        for scores in evaluation.scores
        if scores.clip == clip
    ]
    kinds = ("mean", "median") if evaluation.singles else ("mean",)
    for kind in kinds:
        for model in evaluation.models:
            own = evaluation.of(model)
            frames = sum(scores.frames for scores in own)
            found.append((f"{ALL}, {kind}", model, frames, average(own, headings, kind)))
    return found


def table(evaluation: Evaluation) -> str:
    """Aligned with blanks, for a terminal."""
    lines = [["clip", "model", "frames", *evaluation.metrics]]
    lines += [
        [clip, model, str(frames), *(shown(figures[heading]) for heading in evaluation.metrics)]
        for clip, model, frames, figures in rows(evaluation)
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_aligned(line, widths) for line in lines)


def as_csv(evaluation: Evaluation) -> str:
    """A line for each frame of each model."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "clip", "frame", *evaluation.metrics])
    for scores in evaluation.scores:
        for frame in range(scores.frames):
            figures = [scores.values[heading][frame] for heading in evaluation.metrics]
            writer.writerow([scores.model, scores.clip, frame, *("" if math.isnan(n) else f"{n:.6g}" for n in figures)])
    return text.getvalue()


def as_json(evaluation: Evaluation) -> str:
    """Averages and every frame's figures; null where there is none."""
    headings = evaluation.metrics
    models = [
        {
            "model": model,
            "mean": _plain(average(evaluation.of(model), headings)),
            "median": _plain(average(evaluation.of(model), headings, "median")),
            "clips": [
                {
                    "clip": scores.clip,
                    "mean": _plain(average([scores], headings)),
                    "frames": {heading: [_number(n) for n in scores.values[heading]] for heading in headings},
                }
                for scores in evaluation.of(model)
            ],
        }
        for model in evaluation.models
    ]
    return json.dumps({"title": evaluation.title, "metrics": evaluation.metrics, "models": models}, indent=1)


def shown(value: float) -> str:
    return BLANK if math.isnan(value) else f"{value:.3f}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    cells = [
        cell.ljust(width) if n < 2 else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _plain(figures: dict[str, float]) -> dict[str, float | None]:
    return {heading: _number(value) for heading, value in figures.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
