"""The outputs of a film from those of its scenes."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from background_subtraction.batch.parts import Part
from background_subtraction.batch.scenes.film import Film
from background_subtraction.jobs import PART
from background_subtraction.sinks.base import Encoding, explained
from background_subtraction.sinks.formats import CONTAINERS, video_format
from background_subtraction.sinks.joining.video import Whole, join_videos
from background_subtraction.sinks.open import has_sound
from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.open import open_source
from background_subtraction.sources.scenes.description import Scene
from model_api.errors import SinkError

log = logging.getLogger(__name__)


def join(film: Film) -> int:
    """Make the film's outputs whole, and take the scenes away.

    Returns:
        How many frames it has.

    Raises:
        SinkError: an output cannot be written, or a scene does not fit to the others. The scenes stay.
        SourceError: the film cannot be read any more.
    """
    task, scenes = film.task, film.scenes
    with open_source(task.clip.address, selection=task.options.selection) as source:
        whole = _whole(source.info, scenes, task.options.encoding.limit)
    outputs = [Part.of(output, task.options.encoding) for output in task.clip.outputs]
    identities = [part.begin() for part in outputs]
    for number, part in enumerate(outputs):
        if part.place.suffix.lower() in CONTAINERS:
            _join_video(film.parts(number), part, whole, task.options.encoding)
        else:
            _collect_images(film.parts(number), part)
    for part, identity in zip(outputs, identities, strict=True):
        part.publish(identity)
    try:
        film.clear()
    except SinkError as error:  # the film is whole
        log.warning("The scenes are not needed any more: %s", error)
    return len(whole.times_s)


def _whole(source: SourceInfo, scenes: Sequence[Scene], limit: int) -> Whole:
    times_s = [time_s for scene in scenes for time_s in scene.times_s]
    to_end = source.to_end and not 0 < limit <= len(times_s)
    return Whole(source, times_s, [scene.frames for scene in scenes], to_end)


def _join_video(scenes: Sequence[Part], part: Part, whole: Whole, encoding: Encoding) -> None:
    output = part.written
    format_ = video_format(output.path, encoding.codec, alpha=output.view == "transparent")
    join_videos([scene.place for scene in scenes], output.path, format_, whole, sound=has_sound(output, encoding))


def _collect_images(scenes: Sequence[Part], part: Part) -> None:
    """Their names have the frames' numbers in the film."""
    folder = part.part if part.folder else part.part.parent
    for path in (path for scene in scenes for path in scene.files()):
        with explained(folder):
            _link(path, folder / (path.name if part.folder else f"{path.stem}{PART}{path.suffix}"))


def _link(path: Path, other: Path) -> None:
    """Another name for the same file, or a copy where that cannot be."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)
