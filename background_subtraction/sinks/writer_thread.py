"""A sink that is written by a thread of its own."""

from __future__ import annotations

from fractions import Fraction
from queue import SimpleQueue
from threading import Thread
from time import perf_counter, sleep
from types import TracebackType

from background_subtraction.sinks.base import Sink
from model_api.types import Image

QUEUED = 8
"""Pictures that wait for a slow disk or codec before the run waits too."""
POLL_S = 0.002


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
