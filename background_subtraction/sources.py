"""Where frames come from: an image, a folder of images, a video, a pipe, a stream, a camera."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from time import perf_counter, sleep
from types import TracebackType
from typing import Any, Protocol

import av
import cv2
import numpy as np

from background_subtraction.cut import Cut, Timed
from background_subtraction.images import IMAGE_SUFFIXES, images_in, read_image, silent_opencv
from model_api.errors import SourceError
from model_api.types import Frame, Image, Size

IMAGE_RATE = Fraction(30)
"""Frames per second of a folder of images."""
UNKNOWN_RATE = Fraction(30)
"""Of cameras and videos that do not tell theirs."""
STREAM_TIMEOUT_S = 10.0
RECONNECTS, RECONNECT_EVERY_S = 5, 1.0
RECONNECT = {"reconnect": "1", "reconnect_streamed": "1", "reconnect_on_network_error": "1", "reconnect_delay_max": "5"}
"""FFmpeg's own, for http and https."""
PIPE = "-"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceInfo:
    """size: (width, height) of the first frame, as it is to be shown. rate: frames per second.
    frames: how many there will be, None if nobody knows. live: it goes on whether or not anybody reads.
    sound: the file that holds the sound to these pictures. begin_s: the first frame's time in it.
    to_end: the last frame is the file's last one too."""

    name: str
    size: Size
    rate: Fraction
    frames: int | None = None
    live: bool = False
    sound: str | None = None
    begin_s: Fraction = Fraction(0)
    to_end: bool = True


class Source(Protocol):
    """A context manager to iterate once. Raises SourceError while it is opened or read."""

    info: SourceInfo

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(address: str, loop: bool = False, cut: Cut = Cut()) -> Source:
    """address: a file, a folder, a camera's number, a stream's address such as rtsp://…, or "-" for a pipe.

    loop: begin again at the end, for ever; every turn is a clip of its own.
    """
    if address.isdecimal():
        return CameraSource(int(address), cut)
    if address == PIPE or re.match(r"[a-z][a-z0-9+.-]+://", address, re.IGNORECASE):
        return VideoSource(address, cut=cut, live=True)
    path = Path(address)
    if not path.exists():
        raise SourceError(f"{address}: no such input. Expected an image, a folder, a video, a camera number or a URL")
    if path.is_dir():
        return ImageSource(images_in(path), address, loop, cut)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource([path], address, loop, cut)
    return VideoSource(address, loop, cut)


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

    def __init__(self, paths: list[Path], name: str, loop: bool = False, cut: Cut = Cut()) -> None:
        rate = cut.rate or IMAGE_RATE
        height, width = read_image(paths[0]).shape[:2]
        frames = None if loop else cut.count(len(paths), rate)
        self.info = SourceInfo(name, cut.size or (width, height), rate, frames)
        self._paths = paths
        self._loop = loop
        self._cut = cut

    def __enter__(self) -> ImageSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return _numbered(lambda: self._cut.of(self._turn()), self.info.rate, lambda: self._loop)

    def _turn(self) -> Iterator[Timed]:
        for index, path in enumerate(self._paths):
            yield read_image(path), index / self.info.rate


