"""Clips through an executor: reports as they come, one more try for what failed, and an end at any moment."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue

from background_subtraction.batch.clip_report import FAILED, INTERRUPTED, ClipReport
from background_subtraction.batch.plan import Task
from background_subtraction.batch.task import convert_here
from background_subtraction.sources.demuxing.addresses import without_password
from model_api.errors import BackgroundSubtractionError
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
    """

    executor: Executor
    convert: Convert = convert_here
    interrupt: Callable[[], None] | None = None


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
        future = next_of(self._ended)
        task, attempt = self.waiting.pop(future)
        return task, replace(_report_of(future, task), attempts=attempt)

    def end(self) -> Iterator[Outcome]:
        """Let nothing begin, end what runs, and give the reports of what was interrupted or ended meanwhile."""
        for future in self.waiting:
            future.cancel()
        if self._engine.interrupt is None:
            return
        self._engine.interrupt()
        while self.waiting:
            with suppress(BackgroundSubtractionError):
                task, report = self.next()
                if report.error != GIVEN_UP:  # one whose worker was ended did not fail
                    yield task, replace(report, status=INTERRUPTED if report.status == FAILED else report.status)


GIVEN_UP = "was given up by the cluster, or by the executor: perhaps its scheduler has ended"


def _report_of(future: Future[ClipReport], task: Task) -> ClipReport:
    """The task's own report, or one of a worker that could not give any."""
    lost = partial(ClipReport, input=without_password(task.clip.address), outputs=task.asked.outputs)
    try:
        return future.result()
    except BackgroundSubtractionError:
        raise
    except CancelledError:
        return lost(status=FAILED, error=GIVEN_UP)
    except Exception as error:  # of an engine: its own kinds
        return lost(status=FAILED, error=error_line(error))
