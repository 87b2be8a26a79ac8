"""The whole program as one side of a benchmark: from decoding to writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from time import perf_counter

from background_subtraction.cli.parse import parse_options
from background_subtraction.jobs import expand
from background_subtraction.options import Options
from background_subtraction.report import Report
from background_subtraction.run import load_model, run
from background_subtraction.sources.selection import Selection, Timed
from model_api import MattingModel
from model_api.errors import OptionError
from model_api.results import Result
from model_tools.benchmark.rounds import Job, Play, Round, with_own_cost

CLOSING = "Closing"
"""What the writers had still to do when the last frame had been handed to them."""


@dataclass(frozen=True)
class FirstFrames(Selection):
    """No more than `limit` frames of the part."""

    limit: int = 0

    def of(self, timed: Iterator[Timed]) -> Iterator[Timed]:
        """The first frames of the part."""
        return islice(super().of(timed), self.limit)


class FrameReport(Report):
    """Keeps each frame's latency, and when the first one began and the last one was handed over."""

    def __init__(self) -> None:
        super().__init__()
        self.latencies_s: list[float] = []
        self.begun_s = 0.0
        self.handed_over_s = 0.0

    def add(self, result: Result, rendering_s: float, written_s: float, dropped: int = 0, clip: object = None) -> None:
        """As `Report.add`, and keep the frame's latency."""
        self.latencies_s.append(perf_counter() - result.started_s)
        super().add(result, rendering_s, written_s, dropped, clip)
        self.begun_s = self.begun_s or result.started_s
        self.handed_over_s = perf_counter()


@contextmanager
def demo(job: Job) -> Iterator[Play]:
    """The whole program as a side, its model loaded once."""
    options = round_options(job)
    with load_model(options) as model:
        yield with_own_cost(lambda: _round(options, model))


def round_options(job: Job) -> Options:
    """What a round does: the first frames of the input, written where the job says. Raises OptionError."""
    options = options_of(job, _outputs(job))
    if options.loop:
        raise OptionError("--loop has no end: leave it out. A round ends with --frames, or with the input")
    return replace(options, selection=FirstFrames(**vars(options.selection), limit=job.frames))


def options_of(job: Job, outputs: tuple[str, ...] = ()) -> Options:
    """What the side asks for, as the demo understands it. Raises OptionError."""
    options = parse_options(["--no_show", *outputs, *job.side.words])
    if "-" in options.inputs:
        raise OptionError("-i -: a pipe cannot be read again in every round. Expected a video or a folder")
    return options


def _outputs(job: Job) -> tuple[str, ...]:
    """For one clip a file, for several a folder."""
    if not job.writes:
        return ()
    clips = expand(options_of(job).inputs)
    return ("-limit", str(job.frames), "-o", str(Path(job.folder, "out.mp4" if len(clips) == 1 else "out")))


def _round(options: Options, model: MattingModel) -> Round:
    """From the moment the first frame has been read until the files are whole; the model is loaded already."""
    report = FrameReport()
    opened_s = perf_counter()
    run(options, report, model)
    ended_s = perf_counter()
    seconds = ended_s - (report.begun_s or opened_s)
    closing_s = ended_s - report.handed_over_s if report.handed_over_s else 0.0
    stages = {**report.stages_s, CLOSING: closing_s}
    return Round(
        report.frames,
        report.frames / seconds,
        [latency_s * 1000 for latency_s in report.latencies_s],
        {stage: stage_s / report.frames * 1000 for stage, stage_s in stages.items()},
    )