class VideoSource(_Closing):
    """A video file, pipe or stream: what PyAV decodes, turned upright as its metadata asks."""

    def __init__(self, address: str, loop: bool = False, cut: Cut = Cut(), live: bool = False) -> None:
        self._address = address
        self._loop = loop
        self._live = live
        self._cut = cut
        self._broken_off = False
        self._container = self._open()
        stream = self._container.streams.video[0]
        self._rate = Fraction(cut.rate or stream.average_rate or stream.guessed_rate or UNKNOWN_RATE)
        self._frames = cut.of(self._decode(self._container))
        first = next(self._frames, None)
        if first is None:
            self.close()
            raise SourceError(f"{address}: a video without a single frame{'' if cut == Cut() else ' in this part'}")
        self._begun = [first]
        self.info = self._described(first, stream)

    def __enter__(self) -> VideoSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return _numbered(self._turn, self.info.rate, lambda: self._loop or self._broken_off)

    def close(self) -> None:
        self._container.close()

    def _described(self, first: Timed, stream: Any) -> SourceInfo:
        height, width = first[0].shape[:2]
        whole = not (self._loop or self._live)
        frames = self._cut.count(_frame_count(self._container, stream, self._rate), self._rate) if whole else None
        sound = self._address if whole else None
        begin_s, to_end = first[1] + _start_s(stream), self._cut.end_s is None
        return SourceInfo(self._address, (width, height), self._rate, frames, self._live, sound, begin_s, to_end)

    def _turn(self) -> Iterator[Timed]:
        """The first turn goes on where the opening stopped, the others begin anew."""
        begun, self._begun = self._begun, []
        if not begun:
            self._container.close()
            self._container = self._open_again()
            self._frames = self._cut.of(self._decode(self._container))
        self._broken_off = False
        try:
            yield from chain(begun, self._frames)
        except SourceError as error:
            if not self._live or self._address == PIPE:
                raise
            log.warning("%s Connecting again", error)
            self._broken_off = True

    def _open_again(self) -> Any:
        """A stream may need a while to come back."""
        for _ in range(RECONNECTS if self._broken_off else 0):
            with suppress(SourceError):
                return self._open()
            sleep(RECONNECT_EVERY_S)
        return self._open()

    def _open(self) -> Any:
        options, timeout_s = {}, None
        if self._live:
            options = RECONNECT if self._address.startswith(("http:", "https:")) else {}
            timeout_s = None if self._address == PIPE else STREAM_TIMEOUT_S
        with _explained(self._address):
            if self._address == PIPE and self._cut.raw_size:
                container = _open_raw(self._cut.raw_size, self._cut.rate or UNKNOWN_RATE)
            else:
                address = "pipe:0" if self._address == PIPE else self._address
                container = av.open(address, options=options, timeout=timeout_s)
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self._address}: no picture in it, only sound or data. Expected a video or an image")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if self._cut.start_s and not self._live:
            container.seek(int((self._cut.start_s + _start_s(stream)) * av.time_base))
        return container

    def _decode(self, container: Any) -> Iterator[Timed]:
        stream = container.streams.video[0]
        start_s = _start_s(stream)
        with _explained(self._address):
            for number, frame in enumerate(container.decode(stream)):
                timed = frame.pts is not None and frame.time_base is not None
                time_s = frame.pts * frame.time_base - start_s if timed else number / self._rate
                yield _upright(frame.to_ndarray(format="bgr24"), frame.rotation), time_s


class CameraSource(_Closing):
    """A camera of this machine, by its number. A camera never ends: one that does is an error."""

    def __init__(self, number: int, cut: Cut = Cut()) -> None:
        self._number = number
        self._cut = cut
        with silent_opencv():
            self._capture = cv2.VideoCapture(number)
            opened, first = self._capture.read()
        if not opened:
            self.close()
            raise SourceError(f"Camera {number} gives no picture. Is it plugged in, and free? Another: -i <number>")
        height, width = first.shape[:2]
        rate = Fraction(self._capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001) or UNKNOWN_RATE
        self.info = SourceInfo(f"camera {number}", cut.size or (width, height), rate, live=True)

    def __enter__(self) -> CameraSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return _numbered(lambda: self._cut.of(self._turn()), self.info.rate)

    def close(self) -> None:
        self._capture.release()

    def _turn(self) -> Iterator[Timed]:
        started_s = perf_counter()
        for number in count():
            read, image = self._capture.read()
            if not read:
                raise SourceError(f"Camera {self._number} stopped after {number} frames. Is it still plugged in?")
            yield image, Fraction(round((perf_counter() - started_s) * 1_000_000), 1_000_000)


def _numbered(
    turn: Callable[[], Iterator[Timed]], rate: Fraction, again: Callable[[], bool] = lambda: False
) -> Iterator[Frame]:
    """Frames of one turn, and of another `again` and again, with time going on from one to the next from zero."""
    index = 0
    begins_s = Fraction(0)
    for clip in count():
        frame, first_s = None, None
        started_s = perf_counter()
        for image, time_s in turn():
            first_s = time_s if first_s is None else first_s
            frame = Frame(index, image, begins_s + time_s - first_s, clip, decoding_s=perf_counter() - started_s)
            yield frame
            index += 1
            started_s = perf_counter()
        if frame is None or not again():
            return
        begins_s = frame.timestamp_s + 1 / rate


def _frame_count(container: Any, stream: Any, rate: Fraction) -> int | None:
    """What the header says; where it says nothing, what the duration comes to."""
    if stream.frames:
        return int(stream.frames)
    if container.duration is None:
        return None
    # In a file that begins late, the duration counts the time before the first frame too.
    return round((container.duration - (container.start_time or 0)) * rate / av.time_base)


def _start_s(stream: Any) -> Fraction:
    return Fraction(0) if stream.start_time is None else Fraction(stream.start_time * stream.time_base)


def _open_raw(size: Size, rate: Fraction) -> Any:
    options = {"video_size": f"{size[0]}x{size[1]}", "pixel_format": "bgr24", "framerate": str(rate)}
    return av.open("pipe:0", format="rawvideo", options=options)


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
