"""Where pictures go: which file by which name, each written by a thread of its own."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from time import perf_counter, sleep
from types import TracebackType
from typing import Protocol

import cv2

from background_subtraction.codecs import CODECS, CONTAINERS, video_format
from background_subtraction.frames import SourceInfo
from background_subtraction.images import IMAGE_SUFFIXES
from background_subtraction.pictures import VIEWS, Picture, laid_out
from background_subtraction.video_sink import Quality, VideoSink, explained
from background_subtraction.virtual_camera import VirtualCamera
from model_api.arrays import described
from model_api.errors import OptionError, SinkError
from model_api.ranges import NATURAL, require_choice, require_size
from model_api.types import Image, Size

OUTPUT_TYPES = ("video", "png_sequence")
QUEUED = 8
"""Pictures that wait for a slow disk or codec before the run waits too."""
POLL_S = 0.002


class Sink(Protocol):
    """A context manager that takes images in the order of their time; leaving it makes the output whole.

    full: it wants no more.
    """

    @property
    def full(self) -> bool: ...

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        """image: (H, W, 3) uint8 BGR, (H, W, 4) BGRA or (H, W) grey. Raises SinkError; what was written before
        stays usable."""

    def finish(self) -> None:
        """Called when the source has come to its end, not when the run was broken off."""

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True)
class Output:
    """One file, or one sequence of files. view: what of the picture, one of `pictures.VIEWS`. Raises OptionError."""

    path: Path
    view: str = "composite"

    def __post_init__(self) -> None:
        require_choice(VIEWS, view=self.view)
        if not isinstance(self.path, Path):
            raise OptionError(f"{described(self.path)}. Expected a pathlib.Path", "path")


@dataclass(frozen=True)
class Encoding:
    """How outputs are written. type: one of OUTPUT_TYPES, "" to take it from the name. codec: one of CODECS.
    limit: pictures that are written, 0 for all. sound: whether composites get the input's sound.
    resolution: the largest (width, height). Raises OptionError for other values."""

    type: str = ""
    codec: str | None = None
    quality: Quality = Quality()
    limit: int = 0
    sound: bool = True
    resolution: Size | None = None

    def __post_init__(self) -> None:
        require_choice(("", *OUTPUT_TYPES), type=self.type)
        require_choice(CODECS, codec=self.codec)
        NATURAL.require(limit=self.limit)
        require_size(resolution=self.resolution)


class Outputs:
    """All outputs of a run. busy_s: seconds that their threads have worked, the slowest one's.

    Made, they have been checked; entered, they are open: one that cannot be costs none of the others its old file.
    """

    def __init__(
        self, outputs: tuple[Output, ...], encoding: Encoding, source: SourceInfo, camera: str | None = None
    ) -> None:
        self._files = [output.path for output in outputs]
        twice = [path for path in self._files if self._files.count(path) > 1]
        if twice:
            raise SinkError(f"{twice[0]}: is named for two outputs, which would overwrite each other")
        self._resolution = encoding.resolution
        self._limit = encoding.limit
        self._taken = 0
        self._sinks = [(output.view, WriterThread(open_sink(output, encoding, source))) for output in outputs]
        if camera is not None:
            device = VirtualCamera(camera or None, source.rate, pace=not source.live)
            self._sinks.append(("composite", WriterThread(device)))

    @property
    def full(self) -> bool:
        return bool(self._files) and 0 < self._limit <= self._taken

    @property
    def busy_s(self) -> float:
        return max((sink.busy_s for _, sink in self._sinks), default=0.0)

    @property
    def views(self) -> set[str]:
        return {view for view, _ in self._sinks}

    @property
    def size(self) -> str:
        """Of the video files so far, for people."""
        sizes = [path.stat().st_size for path in self._files if path.is_file()]
        return f"{sum(sizes) / 1e6:.1f} MB" if sizes else ""

    def write(self, picture: Picture) -> None:
        if self.full:
            return
        self._taken += 1
        for view, sink in self._sinks:
            sink.write(laid_out(picture, view, self._resolution), picture.index, picture.timestamp_s)

    def finish(self) -> None:
        if not self.full:
            for _, sink in self._sinks:
                sink.finish()

    def __enter__(self) -> Outputs:
        with ExitStack() as stack:
            for _, sink in self._sinks:
                stack.enter_context(sink)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def open_sink(output: Output, encoding: Encoding, source: SourceInfo) -> Sink:
    """A video by its ending, or images: one by its name, many by a pattern such as out_%05d.png or in a folder.

    Raises SinkError before anything is computed if nothing can be written there.
    """
    path = output.path
    folder = path.is_dir() and path.suffix.lower() not in CONTAINERS
    if encoding.type == "png_sequence" or (not encoding.type and folder):
        path = _sequence_in(path)
    if not path.parent.is_dir():
        raise SinkError(f"{path}: there is no folder {path.parent}. Make it first, or choose another")
    if Path(source.name).exists() and path.exists() and path.samefile(source.name):
        raise SinkError(f"{path}: is the input itself, and would be overwritten. Choose another name")
    transparent = output.view == "transparent"
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _image_sink(path, source, transparent)
    chosen = video_format(path, encoding.codec, transparent)
    has_sound = encoding.sound and output.view not in ("alpha", "foreground")
    return VideoSink(path, chosen, source, encoding.quality, has_sound)


def _sequence_in(folder: Path) -> Path:
    """RobustVideoMatting's way: a folder of 0000.png, 0001.png, …"""
    with explained(folder):
        folder.mkdir(exist_ok=True)
    return folder / "%04d.png"


