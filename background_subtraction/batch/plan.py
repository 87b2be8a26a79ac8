"""Which clips of a batch are to be done, and which were done before."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from background_subtraction import jobs
from background_subtraction.batch import storage
from background_subtraction.batch.clip_report import SKIPPED, ClipReport
from background_subtraction.batch.identity import digest_of, name_of, stamp_of
from background_subtraction.batch.manifest import Asked, Event, Manifest, place_of
from background_subtraction.batch.parts import Part
from background_subtraction.jobs import Clip
from background_subtraction.options import BatchOptions, Options
from background_subtraction.protection import require_nothing_lost
from background_subtraction.sinks.base import Output
from background_subtraction.sources.demuxing.addresses import without_password
from model_api.errors import OptionError, SinkError

SHOWN = 3
"""Names in a message that could list a thousand."""


@dataclass(frozen=True)
class Task:
    """A clip to convert. It can be sent to another process or machine.

    Args:
        clip: its input and its outputs, as they will be named.
        options: those of the batch.
        asked: what the manifest tells of it.
        home: the process that waits for its report.
    """

    clip: Clip
    options: Options
    asked: Asked
    home: str


@dataclass(frozen=True)
class Plan:
    """What a batch does.

    Args:
        tasks: the clips to convert.
        skipped: those that were done before.
        manifest: where it is told; None where nothing is written.
    """

    tasks: tuple[Task, ...]
    skipped: tuple[ClipReport, ...]
    manifest: Manifest | None


def is_batch(options: Options) -> bool:
    """Whether these options ask for a batch: several clips or an option for it, no window and no device.

    Raises:
        OptionError: batch options that contradict others.
        SourceError: a pattern matches nothing.
    """
    asked = options.batch != BatchOptions() or options.jobs > 1
    stored = any(storage.is_stored(name) for name in options.inputs) or any(
        storage.address_of(output.path) for output in options.outputs
    )
    if options.window is not None or options.devices:
        _require_alone(options, stored=stored)
        return False
    return asked or stored or jobs.are_several(options.inputs)


def plan_batch(options: Options) -> Plan:
    """Find the clips, name their outputs, and ask the manifest what was done.

    Raises:
        OptionError: outputs that several inputs cannot have, or that contradict each other.
        SourceError: an input is not there, or a folder holds both images and videos.
        SinkError: an output is read, named twice, or exists already.
    """
    clips = _named(_of_shard(_found(options), options.batch.shard), options)
    require_nothing_lost(clips, options)
    _require_other_addresses(clips)
    digest = digest_of(options)
    tasks = [Task(clip, options, _asked(clip, digest), process_name()) for clip in clips]
    manifest = _manifest(options)
    events = manifest.read() if manifest else {}
    known = events if options.batch.resume else {}
    todo: list[Task] = []
    skipped: list[ClipReport] = []
    for task in tasks:
        if _is_done(task, known.get(task.asked.input)):
            skipped.append(_skipped(task))
        else:
            todo.append(task)
    if not options.batch.overwrite:
        _require_new(todo, known)
    return Plan(tuple(todo), tuple(skipped), manifest)


def process_name() -> str:
    """This process: its machine and its number."""
    return f"{platform.node()}:{os.getpid()}"


def shown(names: Sequence[str]) -> str:
    """The first few of many names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _require_alone(options: Options, *, stored: bool) -> None:
    """A window and a virtual camera show one input after another, and read it where it is."""
    if options.batch != BatchOptions() or stored:
        what = "a window" if options.window is not None else "a virtual camera"
        raise OptionError(f"a batch, or files in a storage, and {what}. Leave out one of them (--no_show)", "outputs")


def _found(options: Options) -> list[Clip]:
    """The clips of all inputs, without outputs."""
    recursive = options.batch.recursive
    folders = [output.path for output in options.outputs]
    found: list[Clip] = []
    for name in options.inputs:
        if storage.is_stored(name):
            found += storage.find_clips(name, recursive=recursive)
        else:
            found += jobs.find_clips([name], recursive=recursive, without=folders)
    return found


def _of_shard(clips: list[Clip], shard: tuple[int, int] | None) -> list[Clip]:
    """Every nth clip: neighbours, often of one length, are shared."""
    return clips if shard is None else clips[shard[0] :: shard[1]]


def _named(clips: list[Clip], options: Options) -> list[Clip]:
    alone = [clip.address for clip in clips] == [*options.inputs] and len(clips) == 1
    several = not alone or options.batch.listed
    return jobs.with_outputs(clips, options.outputs, options.encoding, options.selection, several=several)


def _asked(clip: Clip, digest: str) -> Asked:
    outputs = tuple(_target_of(output) for output in clip.outputs)
    return Asked(name_of(clip.address), stamp_of(clip.address), digest, outputs)


def _target_of(output: Output) -> str:
    """The absolute path or the address of an output."""
    return storage.address_of(output.place) or str(output.place.absolute())


def _manifest(options: Options) -> Manifest | None:
    if not options.outputs:
        if options.batch.resume:
            raise OptionError("but no output. Name one, for there is nothing to go on with", "resume")
        return None
    outputs = [storage.address_of(output.path) or str(output.path) for output in options.outputs]
    if options.outputs[0].folder:
        outputs[0] = outputs[0].rstrip("/") + "/"
    return Manifest(place_of(options.batch.manifest, outputs), options.batch.shard)


def _is_done(task: Task, event: Event | None) -> bool:
    return task.asked.is_done(event) and all(_exists(task, number) for number in range(len(task.clip.outputs)))


def _exists(task: Task, number: int) -> bool:
    """Whether something has the name of an output of the task."""
    output = task.clip.outputs[number]
    address = storage.address_of(output.path)
    return storage.exists(task.asked.outputs[number]) if address else Part.of(output, task.options.encoding).exists()


def _require_new(tasks: Sequence[Task], known: dict[str, Event]) -> None:
    """Outputs that exist are replaced only if the manifest says that this program made them."""
    ours = {str(name) for event in known.values() for name in event["outputs"]}
    existing = [
        name
        for task in tasks
        for number, name in enumerate(task.asked.outputs)
        if name not in ours and _exists(task, number)
    ]
    if existing:
        unknown, resume = ", and not in the manifest", "`resume`, to do what is not done, or "
        count = "1 output exists" if len(existing) == 1 else f"{len(existing)} outputs exist"
        raise SinkError(
            f"{count} already{unknown if known else ''}: {shown(existing)}. Expected "
            f"{'' if known else resume}`overwrite`, to replace what is there, or another folder"
        )


def _require_other_addresses(clips: Sequence[Clip]) -> None:
    """As `require_nothing_lost`, for a storage."""
    read = {without_password(clip.address) for clip in clips}
    for path in (output.path for clip in clips for output in clip.outputs):
        if storage.address_of(path) in read:
            raise SinkError(f"{storage.address_of(path)}: is the input itself, and would be overwritten")


def _skipped(task: Task) -> ClipReport:
    outputs = task.asked.outputs
    return ClipReport(input=without_password(task.clip.address), status=SKIPPED, outputs=outputs)


def with_local_outputs(clip: Clip, folder: Path) -> Clip:
    """The clip with its outputs in a folder on this machine, in the same order."""
    outputs = (
        replace(output, path=folder / str(number) / output.path.name) if storage.address_of(output.path) else output
        for number, output in enumerate(clip.outputs)
    )
    return replace(clip, outputs=tuple(outputs))
