"""Reading in a thread of its own: some frames ahead, or only the newest one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from queue import Empty, SimpleQueue
from threading import Event
from time import perf_counter
from types import TracebackType

from background_subtraction.native_thread import NativeThread
from background_subtraction.sources.base import Closing
from background_subtraction.thread_budget import DECODING, give_way
from model_api.interruptible import SLICE_S, next_of
from model_api.types import Frame

END_TIMEOUT_S = 2.0
"""A user who has ended the run waits for a network so long."""


class Prefetched:
    """Reads frames ahead in a thread of its own, whose error is raised to the consumer.

    A context manager: leaving it ends the thread.

    Attributes:
        dropped: how many frames were dropped.
    """

    def __init__(
        self,
        frames: Iterable[Frame],
        ahead: int = 4,
        goes_on: Callable[[], bool] = lambda: True,
        *,
        live: bool = False,
    ) -> None:
        """Start nothing yet.

        Args:
            frames: what is read.
            ahead: how many frames may wait.
            goes_on: called again and again, in the consumer's thread, while it waits for a frame. False: no more
                frames are wanted.
            live: whether frames come by themselves. The arrival of each is noted in it.
        """
        self._live = live
        self._goes_on = goes_on
        self._queue: SimpleQueue[Frame | BaseException | None] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(ahead):
            self._room.put(None)
        self.dropped = 0
        self._stop = Event()
        self._frames = frames
        self._thread = NativeThread(self._read, (frames,), name="decoding")

    def __enter__(self) -> Prefetched:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if isinstance(self._frames, Closing):
            self._frames.interrupt()
        self._room.put(None)
        # A read that hangs (a dead network) must not keep the program from ending.
        if not self._thread.joined(END_TIMEOUT_S) and isinstance(self._frames, Closing):
            self._frames.abandoned = True

    def __iter__(self) -> Iterator[Frame]:
        while True:
            try:
                item = self._queue.get(timeout=SLICE_S)
            except Empty:
                if self._goes_on():
                    continue
                return
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            self._room.put(None)
            yield item

    def _read(self, frames: Iterable[Frame]) -> None:
        if not self._live:
            give_way(DECODING)
        try:
            for frame in frames:
                if not self._put(replace(frame, arrived_s=perf_counter()) if self._live else frame):
                    return
            self._put(None)
        except BaseException as error:  # it belongs to the thread that waits for frames
            self._put(error)

    def _put(self, item: Frame | BaseException | None) -> bool:
        next_of(self._room)
        self._queue.put(item)
        return not self._stop.is_set()


class Newest(Prefetched):
    """Reads a live source: the consumer gets the newest frame, and those before it are dropped.

    Frames are counted again, so that no number is missing. Their times are those of the source. At most one waits.
    """

    def __init__(self, frames: Iterable[Frame], goes_on: Callable[[], bool] = lambda: True) -> None:
        """Start nothing yet. goes_on: see `Prefetched`."""
        super().__init__(frames, 1, goes_on, live=True)

    def __iter__(self) -> Iterator[Frame]:
        for number, frame in zip(count(), super().__iter__(), strict=False):
            yield replace(frame, index=number)

    def _put(self, item: Frame | BaseException | None) -> bool:
        """A frame takes the room of the one before. What ends the frames waits until the last one has been taken."""
        if isinstance(item, Frame):
            with suppress(Empty):
                self._queue.get_nowait()
                self._room.put(None)
                self.dropped += 1
        return super()._put(item)
