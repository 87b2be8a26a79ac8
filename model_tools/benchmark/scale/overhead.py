"""What a clip costs those who hand it out: the command itself, and a scheduler."""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from background_subtraction.batch.clip_report import DONE, ClipReport
from background_subtraction.batch.engines.open import open_engine
from background_subtraction.batch.listener import Silent
from background_subtraction.batch.plan import Task, plan_batch
from background_subtraction.batch.session import open_batch
from background_subtraction.batch.task import Place
from background_subtraction.cli.parse import parse_options
from background_subtraction.options import Options
from background_subtraction.report import Report
from model_tools.benchmark.scale.clusters import CLUSTERS
from model_tools.reporting.quiet import quiet

TASKS = 300
"""Of which the cost of one is a part."""
WORKERS = 2


@dataclass(frozen=True)
class Overhead:
    """What a clip costs beside its conversion.

    Attributes:
        name: of an engine, or "command".
        seconds: for each clip, one after another.
        start_s: until it is ready; 0 for the command.
    """

    name: str
    seconds: float
    start_s: float = 0.0

    @property
    def most_a_second(self) -> float:
        """Clips that it can hand out in a second, whatever the number of machines."""
        return 1 / self.seconds


class _Nobody(Executor):
    """Says at once that a clip is done."""

    def submit(self, convert: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        """See `Executor.submit`."""
        (task,) = arguments
        future: Future[Any] = Future()
        future.set_result(ClipReport(input=task.clip.address, status=DONE, outputs=task.asked.outputs, frames=1))
        return future


def of_command(clip: Path, folder: Path) -> Overhead:
    """Measure what the command does for each clip: finding, naming, the manifest, which is on the disk each time.

    Args:
        clip: any clip.
        folder: for files that nobody keeps.
    """
    options = _options(clip, folder)
    begun_s = time.perf_counter()
    with quiet(""), open_batch(options, Report(), executor=_Nobody()) as batch:
        done = sum(1 for _ in batch.reports())
    return Overhead("command", (time.perf_counter() - begun_s) / done)


def of_engine(name: str, clip: Path, folder: Path) -> Overhead:
    """Measure what an engine does for each clip, with its scheduler and two workers on this machine.

    All share the cores, so that a scheduler of its own machine takes less.

    Args:
        name: of the engine.
        clip: any clip.
        folder: for files that nobody keeps.

    Raises:
        BackgroundSubtractionError: it does not start.
    """
    with ExitStack() as stack:
        cluster = stack.enter_context(CLUSTERS[name](WORKERS))
        words = ("--cluster", cluster.address, *(("--workers", str(WORKERS)) if name == "ray" else ()))
        options = _options(clip, folder, *words)
        tasks = plan_batch(options).tasks
        executor = stack.enter_context(open_engine(options, Place(), Silent(), None)).executor
        _hand_out(executor, tasks[: 2 * WORKERS])  # workers start with their first task
        begun_s = time.perf_counter()
        _hand_out(executor, tasks)
        return Overhead(name, (time.perf_counter() - begun_s) / len(tasks), cluster.start_s)


def _hand_out(executor: Executor, tasks: tuple[Task, ...]) -> None:
    """Send tasks to workers that do nothing with them."""
    for future in [executor.submit(bool, task) for task in tasks]:
        future.result()


def _options(clip: Path, folder: Path, *words: str) -> Options:
    clips = folder / "handed out"
    clips.mkdir(exist_ok=True)
    for number in range(TASKS):
        if not (clips / f"{number}.mp4").exists():
            os.link(clip, clips / f"{number}.mp4")
    output = folder / f"results {len([*folder.iterdir()])}"
    return parse_options(["-i", str(clips), "-o", str(output), "--no_show", *words])
