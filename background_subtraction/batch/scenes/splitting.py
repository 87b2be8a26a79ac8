"""Which clips of a batch are films that are converted scene by scene, and which scenes they have."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from background_subtraction.batch import storage
from background_subtraction.batch.counting import count_frames
from background_subtraction.batch.plan import Plan, Task
from background_subtraction.batch.scenes.film import NAME, Film
from background_subtraction.checks import check_clip
from background_subtraction.image_files import IMAGE_SUFFIXES, is_pattern
from background_subtraction.options import Options
from background_subtraction.progress import counted
from background_subtraction.sinks.base import require_writable
from background_subtraction.sinks.formats import CONTAINERS
from background_subtraction.sinks.open import file_of
from background_subtraction.sources.demuxing.addresses import local_path, without_password
from background_subtraction.sources.open import is_live
from background_subtraction.sources.scenes.description import SUFFIX as SCENE
from background_subtraction.sources.scenes.description import Scene
from background_subtraction.sources.scenes.finding import find_scenes
from model_api.errors import OptionError, SinkError, SourceError

OWN_TIMES = "own"
"""`Container.timing` of files in which a frame may be shown at any time."""

log = logging.getLogger(__name__)


def split(plan: Plan, options: Options) -> tuple[Plan, list[Film]]:
    """Replace films by their scenes.

    What cannot be cut stays as it is, and one line says why. With `resume`, scenes that are done are left out.

    Args:
        plan: clips.
        options: of the batch.

    Returns:
        The plan, and the films whose scenes are in it.

    Raises:
        OptionError: options that no film can be cut with; or PySceneDetect is missing.
        SinkError: the folder for the scenes cannot be written.
    """
    if not options.batch.split:
        return plan, []
    _require_possible(options)
    tasks: list[Task] = []
    films: list[Film] = []
    for task in plan.tasks:
        film = _film_of(task)
        if film is None:
            tasks.append(task)
        else:
            films.append(film)
            tasks += film.left
    return replace(plan, tasks=tuple(tasks)), films


def _require_possible(options: Options) -> None:
    """A film is cut where everything begins anew, and once."""
    reasons = {
        "a loop shows its scenes again. Leave out one of both": options.loop,
        "a model keeps its state at cuts (scene_cuts). Leave out one of both": not options.scene_cuts,
        "a still that is held (hold). Leave out one of both": options.settings.hold,
        "no output. Name one, which the scenes are joined to": not options.outputs,
    }
    for reason, is_so in reasons.items():
        if is_so:
            raise OptionError(f"{options.batch.split}, but {reason}", "split")


def _film_of(task: Task) -> Film | None:
    """The film with its scenes; None, and a line about it, where it stays in one piece."""
    name = without_password(task.clip.address)
    film = Film(task)
    reason = next((reason for reason, is_so in REASONS.items() if is_so(task)), None) or _fault_of(film.folder)
    if reason is not None:
        log.warning("%s: is converted in one piece: %s", name, reason)
        return None
    if task.options.batch.resume and film.is_begun():
        scenes = len(film.tasks)
        log.info("%s: %d of %d scenes were done before", name, scenes - len(film.left), scenes)
        return film
    try:
        check_clip(task.clip, task.options)
        found = _found(task, name)
    except (SourceError, SinkError):  # it is said when its turn comes
        return None
    if len(found) < 2:
        log.info("%s: is converted in one piece: no cut was found", name)
        return None
    film.begin(found)
    return film


def _fault_of(folder: Path) -> str | None:
    """Why nothing can be written into the folder for scenes."""
    try:
        require_writable(folder / NAME)
    except SinkError as error:
        return str(error)
    return None


def _found(task: Task, name: str) -> list[Scene]:
    started_s = perf_counter()
    path, options = os.path.abspath(local_path(task.clip.address)), task.options
    total, limit = count_frames(path, options.selection), options.encoding.limit
    total = min(total, limit) if limit and total else total
    with counted(f"Cuts of {task.clip.name}", total, show=options.progress) as seen:
        scenes = find_scenes(path, options.selection, limit, seen)
    if len(scenes) > 1:
        frames, seconds = sum(scene.frames for scene in scenes), perf_counter() - started_s
        log.info("%s: %d scenes in %d frames, found in %.1f s", name, len(scenes), frames, seconds)
    return scenes


def _is_no_video(task: Task) -> bool:
    path = Path(local_path(task.clip.address))
    return path.is_dir() or is_pattern(str(path)) or path.suffix.lower() in {*IMAGE_SUFFIXES, SCENE}


def _background_is_live(task: Task) -> bool:
    target = task.options.settings.target_bgr
    return target is not None and not os.path.exists(target) and is_live(target)


def _cannot_be_joined(task: Task) -> bool:
    paths = [file_of(output, task.options.encoding) for output in task.clip.outputs]
    containers = [CONTAINERS[path.suffix.lower()] for path in paths if path.suffix.lower() in CONTAINERS]
    return any(container.timing != OWN_TIMES for container in containers)


REASONS: Mapping[str, Callable[[Task], bool]] = {
    "only a file on this machine's disks can be entered anywhere": lambda task: (
        storage.is_stored(task.clip.address) or is_live(local_path(task.clip.address))
    ),
    "images have no cuts. Expected a video": _is_no_video,
    "scenes are joined on this machine's disks, and an output lies elsewhere": lambda task: any(
        storage.address_of(output.path) for output in task.clip.outputs
    ),
    ".gif and .avi show frames at even times, and cannot be joined without a trace": _cannot_be_joined,
    "a live background cannot be shown once more": _background_is_live,
}
"""Why a clip cannot be cut -> whether that is so."""
