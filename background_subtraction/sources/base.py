"""What every source of frames has in common, and how frames get their numbers and times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from time import perf_counter
from types import TracebackType
from typing import Protocol

import numpy as np

from background_subtraction.sources.pictures import BGR_FORM, PictureForm
from background_subtraction.sources.selection import Timed
from model_api.pictures.picture import Picture
from model_api.pictures.yuv_image import YuvImage
from model_api.types import Frame, Levels, Size

UNKNOWN_RATE = Fraction(30)
"""Frames per second of cameras and videos that do not tell theirs."""


@dataclass(frozen=True)
class SourceInfo:
    """What a source says about itself.

    Attributes:
        name: its address, without a password.
        size: (width, height) of the first frame, as it is to be shown.
        rate: frames per second.
        frames: how many there will be, None if this is unknown.
        live: whether it is a pipe or a stream without an end, and not a file, be it on a web server.
        drops: whether frames that the consumer is not ready for are dropped.
        sound: the file or URL with the sound to these frames, as av.open takes it. It may hold a password.
        begin_s: the first frame's time in that file.
        to_end: whether the last frame is the file's last one too.
        form: what its pictures are.
        elapsed_s: how much of a film came before the first frame, where this is a scene of it. Backgrounds that move
            are as far.
    """

    name: str
    size: Size
    rate: Fraction
    frames: int | None = None
    live: bool = False
    drops: bool = False
    sound: str | None = None
    begin_s: Fraction = Fraction(0)
    to_end: bool = True
    form: PictureForm = BGR_FORM
    elapsed_s: Fraction = Fraction(0)


class Source(Protocol):
    """A context manager to iterate over once. Raises SourceError while it is opened or read."""

    info: SourceInfo

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing:
    """A context manager that calls `close` at its end.

    Attributes:
        abandoned: whether another thread still reads it. Then it is not closed: that would end the process.
    """

    abandoned = False

    def interrupt(self) -> None:
        """End a read that waits in another thread, where that is possible."""

    def rest_while(self, nobody_watches: Callable[[], bool]) -> None:
        """Let the device rest while `nobody_watches`, where the source is a device."""

    def close(self) -> None:
        """Nothing to close."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.abandoned:
            self.close()


def parted(picture: Picture) -> tuple[Picture, Levels | None]:
    """Part BGRA into BGR and its alpha, None where all is opaque."""
    if isinstance(picture, YuvImage) or picture.shape[2] == 3:
        return picture, None
    opacity = np.ascontiguousarray(picture[..., 3])
    return np.ascontiguousarray(picture[..., :3]), None if int(opacity.min()) == 255 else opacity


def numbered(
    turn: Callable[[], Iterator[Timed]], rate: Fraction, again: Callable[[], bool] = lambda: False
) -> Iterator[Frame]:
    """Give frames their numbers, and times that begin at 0 and go on from one turn to the next.

    Args:
        turn: gives the pictures of one turn, with their times.
        rate: frames per second.
        again: whether another turn follows.
    """
    index = 0
    begins_s = Fraction(0)
    for clip in count():
        frame, first_s = None, None
        started_s = perf_counter()
        for picture, time_s in turn():
            first_s = time_s if first_s is None else first_s
            colours, opacity = parted(picture)
            decoding_s = perf_counter() - started_s
            frame = Frame(index, colours, begins_s + time_s - first_s, clip, decoding_s=decoding_s, opacity=opacity)
            yield frame
            index += 1
            started_s = perf_counter()
        if frame is None or not again():
            return
        begins_s = frame.timestamp_s + 1 / rate
