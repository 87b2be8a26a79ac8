"""One clip of a batch, from its input to its outputs, in whichever thread, process or machine."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from time import perf_counter

from background_subtraction.batch import storage
from background_subtraction.batch.clip_report import DONE, FAILED, INTERRUPTED, ClipReport
from background_subtraction.batch.listener import Listener, Silent
from background_subtraction.batch.parts import Part
from background_subtraction.batch.plan import Task, process_name, with_local_outputs
from background_subtraction.checks import check_source
from background_subtraction.jobs import Clip
from background_subtraction.options import BatchOptions, Options
from background_subtraction.preview.system_monitor import Monitors
from background_subtraction.progress import ClipProgress
from background_subtraction.report import Report
from background_subtraction.run import Run, Stop, load_model, session_of
from background_subtraction.sinks.outputs import Outputs
from background_subtraction.sources.demuxing.addresses import without_password
from background_subtraction.sources.open import open_source
from model_api import MattingModel
from model_api.errors import BackgroundSubtractionError, InferenceError, ModelError, OptionError


@dataclass(frozen=True, eq=False)
class Place:
    """Where clips are converted: what the clips in one process share.

    Args:
        model: loaded; None to load the one that the options name, once in this process.
        report: counts the frames of all clips.
        monitors: measure how busy the machine is.
        stop: ends the clips.
        listener: shows how far they are.
    """

    model: MattingModel | None = None
    report: Report = field(default_factory=Report)
    monitors: Monitors = field(default_factory=Monitors)
    stop: Stop = field(default_factory=Event)
    listener: Listener = field(default_factory=Silent)


class _Resident:
    """The model of this process. The next clip finds it compiled."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._loaded: tuple[Options, MattingModel] | None = None

    def model_of(self, options: Options) -> MattingModel:
        """Load it, unless it is there. Another one that a clip still uses is closed when that clip lets it go."""
        own = replace(options, inputs=("",), outputs=(), batch=BatchOptions())
        with self._lock:
            if self._loaded is None or self._loaded[0] != own:
                self._loaded = None
                self._loaded = (own, load_model(options))
            return self._loaded[1]


_resident = _Resident()
_here = Place()


def work_at(place: Place) -> None:
    """Let tasks that come to this process by `convert_here` know where they are."""
    global _here  # a process has one place
    _here = place


def convert_here(task: Task) -> ClipReport:
    """Convert a clip in this process, at its place. See `convert`."""
    return convert(task, _here)


def convert_with(threads: int, task: Task) -> ClipReport:
    """Convert a clip in this process, with so many threads for the network unless the options say how many."""
    return convert_here(_with_threads(threads, task))


def _with_threads(threads: int, task: Task) -> Task:
    inference = replace(task.options.inference, threads=task.options.inference.threads or threads)
    return replace(task, options=replace(task.options, inference=inference))


_stops: defaultdict[str, Event] = defaultdict(Event)
"""Batch -> what ends its clips in this process, which may convert those of several batches."""


def convert_for(batch: str, threads: int, task: Task) -> ClipReport:
    """Convert a clip in this process as `convert_with` does, until `stop_batch` is called for its batch."""
    return convert(_with_threads(threads, task), replace(_here, stop=_stops[batch]))


def stop_batch(batch: str) -> None:
    """End the clips of a batch in this process."""
    _stops[batch].set()


def convert(task: Task, place: Place) -> ClipReport:
    """Convert a clip. What can be wrong with a clip is told in the report.

    Raises:
        OptionError: the options are wrong, for this clip and for all others.
        ModelError: the model cannot be loaded.
    """
    started_s = perf_counter()
    report = Report(whole=place.report)
    name, status, error = without_password(task.clip.address), DONE, ""
    with _captured(task) as messages:
        try:
            status = DONE if _convert(task, place, report) else INTERRUPTED
        except (OptionError, ModelError) as fault:
            if not isinstance(fault, InferenceError):
                raise
            status, error = FAILED, str(fault)
        except BackgroundSubtractionError as fault:
            status, error = FAILED, str(fault)
        except Exception as fault:  # one clip is no reason to lose the others
            status, error = FAILED, f"unexpected {type(fault).__name__}: {' '.join(str(fault).split())}"
    return ClipReport(
        input=name,
        status=status,
        outputs=task.asked.outputs,
        frames=report.frames,
        seconds=perf_counter() - started_s,
        error=error.removeprefix(f"{name}: "),
        kept=() if status == DONE else tuple(name for name in report.kept if os.path.exists(name)),
        worker=process_name(),
        messages=tuple(messages),
    )


def _convert(task: Task, place: Place, report: Report) -> bool:
    """Whether the outputs are whole, and have their names."""
    options = task.options
    with _on_this_machine(task.clip) as clip:
        parts = [Part.of(output, options.encoding) for output in clip.outputs]
        identities = [part.begin() for part in parts]
        try:
            written = replace(clip, outputs=tuple(part.written for part in parts))
            _write(written, options, place, report, _Steps(task.clip.address, place.listener))
        finally:
            for part in parts:
                part.discard_empty()
        if place.stop.is_set():
            return False
        for part, identity in zip(parts, identities, strict=True):
            part.publish(identity)
        _copy_back(task.clip, parts)
        return True


def _write(clip: Clip, options: Options, place: Place, report: Report, progress: ClipProgress) -> None:
    """Convert the frames. The input is opened first: of one that cannot be read no model is loaded."""
    with open_source(clip.address, loop=options.loop, selection=options.selection) as source:
        check_source(source, clip, options)
        model = place.model or _resident.model_of(options)
        with closing(session_of(options, model, report)) as session:
            Run(options, report, session, model, progress, place.monitors, stop=place.stop).clip(clip, source)


@contextmanager
def _on_this_machine(clip: Clip) -> Iterator[Clip]:
    """The clip with its input and its outputs on this machine, in a temporary folder where they belong elsewhere."""
    fetched = storage.is_stored(clip.address)
    if not fetched and not any(storage.address_of(output.path) for output in clip.outputs):
        yield clip
        return
    with TemporaryDirectory(prefix="background_subtraction-") as name:
        folder = Path(name)
        local = with_local_outputs(clip, folder)
        if fetched:
            (folder / "input").mkdir()
            local = replace(local, address=str(storage.fetch(clip.address, folder / "input")))
        try:
            yield local
        except BackgroundSubtractionError as error:
            raise type(error)(str(error).replace(local.address, without_password(clip.address))) from error


def _copy_back(clip: Clip, parts: list[Part]) -> None:
    """To the storage, the files of a folder one by one."""
    for output, part in zip(clip.outputs, parts, strict=True):
        address = storage.address_of(output.path)
        if not address:
            continue
        folder = address if part.folder or output.names else address.rpartition("/")[0]
        for path in part.files():
            storage.put(path, f"{folder}/{path.name}")


@dataclass(frozen=True)
class _Steps:
    """Passes the frames of a clip on to the listener."""

    address: str
    listener: Listener

    def begin(self, name: str) -> None:
        self.listener.begin(self.address, name)

    def update(self, outputs: Outputs) -> None:
        self.listener.advance(self.address)


class _Collecting(logging.Handler):
    """Keeps warnings, which the process that waits for the report shows."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


@contextmanager
def _captured(task: Task) -> Iterator[list[str]]:
    """Collect warnings, unless this is the process that waits for the report: it shows its own."""
    messages: list[str] = []
    if task.home == process_name():
        yield messages
        return
    handler = _Collecting(messages)
    logging.getLogger().addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger().removeHandler(handler)
