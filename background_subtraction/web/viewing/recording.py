"""What the run shows, recorded to a file beside it. The run never waits for it."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from threading import Event, Lock, Thread
from time import perf_counter

from background_subtraction.live.presets import PROGRAM, xdg_folder
from background_subtraction.live.session import Session
from background_subtraction.live.subscribers import Delivered
from background_subtraction.sinks.formats import video_format
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sources.base import UNKNOWN_RATE, SourceInfo
from background_subtraction.sources.pictures import PictureForm
from background_subtraction.web.access.errors import RequestError
from model_api.errors import BackgroundSubtractionError
from model_api.pictures.colour_tags import tags_of
from model_api.pictures.picture import Picture, size_of
from model_api.pictures.yuv_image import YuvImage

NAME = re.compile(r"recording-[\d-]{1,30}\.mp4")
LEAST_FREE_BYTES = 512 << 20
"""A recording ends before the disk is full."""
WAIT_S = 0.5
END_S = 20.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recorded:
    """How far a recording is.

    Attributes:
        recording: whether it goes on.
        name: of the file, "" before the first recording.
        seconds: from its first frame to its last one.
        frames: how many it has.
        problem: why it ended by itself, "" if it did not.
    """

    recording: bool = False
    name: str = ""
    seconds: float = 0.0
    frames: int = 0
    problem: str = ""


class Recorder:
    """One recording at a time. Everything may be called from any thread."""

    def __init__(self, session: Session) -> None:
        """session: the run."""
        self._session = session
        self._folder = recordings_folder()
        self._lock = Lock()
        self._state = Recorded()
        self._stop = Event()
        self._thread: Thread | None = None

    @property
    def state(self) -> Recorded:
        """How far the recording is, or the last one was."""
        return self._state

    def start(self) -> Recorded:
        """Begin a recording. Raises RequestError if one goes on."""
        with self._lock:
            if self._state.recording:
                raise RequestError(409, f"{self._state.name} is being recorded. Stop it first")
            self._stop.clear()
            self._state = Recorded(recording=True, name=_name_in(self._folder))
            self._thread = Thread(target=self._record, args=(self._folder / self._state.name,), name="recording")
            self._thread.start()
            return self._state

    def stop(self) -> Recorded:
        """End the recording, if there is one, and wait until its file is whole."""
        with self._lock:
            self._stop.set()
            if self._thread:
                self._thread.join(END_S)
            return self._state

    def file(self, name: str) -> Path:
        """The file of a recording. Raises RequestError if there is none of this name, or it is not whole yet."""
        path = self._folder / name
        if not NAME.fullmatch(name) or not path.is_file():
            raise RequestError(404, "There is no such recording", "name")
        if self._state.recording and self._state.name == name:
            raise RequestError(409, f"{name} is still being recorded. Stop it first", "name")
        return path

    def _record(self, path: Path) -> None:
        problem = ""
        try:
            self._write(path)
        except (BackgroundSubtractionError, OSError) as error:
            problem = " ".join(str(error).split())
            log.warning("The recording has ended: %s", problem)
        finally:  # whatever ended it, another one may begin
            self._state = replace(self._state, recording=False, problem=problem or self._state.problem)
        if self._state.frames:
            log.info("Recorded %s", path)

    def _write(self, path: Path) -> None:
        with self._session.frames.subscribe() as frames:
            first = None
            while first is None and not self._stop.is_set() and not frames.ended:
                first = frames.next(WAIT_S)
            if first is None:
                self._state = replace(self._state, name="", problem="No frame came")
                return
            with VideoSink(path, video_format(path), _info(first.composite)) as sink:
                self._take(sink, first, Fraction(0))
                begun_s = perf_counter()
                while not self._stop.is_set() and not frames.ended:
                    delivered = frames.next(WAIT_S)
                    if delivered is not None:
                        self._take(sink, delivered, Fraction(perf_counter() - begun_s).limit_denominator(90_000))
                    self._require_room(path)

    def _take(self, sink: VideoSink, delivered: Delivered, timestamp_s: Fraction) -> None:
        sink.write(delivered.composite, delivered.index, timestamp_s)
        self._state = replace(self._state, seconds=float(timestamp_s), frames=self._state.frames + 1)

    def _require_room(self, path: Path) -> None:
        if shutil.disk_usage(path.parent).free < LEAST_FREE_BYTES:
            self._state = replace(self._state, problem="The disk is nearly full. What was recorded is kept")
            self._stop.set()


def recordings_folder() -> Path:
    """The folder of recordings, which may not exist yet: where the system keeps videos.

    ~/Videos, ~/Movies on macOS; $XDG_DATA_HOME or ~/.local/share where there is none of them, as on servers.
    """
    home = Path.home()
    videos = home / ("Movies" if sys.platform == "darwin" else "Videos")
    if videos.is_dir():
        return videos / PROGRAM
    return xdg_folder(os.environ.get("XDG_DATA_HOME"), home / ".local" / "share") / PROGRAM / "recordings"


def _name_in(folder: Path) -> str:
    """A name that no file has."""
    stem = f"recording-{datetime.now():%Y-%m-%d-%H%M%S}"
    names = (f"{stem}{suffix}.mp4" for suffix in ("", *(f"-{number}" for number in range(2, 100))))
    with suppress(OSError):
        return next(name for name in names if not (folder / name).exists())
    return f"{stem}.mp4"


def _info(picture: Picture) -> SourceInfo:
    form = PictureForm()
    if isinstance(picture, YuvImage):
        form = PictureForm(tags_of(picture.space), picture.space, picture.format.chroma)
    return SourceInfo("run", size_of(picture), UNKNOWN_RATE, live=True, drops=True, form=form)
