"""Where frames come from: an image, a folder of images, a video, a stream, a camera."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Protocol

import av
import cv2
import numpy as np

from background_subtraction.images import IMAGE_SUFFIXES, images_in, read_image, silent_opencv
from model_api.errors import SourceError
from model_api.types import Frame, Image, Size

IMAGE_RATE = Fraction(30)
"""Frames per second of a folder of images."""
UNKNOWN_RATE = Fraction(30)
"""Of cameras and videos that do not tell theirs."""
STREAM_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class SourceInfo:
    """size: (width, height) of the first frame, as it is to be shown. rate: frames per second.
    frames: how many there will be, None if nobody knows. live: it goes on whether or not anybody reads."""

    name: str
    size: Size
    rate: Fraction
    frames: int | None = None
    live: bool = False


class Source(Protocol):
    """A context manager to iterate once. Raises SourceError while it is opened or read."""

    info: SourceInfo

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(address: str, loop: bool = False) -> Source:
    """address: a file, a folder, a camera's number, or a stream's address such as rtsp://…

    loop: begin again at the end, for ever; every turn is a clip of its own.
    """
    if address.isdecimal():
        return CameraSource(int(address))
    if re.match(r"[a-z][a-z0-9+.-]+://", address, re.IGNORECASE):
        return VideoSource(address, live=True)
    path = Path(address)
    if not path.exists():
        raise SourceError(f"{address}: no such input. Expected an image, a folder, a video, a camera number or a URL")
    if path.is_dir():
        return ImageSource(images_in(path), address, loop)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource([path], address, loop)
    return VideoSource(address, loop)


class _Closing:
    """What every source does as a context manager, when it has something to close."""

    def close(self) -> None:
        """Nothing to close."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ImageSource(_Closing):
    """Image files, one frame each."""

    def __init__(self, paths: list[Path], name: str, loop: bool = False) -> None:
        height, width = read_image(paths[0]).shape[:2]
        self.info = SourceInfo(name, (width, height), IMAGE_RATE, None if loop else len(paths))
        self._paths = paths
        self._loop = loop

    def __enter__(self) -> ImageSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return _numbered(self._turn, self.info.rate, self._loop)

    def _turn(self) -> Iterator[tuple[Image, Fraction]]:
        for index, path in enumerate(self._paths):
            yield read_image(path), index / self.info.rate


class VideoSource(_Closing):
    """A video file or stream: what PyAV decodes, turned upright as its metadata asks."""

    def __init__(self, address: str, loop: bool = False, live: bool = False) -> None:
        self._address = address
        self._loop = loop
        self._timeout_s = STREAM_TIMEOUT_S if live else None
        self._container = self._open()
        first = next(self._decode(self._container), None)
        if first is None:
            self.close()
            raise SourceError(f"{address}: a video without a single frame")
        stream = self._container.streams.video[0]
        self._begun = [first]
        rate = Fraction(stream.average_rate or stream.guessed_rate or UNKNOWN_RATE)
        height, width = first[0].shape[:2]
        frames = None if loop or live else _frame_count(self._container, stream, rate)
        self.info = SourceInfo(address, (width, height), rate, frames, live)

    def __enter__(self) -> VideoSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return _numbered(self._turn, self.info.rate, self._loop)

    def close(self) -> None:
        self._container.close()

    def _turn(self) -> Iterator[tuple[Image, Fraction]]:
        """The first turn goes on where the opening stopped, the others begin anew."""
        begun, self._begun = self._begun, []
        if not begun:
            self._container.close()
            self._container = self._open()
        start_s = None
        for number, (image, time_s) in enumerate(chain(begun, self._decode(self._container))):
            time_s = number / self.info.rate if time_s is None else time_s
            start_s = time_s if start_s is None else start_s
            yield image, time_s - start_s

    def _open(self) -> av.container.InputContainer:
        with _explained(self._address):
            container = av.open(self._address, timeout=self._timeout_s)
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self._address}: no picture in it, only sound or data. Expected a video or an image")
        container.streams.video[0].thread_type = "AUTO"
        return container

    def _decode(self, container: av.container.InputContainer) -> Iterator[tuple[Image, Fraction | None]]:
        with _explained(self._address):
            for frame in container.decode(container.streams.video[0]):
                image = _upright(frame.to_ndarray(format="bgr24"), frame.rotation)
                yield image, None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base


class CameraSource(_Closing):
    """A camera of this machine, by its number. A camera never ends: one that does is an error."""

    def __init__(self, number: int) -> None:
        self._number = number
        with silent_opencv():
            self._capture = cv2.VideoCapture(number)
            opened, first = self._capture.read()
        if not opened:
            self.close()
            raise SourceError(f"Camera {number} gives no picture. Is it plugged in, and free? Another: -i <number>")
        height, width = first.shape[:2]
        rate = Fraction(self._capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001) or UNKNOWN_RATE
        self.info = SourceInfo(f"camera {number}", (width, height), rate, live=True)

    def __enter__(self) -> CameraSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return _numbered(self._turn, self.info.rate, loop=False)

    def close(self) -> None:
        self._capture.release()

    def _turn(self) -> Iterator[tuple[Image, Fraction]]:
        started_s = perf_counter()
        for number in count():
            read, image = self._capture.read()
            if not read:
                raise SourceError(f"Camera {self._number} stopped after {number} frames. Is it still plugged in?")
            yield image, Fraction(round((perf_counter() - started_s) * 1_000_000), 1_000_000)


def _numbered(turn: Callable[[], Iterator[tuple[Image, Fraction]]], rate: Fraction, loop: bool) -> Iterator[Frame]:
    """Frames of one turn, or of turn after turn, with time going on from one to the next."""
    index = 0
    begins_s = Fraction(0)
    for clip in count():
        frame = None
        started_s = perf_counter()
        for image, time_s in turn():
            frame = Frame(index, image, begins_s + time_s, clip, decoding_s=perf_counter() - started_s)
            yield frame
            index += 1
            started_s = perf_counter()
        if not loop or frame is None:
            return
        begins_s = frame.timestamp_s + 1 / rate


def _frame_count(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, rate: Fraction
) -> int | None:
    """What the header says; where it says nothing, what the duration comes to."""
    if stream.frames:
        return stream.frames
    if container.duration is None:
        return None
    # In a file that begins late, the duration counts the time before the first frame too.
    return round((container.duration - (container.start_time or 0)) * rate / av.time_base)


def _upright(image: Image, rotation: int) -> Image:
    """rotation: degrees counterclockwise that the picture has to be turned by."""
    turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


@contextmanager
def _explained(address: str) -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{address}: cannot be decoded ({text}). Expected a whole video or image") from error
