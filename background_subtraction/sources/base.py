"""What every source of frames has: what it says of itself, and the numbers and times of its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from time import perf_counter
from types import TracebackType
from typing import Protocol

from background_subtraction.sources.selection import Timed
from model_api.types import Frame, Size

UNKNOWN_RATE = Fraction(30)
"""Of cameras and videos that do not tell theirs."""


@dataclass(frozen=True)
class SourceInfo:
    """size: (width, height) of the first frame, as it is to be shown. rate: frames per second.
    frames: how many there will be, None if nobody knows. live: it has no end that could be known beforehand.
    drops: it goes on whether or not anybody reads: what nobody was ready for is left out, not kept waiting.
    sound: the file that holds the sound to these pictures. begin_s: the first frame's time in it.
    to_end: the last frame is the file's last one too."""

    name: str
    size: Size
    rate: Fraction
    frames: int | None = None
    live: bool = False
    drops: bool = False
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


class Closing:
    """What every source does as a context manager, when it has something to close."""

    def close(self) -> None:
        """Nothing to close."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def numbered(
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
