"""A batch from its options to its summary."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from time import perf_counter

from background_subtraction import run as single
from background_subtraction.batch import storage
from background_subtraction.batch.clip_report import DONE, FAILED, INTERRUPTED, SKIPPED, ClipReport
from background_subtraction.batch.counting import count_frames
from background_subtraction.batch.engines.elsewhere import for_elsewhere, with_share
from background_subtraction.batch.engines.open import open_engine
from background_subtraction.batch.execution import Engine, Outcome, convert_all
from background_subtraction.batch.manifest import Manifest
from background_subtraction.batch.plan import Plan, Task, is_batch, plan_batch
from background_subtraction.batch.scenes.films import Films
from background_subtraction.batch.scenes.said import said_once
from background_subtraction.batch.scenes.splitting import split
from background_subtraction.batch.task import Place
from background_subtraction.checks import check_background, check_source, warn_of_unused
from background_subtraction.native_thread import NativeThread
from background_subtraction.options import Options
from background_subtraction.preview.system_monitor import Monitors
from background_subtraction.progress import BatchProgress
from background_subtraction.report import Report
from background_subtraction.sources.open import is_live, open_source
from background_subtraction.thread_budget import shared_cores
from model_api import MattingModel
from model_api.errors import BatchError, OptionError, SinkError, SourceError

LOOKED_AT = 20
"""Clips that are opened before the first one is converted, until one of them can be read and written."""
REASONS = 10
"""Failures in the message at the end. The manifest has them all."""

log = logging.getLogger(__name__)
of_workers = logging.getLogger("background_subtraction.workers")


def prepare_run(
    options: Options, report: Report, model: MattingModel | None = None
) -> AbstractContextManager[Callable[[], None]]:
    """Prepare a batch, or a run of one input after another: see `run.prepare`."""
    return (prepare_batch if is_batch(options) else single.prepare)(options, report, model)


@contextmanager
def prepare_batch(options: Options, report: Report, model: MattingModel | None = None) -> Iterator[Callable[[], None]]:
    """Check what can be checked, and load the model if it runs in this process. Yield what starts the batch.

    Raises:
        BatchError: some clips failed. The others were done.
        BackgroundSubtractionError: the options, the model or the outputs are wrong for all clips.
    """
    with open_batch(options, report, model) as batch:
        yield partial(_to_the_end, batch)


@contextmanager
def open_batch(
    options: Options, report: Report, model: MattingModel | None = None, executor: Executor | None = None
) -> Iterator[Batch]:
    """Prepare a batch.

    Args:
        options: what to do.
        report: counts the frames.
        model: loaded, for clips in this process; None to load the one that the options name.
        executor: converts the clips, None for an engine of ours.

    Raises:
        BackgroundSubtractionError: see `prepare_batch`.
    """
    elsewhere = bool(executor or options.batch.cluster)
    here = not (elsewhere or options.batch.workers)
    if model is not None and not here:
        raise OptionError("loaded, but the clips are converted elsewhere. Expected a file or a name", "model")
    options = for_elsewhere(options) if elsewhere else with_share(options)
    plan = plan_batch(options)
    with ExitStack() as stack:
        if here:
            stack.enter_context(shared_cores())
        check_background(options)
        if options.batch.split:
            stack.enter_context(said_once())
        plan, films = split(plan, options)
        size = None if elsewhere else _size_of_first(plan.tasks, options)
        if here and size and model is None:
            model = stack.enter_context(single.load_model(options))
        if model and size:
            model.compile_for(size)
        if model:
            warn_of_unused(options, model)
        progress = stack.enter_context(BatchProgress(len(plan.tasks), show=options.progress))
        place = Place(model, report, Monitors(set(options.monitors)))
        engine = stack.enter_context(open_engine(options, place, progress, executor))
        if progress.shown:
            stack.enter_context(_counting(plan.tasks, progress))
        yield Batch(plan, engine, report, progress, place.monitors, Films(films), counts=not here)


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch that can begin.

    Args:
        plan: its clips.
        engine: converts them.
        report: counts the frames.
        progress: shows them.
        monitors: measure how busy the machine is.
        films: those whose scenes are among the clips.
        counts: whether the frames come from elsewhere, and are counted when a clip has ended.
    """

    plan: Plan
    engine: Engine
    report: Report
    progress: BatchProgress
    monitors: Monitors
    films: Films
    counts: bool
    rest: list[Outcome] = field(default_factory=list)

    def reports(self) -> Iterator[ClipReport]:
        """Convert the clips. Yield a report of each, in the order in which they end; first of those done before."""
        tasks = self.plan.tasks
        yield from self.plan.skipped
        self._note([task.asked.planned() for task in self.films.clips_of(tasks)])
        yield from self._told(self.films.ready())
        ended = 0
        try:
            attempts = tasks[0].options.batch.attempts if tasks else 1
            with closing(convert_all(tasks, self.engine, attempts, self.rest)) as outcomes:
                for task, report in outcomes:
                    again = report.status == FAILED and report.attempts < attempts
                    ended += not again
                    self._ended(task, report, f"{ended}/{len(tasks)} ", again=again)
                    if self.films.has(task):
                        yield from self._told([] if again else self.films.after(task, report))
                    elif not again:
                        yield report
        finally:
            for task, report in self.rest:
                self._ended(task, report, "", again=False)
            self.report.resources = self.monitors.means()

    def _ended(self, task: Task, report: ClipReport, number: str, *, again: bool) -> None:
        """Count it, show it, and write it down."""
        done = report.status == DONE
        if self.counts and done:
            self.report.count(report.frames)
        self.progress.end(task.clip.address, report.frames if done else 0, again=again)
        self._tell(task, report, number, again=again)

    def _told(self, films: Iterable[Outcome]) -> Iterator[ClipReport]:
        """Films whose scenes have all ended: their frames were counted."""
        for film, report in films:
            self._tell(film, report, "", again=False)
            yield report

    def _tell(self, task: Task, report: ClipReport, number: str, *, again: bool) -> None:
        with self.progress.aside():
            for message in report.messages:
                of_workers.warning("%s: %s", report.input, message)
            if report.status != DONE:
                log.warning("%s%s", report, ". It is tried again" if again else "")
            elif not self.progress.shown:
                log.info("%s%s", number, report)
        if not again:
            self._note([task.asked.ended(report)], self.films.manifest_of(task))
            self.report.kept.extend(report.kept)

    def _note(self, events: list[dict[str, object]], scenes: Manifest | None = None) -> None:
        manifest = scenes or self.plan.manifest
        if manifest and events:
            manifest.append(events)


