"""A sink that is written by a thread of its own."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter, sleep
from types import TracebackType
from typing import ClassVar

from background_subtraction.sinks.base import Sink
from background_subtraction.thread_budget import ENCODING, give_way
from model_api.pictures.picture import Picture
from model_api.pictures.yuv_image import YuvFormat
from model_api.types import Size

QUEUED, QUEUED_S, LEAST_QUEUED = 8, Fraction(4, 15), 2
"""Images that wait for a slow disk or codec before the run waits too: as many, or as long ones. A run that is killed
loses them."""
POLL_S = 0.002


class WriterThread(Sink):
    """Another sink, written and closed by a thread of its own.

    Its error is raised at the next write, or at the end. An interruption reaches the main thread only, so it cannot
    break off the closing.
    """

    steps_behind: ClassVar[int] = ENCODING
    """How much less urgent the thread is than mattes: nobody waits for a file."""

    def __init__(self, sink: Sink, rate: Fraction) -> None:
        """Start nothing yet. rate: images per second."""
        self._sink = sink
        self._room = min(QUEUED, max(LEAST_QUEUED, int(rate * QUEUED_S)))
        # In C, so an interruption cannot leave it locked, as it can a Queue: the end would hang.
        self._queue: SimpleQueue[tuple[Picture, int, Fraction] | None] = SimpleQueue()
        self._run_error: BaseException | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="writing", daemon=True)
        self.busy_s = 0.0

    def check(self, size: Size) -> None:
        """Check the other sink."""
        self._sink.check(size)

    def takes(self, format_: YuvFormat) -> bool:
        """Ask the other sink."""
        return self._sink.takes(format_)

    @property
    def square_pixels(self) -> bool:
        """Ask the other sink."""
        return self._sink.square_pixels

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        """Hand an image over to the thread. Raises the error of an earlier one."""
        while self._queue.qsize() >= self._room and self._error is None:
            sleep(POLL_S)
        if self._error is not None:
            raise self._error
        self._queue.put((picture, index, timestamp_s))

    @property
    def watched(self) -> bool | None:
        """Ask the other sink."""
        return self._sink.watched

    def finish(self) -> None:
        """Finish the other sink."""
        self._sink.finish()

    def kept(self) -> str:
        """Return what the other sink kept."""
        return self._sink.kept()

    def __enter__(self) -> WriterThread:
        self._sink.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run_error = error
        self._queue.put(None)
        try:
            self._thread.join()
        except KeyboardInterrupt:  # the command raises one at most
            self._thread.join()
            raise
        if error is None and self._error is not None:
            raise self._error

    def _work(self) -> None:
        give_way(self.steps_behind)
        try:
            self._write_all()
        except Exception as error:  # it belongs to the thread that hands over the images
            self._error = error
        self._close()

    def _write_all(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=self._sink.repeat_every_s)
            except Empty:
                self._sink.repeat()
                continue
            if item is None:
                return
            started_s = perf_counter()
            self._sink.write(*item)
            self.busy_s += perf_counter() - started_s

    def _close(self) -> None:
        """After an error, when the end comes."""
        while self._error is not None and self._queue.get() is not None:
            """The images behind the one that failed."""
        error = self._error or self._run_error
        try:
            self._sink.__exit__(type(error) if error else None, error, None)
        except Exception as closing_error:
            self._error = self._error or closing_error


class NewestWriterThread(WriterThread):
    """A sink that shows what a live source gives: at most one image waits, and a newer one takes its place."""

    steps_behind: ClassVar[int] = 0

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        """Hand an image over to the thread, without waiting for it. Raises the error of an earlier one."""
        with suppress(Empty):
            self._queue.get_nowait()
        super().write(picture, index, timestamp_s)
