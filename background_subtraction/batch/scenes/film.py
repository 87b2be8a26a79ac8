"""A film and its scenes: the clips that they are, and where they lie until the film is whole."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from background_subtraction.batch.identity import stamp_of
from background_subtraction.batch.manifest import Asked, Manifest
from background_subtraction.batch.parts import Part
from background_subtraction.batch.plan import Task
from background_subtraction.jobs import PART, Clip
from background_subtraction.sinks.base import Output, explained, make_folder_of
from background_subtraction.sinks.open import file_of
from background_subtraction.sources.scenes.description import SUFFIX, Scene, read_scene, write_scene
from background_subtraction.sources.selection import Selection

NAME = "scenes.jsonl"
"""The manifest of a film's scenes."""
DIGITS = 5


@dataclass(frozen=True)
class Film:
    """A film that is converted scene by scene.

    Its folder lies beside its first output and is named like it, with `.scenes.part` behind. In it are a description
    of each scene, a folder for each output with what the scenes became, and a manifest. It goes when the film is whole.

    Args:
        task: the film in one piece.
    """

    task: Task

    @property
    def folder(self) -> Path:
        """Where all that belongs to the scenes lies."""
        place = Part.of(self.task.clip.outputs[0], self.task.options.encoding).place
        return place.with_name(place.name.replace("%", "") + f".scenes{PART}").absolute()

    @cached_property
    def manifest(self) -> Manifest:
        """What was done of the scenes. Its first line tells of the film."""
        return Manifest(str(self.folder / NAME))

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The scenes as clips, in their order."""
        return tuple(self._task(path) for path in self._descriptions())

    @property
    def scenes(self) -> list[Scene]:
        """All of them, read from the folder."""
        return [read_scene(Path(task.clip.address)) for task in self.tasks]

    def begin(self, scenes: Sequence[Scene]) -> None:
        """Take away what was there, and write the descriptions. Raises SinkError."""
        make_folder_of(self.folder / NAME)
        with explained(self.folder):
            shutil.rmtree(self.folder)
            self.folder.mkdir()
            for number, scene in enumerate(scenes, start=1):
                write_scene(scene, self.folder / f"{self.task.clip.name}-{number:0{DIGITS}}{SUFFIX}")
        self.manifest.append([self.task.asked.planned()])

    def is_begun(self) -> bool:
        """Whether the folder has the scenes of just this film, with these options."""
        event = self.manifest.read().get(self.task.asked.input)
        asked = self.task.asked.planned()
        return event is not None and bool(asked["stamp"]) and {**asked, "time": event["time"]} == event

    @cached_property
    def left(self) -> list[Task]:
        """The scenes that were not done when the batch began."""
        events = self.manifest.read()
        return [task for task in self.tasks if not _is_done(task, events.get(task.asked.input))]

    def parts(self, number: int) -> list[Part]:
        """What the scenes became for the output of this number, in their order."""
        return [Part.of(task.clip.outputs[number], task.options.encoding) for task in self.tasks]

    def clear(self) -> None:
        """Take the folder away. Raises SinkError."""
        with explained(self.folder):
            shutil.rmtree(self.folder)

    def _descriptions(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def _task(self, path: Path) -> Task:
        film = self.task
        outputs = tuple(self._output(number, path.stem) for number in range(len(film.clip.outputs)))
        clip = Clip(str(path), outputs)
        # The scene's own description says which part of the film it is.
        options = replace(film.options, selection=Selection(), encoding=replace(film.options.encoding, limit=0))
        places = tuple(str(output.place) for output in outputs)
        return Task(clip, options, Asked(str(path), stamp_of(str(path)), film.asked.options, places), film.home)

    def _output(self, number: int, name: str) -> Output:
        """Where a scene goes instead of the film's output of this number."""
        output, encoding = self.task.clip.outputs[number], self.task.options.encoding
        folder = self.folder / str(number)
        part = Part.of(output, encoding)
        if part.folder:
            return replace(output, path=folder / name, folder=True)
        file = file_of(output, encoding)
        place = folder / name / file.name if "%" in file.name else folder / f"{name}{file.suffix}"
        return replace(output, path=place)


def _is_done(task: Task, event: dict[str, object] | None) -> bool:
    parts = (Part.of(output, task.options.encoding) for output in task.clip.outputs)
    return task.asked.is_done(event) and all(part.exists() for part in parts)
