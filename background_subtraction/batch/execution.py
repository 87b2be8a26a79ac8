"""Clips through an executor: reports as they come, one more try for what failed, and an end at any moment."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue

from background_subtraction.batch.clip_report import FAILED, INTERRUPTED, ClipReport
from background_subtraction.batch.plan import Task
from background_subtraction.batch.task import convert_here
from background_subtraction.sources.demuxing.addresses import without_password
from model_api.errors import BackgroundSubtractionError, BatchError
from model_api.interruptible import next_of
from model_api.terminal.foreign_text import error_line

Convert = Callable[[Task], ClipReport]
Outcome = tuple[Task, ClipReport]


@dataclass(frozen=True)
class Engine:
    """Who converts clips.

    Args:
        executor: takes them.
        convert: what it is given; it must go to where the executor's work is done.
        interrupt: ends the clips that run, None where nobody can.
        is_there: whether it can still be given clips. Asked where one was lost: workers die, and so do clusters.
    """

    executor: Executor
    convert: Convert = convert_here
    interrupt: Callable[[], None] | None = None
    is_there: Callable[[], bool] = lambda: True


def convert_all(
    tasks: Sequence[Task], engine: Engine, attempts: int, rest: list[Outcome]
) -> Generator[Outcome, None, None]:
    """Convert clips, and give their reports in the order in which they end.

    A clip that fails, or whose worker dies, is tried again behind all others. Its failures are reported each.
    If the iteration is ended early or by an error, what runs is ended too, and what waits is not begun.

    Args:
        tasks: the clips.
        engine: who converts them.
        attempts: how often one is tried.
        rest: gets what became of the clips that ran when the iteration ended early.

    Yields:
        The task and its report. A report of a failure is the last one if its `attempts` is that of the call.

    Raises:
        OptionError: an option is wrong for all clips.
        ModelError: the model cannot be loaded.
        BatchError: the engine is gone, and with it the clips that it had.
    """
    run = _Running(engine)
    try:
        for task in tasks:
            run.begin(task, 1)
        while run.waiting:
            task, report = run.next()
            if report.status == FAILED and report.attempts < attempts:
                run.begin(task, report.attempts + 1)
            yield task, report
    finally:
        rest.extend(run.end())


class _Running:
    """What an engine has been given and has not answered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ended: SimpleQueue[Future[ClipReport]] = SimpleQueue()
        self.waiting: dict[Future[ClipReport], tuple[Task, int]] = {}

    def begin(self, task: Task, attempt: int) -> None:
        try:
            future = self._engine.executor.submit(self._engine.convert, task)
        except RuntimeError as error:  # BrokenExecutor too
            future = Future()
            future.set_exception(error)
        self.waiting[future] = task, attempt
        future.add_done_callback(self._ended.put)

    def next(self) -> Outcome:
        """Wait for the next one. Raises the errors that are no clip's."""
        while (future := next_of(self._ended)) not in self.waiting:
            """It was cancelled by `end`."""
        task, attempt = self.waiting.pop(future)
        try:
            return task, replace(future.result(), attempts=attempt)
        except BackgroundSubtractionError:
            raise
        except Exception as error:  # of an engine: its own kinds
            reason = GIVEN_UP if isinstance(error, CancelledError) else error_line(error)
            if not self._engine.is_there():
                raise self._gone(task, reason) from error
            return task, _lost(task, reason, attempt)

    def end(self) -> Iterator[Outcome]:
        """Let nothing begin, end what runs, and give the reports of what was interrupted or ended meanwhile."""
        self.waiting = {future: about for future, about in self.waiting.items() if not future.cancel()}
        if self._engine.interrupt is None or not self._engine.is_there():
            return
        self._engine.interrupt()
        while self.waiting:
            with suppress(BackgroundSubtractionError):
                task, report = self.next()
                # One whose worker was ended did not fail.
                yield task, replace(report, status=INTERRUPTED if report.status == FAILED else report.status)

    def _gone(self, task: Task, reason: str) -> BatchError:
        left = len(self.waiting) + 1
        return BatchError(
            f"{task.options.batch.cluster} is gone ({reason.rstrip('.')}). Not done: {left} clip{'s' * (left > 1)}. "
            "Start it again, or leave it out, and go on with `resume`",
            "cluster",
        )


GIVEN_UP = "was given up by the cluster, or by the executor: perhaps its scheduler has ended"


def _lost(task: Task, reason: str, attempt: int) -> ClipReport:
    """The report of a clip whose worker could not give any."""
    return ClipReport(
        input=without_password(task.clip.address), outputs=task.asked.outputs, status=FAILED, error=reason,
        attempts=attempt,
    )  # fmt: skip
