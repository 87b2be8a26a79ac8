"""The films of a batch while their scenes are converted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter

from background_subtraction.batch.clip_report import DONE, FAILED, ClipReport
from background_subtraction.batch.manifest import Manifest
from background_subtraction.batch.plan import Task
from background_subtraction.batch.scenes.film import Film
from background_subtraction.batch.scenes.joining import join
from background_subtraction.sources.demuxing.addresses import without_password
from model_api.errors import BackgroundSubtractionError

Outcome = tuple[Task, ClipReport]


class Films:
    """Joins a film as soon as its last scene is done."""

    def __init__(self, films: Sequence[Film] = ()) -> None:
        """Begin with the scenes that are left."""
        self._started_s = perf_counter()
        self._films = films
        self._film_of = {task.clip.address: film for film in films for task in film.tasks}
        self._left = {id(film): len(film.left) for film in films}
        self._failed: dict[int, list[str]] = {id(film): [] for film in films}

    def clips_of(self, tasks: Sequence[Task]) -> list[Task]:
        """The clips that tasks are, or are scenes of."""
        return [*(task for task in tasks if not self.has(task)), *(film.task for film in self._films)]

    def has(self, task: Task) -> bool:
        """Whether a task is a scene."""
        return task.clip.address in self._film_of

    def manifest_of(self, task: Task) -> Manifest | None:
        """The manifest that tells of a scene. None for a clip: the batch's does."""
        return self._film_of[task.clip.address].manifest if self.has(task) else None

    def ready(self) -> Iterator[Outcome]:
        """Join the films whose scenes were all done before."""
        for film in self._films:
            if not self._left[id(film)]:
                yield film.task, self._ended(film)

    def after(self, scene: Task, report: ClipReport) -> Iterator[Outcome]:
        """Count a scene that has ended, and join its film if it was the last one."""
        film = self._film_of[scene.clip.address]
        self._left[id(film)] -= 1
        if report.status == FAILED:
            self._failed[id(film)].append(str(report))
        if not self._left[id(film)]:
            yield film.task, self._ended(film)

    def _ended(self, film: Film) -> ClipReport:
        name, outputs = without_password(film.task.clip.address), film.task.asked.outputs
        failed, frames = self._failed[id(film)], 0
        error = f"{len(failed)} of {len(film.tasks)} scenes failed: {failed[0]}" if failed else ""
        if not failed:
            try:
                frames = join(film)
            except BackgroundSubtractionError as fault:
                error = f"its scenes cannot be joined: {fault}"
        return ClipReport(
            input=name,
            status=FAILED if error else DONE,
            outputs=outputs,
            frames=frames,
            seconds=perf_counter() - self._started_s,
            error=f"{error}. What is done is kept in {film.folder}, for resume" if error else "",
        )