def _to_the_end(batch: Batch) -> None:
    """Convert all clips, then say what became of them. Raises BatchError."""
    started_s = perf_counter()
    reports: list[ClipReport] = []
    try:
        reports.extend(batch.reports())
    finally:
        reports += [report for _, report in batch.rest]
        batch.progress.__exit__()
        _say_summary(batch, reports, perf_counter() - started_s)
    failed = [report for report in reports if report.status == FAILED]
    if failed:
        reasons = "; ".join(str(report) for report in failed[:REASONS])
        more = f"; and {len(failed) - REASONS} more" if len(failed) > REASONS else ""
        raise BatchError(f"{len(failed)} of {len(reports)} inputs failed: {reasons}{more}")


def _say_summary(batch: Batch, reports: list[ClipReport], seconds: float) -> None:
    count = {
        status: sum(report.status == status for report in reports) for status in (DONE, SKIPPED, FAILED, INTERRUPTED)
    }
    frames = sum(report.frames for report in reports if report.status == DONE)
    others = ", ".join(f"{number} {status}" for status, number in count.items() if number and status != DONE)
    total = len(batch.films.clips_of(batch.plan.tasks)) + len(batch.plan.skipped)
    log.info(
        "%d of %d clips done%s: %d frames in %.1f s, %.1f frames/s",
        count[DONE], total, f", {others}" if others else "", frames, seconds, frames / seconds if seconds else 0,
    )  # fmt: skip
    if batch.plan.manifest:
        log.info("Manifest: %s", batch.plan.manifest.place)


def _size_of_first(tasks: tuple[Task, ...], options: Options) -> tuple[int, int] | None:
    """The size of the first clip that can be read and written; None where none is found among the first ones.

    Raises:
        OptionError: the options are wrong, for this clip and for all others.
        SinkError: the clips can be read, and none can be written.
    """
    local = [task.clip for task in tasks if not (is_live(task.clip.address) or storage.is_stored(task.clip.address))]
    errors: list[SourceError | SinkError] = []
    for clip in local[:LOOKED_AT]:
        with _noted(errors), _silent(), open_source(clip.address, selection=options.selection) as source:
            check_source(source, clip, options)
            return source.info.size
    unwritable = [error for error in errors if isinstance(error, SinkError)]
    if unwritable:
        raise unwritable[0]
    return None


@contextmanager
def _noted(errors: list[SourceError | SinkError]) -> Iterator[None]:
    """Go on after an error about one clip. The batch says it, when the clip's turn comes."""
    try:
        yield
    except (SourceError, SinkError) as error:
        errors.append(error)


@contextmanager
def _silent() -> Iterator[None]:
    """Without warnings."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _counting(tasks: tuple[Task, ...], progress: BatchProgress) -> Iterator[None]:
    """Count the frames of all clips beside the work, for the bar's total."""
    stop = Event()

    def count() -> None:
        frames: dict[str, int | None] = {}
        for task in tasks:
            if stop.is_set():
                return
            number = count_frames(task.clip.address, task.options.selection)
            limit = task.options.encoding.limit
            frames[task.clip.address] = min(number, limit) if limit and number is not None else number
        progress.expect(frames)

    thread = NativeThread(count, name="counting")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