def _image_sink(path: Path, source: SourceInfo, transparent: bool) -> Sink:
    if "%" not in path.name and source.frames != 1:
        raise SinkError(
            f"{path}: one name for many images. Expected a pattern, for example {path.stem}_%05d{path.suffix}"
        )
    if transparent and path.suffix.lower() not in (".png", ".webp", ".tif", ".tiff"):
        raise SinkError(f"{path}: {path.suffix} images hold no transparency. Expected .png")
    return ImageSink(path)


class ImageSink:
    """Image files, named by the frame's index where the name has a pattern such as %05d."""

    full = False

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            if not os.access(path.parent, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        try:
            self._name_of(0)
        except (TypeError, ValueError):
            raise SinkError(f"{path}: not a pattern for one number. Expected for example out_%05d.png") from None

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        encoded, data = cv2.imencode(self._path.suffix, image)
        if not encoded:
            raise SinkError(f"{self._path}: OpenCV cannot write {self._path.suffix} images of {image.shape}")
        with explained(self._path):
            (self._path.parent / self._name_of(index)).write_bytes(data.tobytes())

    def finish(self) -> None:
        """Every image is whole when it has been written."""

    def _name_of(self, index: int) -> str:
        return self._path.name % index if "%" in self._path.name else self._path.name

    def __enter__(self) -> ImageSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


class WriterThread:
    """Another sink, written by a thread of its own. Its error is raised at the next write, or at the end."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        # In C, and so safe to be broken off by Ctrl-C anywhere: a Queue's locks are not, and the end would hang.
        self._queue: SimpleQueue[tuple[Image, int, Fraction] | None] = SimpleQueue()
        self._error: Exception | None = None
        self._thread = Thread(target=self._work, name="writing", daemon=True)
        self.busy_s = 0.0

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        while self._queue.qsize() >= QUEUED and self._error is None:
            sleep(POLL_S)
        if self._error is not None:
            raise self._error
        self._queue.put((image, index, timestamp_s))

    def finish(self) -> None:
        self._sink.finish()

    def __enter__(self) -> WriterThread:
        self._sink.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        own = self._error if error is None else error
        self._sink.__exit__(type(own) if own else None, own, trace)
        if error is None and self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                started_s = perf_counter()
                self._sink.write(*item)
                self.busy_s += perf_counter() - started_s
        except Exception as error:  # whatever it is, it belongs to the thread that hands over the pictures
            self._error = error
