"""Figures of an evaluation: kept frame by frame, summed up, and written as a table, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from model_tools.evaluate.metric_sets import YES_OR_NO
from model_tools.reporting.tables import aligned

ALL = "all"
BLANK = "-"
CLEAN = "clean"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """A frame that a report shows.

    Attributes:
        clip: Its clip.
        frame: Its index.
        value: Of the first metric.
        pictures: Caption -> JPEG.
    """

    clip: str
    frame: int
    value: float
    pictures: dict[str, bytes]


@dataclass(frozen=True, eq=False)
class ClipScores:
    """What was measured for a model in a clip.

    Attributes:
        model: Its label.
        clip: Its name.
        values: Heading -> a figure for each frame, NaN where there is nothing to measure.
        exhibits: The worst frames.
        condition: In which light, or after what, the model saw the clip.
    """

    model: str
    clip: str
    values: dict[str, list[float]]
    exhibits: list[Exhibit] = field(default_factory=list)
    condition: str = CLEAN

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(next(iter(self.values.values())))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that was measured.

    Attributes:
        title: What was measured, for people.
        metrics: Heading -> name in `metric_sets.METRICS`; the first one ranks frames.
        models: Their labels.
        scores: Of every model in every clip under every condition.
        singles: Every clip is one still, so that only averages are of interest.
        worst: How many frames a report shows.
        conditions: Those under which every model saw every clip.
    """

    title: str
    metrics: dict[str, str]
    models: tuple[str, ...]
    scores: list[ClipScores]
    singles: bool = False
    worst: int = 6
    conditions: tuple[str, ...] = (CLEAN,)

    @property
    def clips(self) -> list[str]:
        """The names of all clips."""
        return list(dict.fromkeys(scores.clip for scores in self.scores))

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Model and condition, a model's conditions side by side."""
        return [(model, condition) for model in self.models for condition in self.conditions]

    def of(self, model: str, condition: str) -> list[ClipScores]:
        """What was measured for a model under a condition, in every clip."""
        return [scores for scores in self.scores if (scores.model, scores.condition) == (model, condition)]

    def averages(self, scores: Iterable[ClipScores], kind: str = "mean") -> dict[str, float]:
        """As `average`, NaN for the median of what a frame has or has not."""
        figures = average(scores, self.metrics, kind)
        blank = YES_OR_NO if kind == "median" else frozenset()
        return {heading: math.nan if self.metrics[heading] in blank else value for heading, value in figures.items()}


@dataclass(frozen=True, eq=False)
class Row:
    """A line of the table. figures: heading -> average."""

    clip: str
    model: str
    condition: str
    frames: int
    figures: dict[str, float]


AVERAGES: dict[str, Callable[[list[float]], float]] = {"mean": fmean, "median": median}


def average(scores: Iterable[ClipScores], headings: Iterable[str], kind: str = "mean") -> dict[str, float]:
    """Heading -> average over all frames of all clips that have a figure; NaN where none has. kind: of AVERAGES."""
    clips = list(scores)
    known = {heading: numbers(n for clip in clips for n in clip.values[heading]) for heading in headings}
    return {heading: AVERAGES[kind](values) if values else math.nan for heading, values in known.items()}


def numbers(values: Iterable[float]) -> list[float]:
    """Those that are not NaN."""
    return [value for value in values if not math.isnan(value)]


def rows(evaluation: Evaluation) -> list[Row]:
    """Of each clip, then of all."""
    clips = [] if evaluation.singles else evaluation.clips
    kinds = ("mean", "median") if evaluation.singles else ("mean",)
    return [
        *(_row(evaluation, clip, run, of_clip=clip) for clip in clips for run in evaluation.runs),
        *(_row(evaluation, f"{ALL}, {kind}", run, kind) for kind in kinds for run in evaluation.runs),
    ]


def table(evaluation: Evaluation) -> str:
    """Aligned with blanks, for a terminal."""
    lines = [[*columns(evaluation), *evaluation.metrics]]
    lines += [
        [*cells(evaluation, row), *(shown(row.figures[heading]) for heading in evaluation.metrics)]
        for row in rows(evaluation)
    ]
    words = range(len(columns(evaluation)) - 1)
    return "\n".join(aligned(lines, words))


def columns(evaluation: Evaluation) -> list[str]:
    """What stands before the figures; the condition where there are several."""
    return ["clip", "model", *(["condition"] if len(evaluation.conditions) > 1 else []), "frames"]


def cells(evaluation: Evaluation, row: Row) -> list[str]:
    """Those of `columns`."""
    return [str(getattr(row, column)) for column in columns(evaluation)]


def as_csv(evaluation: Evaluation) -> str:
    """A line for each frame of each model under each condition."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "condition", "clip", "frame", *evaluation.metrics])
    for scores in evaluation.scores:
        for frame in range(scores.frames):
            figures = [scores.values[heading][frame] for heading in evaluation.metrics]
            written = ["" if math.isnan(n) else f"{n:.6g}" for n in figures]
            writer.writerow([scores.model, scores.condition, scores.clip, frame, *written])
    return text.getvalue()


def as_json(evaluation: Evaluation) -> str:
    """Averages and every frame's figures; null where there is none."""
    runs = [_run_as_json(evaluation, model, condition) for model, condition in evaluation.runs]
    return json.dumps({"title": evaluation.title, "metrics": evaluation.metrics, "models": runs}, indent=1)


def shown(value: float) -> str:
    """A figure for people, `BLANK` for NaN."""
    return BLANK if math.isnan(value) else f"{value:.3f}"


def _row(
    evaluation: Evaluation, title: str, run: tuple[str, str], kind: str = "mean", of_clip: str | None = None
) -> Row:
    """of_clip: None for all clips."""
    model, condition = run
    scores = [clip for clip in evaluation.of(model, condition) if of_clip in (None, clip.clip)]
    return Row(title, model, condition, sum(clip.frames for clip in scores), evaluation.averages(scores, kind))


def _run_as_json(evaluation: Evaluation, model: str, condition: str) -> dict[str, Any]:
    own = evaluation.of(model, condition)
    return {
        "model": model,
        "condition": condition,
        "mean": _plain(evaluation.averages(own)),
        "median": _plain(evaluation.averages(own, "median")),
        "clips": [
            {
                "clip": scores.clip,
                "mean": _plain(evaluation.averages([scores])),
                "frames": {heading: [_number(n) for n in scores.values[heading]] for heading in evaluation.metrics},
            }
            for scores in own
        ],
    }


def _plain(figures: dict[str, float]) -> dict[str, float | None]:
    return {heading: _number(value) for heading, value in figures.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
