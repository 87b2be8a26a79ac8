"""Reading ahead in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Thread
from types import TracebackType

from model_api.types import Frame

END_TIMEOUT_S = 10.0
POLL_S = 0.002


class Prefetched:
    """Reads frames ahead in a thread of its own; an error of that thread is raised to who iterates.

    A context manager: leaving it ends the thread.
    """

    def __init__(self, frames: Iterable[Frame], ahead: int = 4) -> None:
        # In C, and so safe to be broken off by Ctrl-C anywhere; a Queue's locks are not.
        self._queue: SimpleQueue[Frame | BaseException | None] = SimpleQueue()
        self._ahead = ahead
        self._stop = Event()
        self._thread = Thread(target=self._read, args=(frames,), name="decoding", daemon=True)

    def __enter__(self) -> Prefetched:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        # A read that hangs (a dead network) must not keep the program from ending.
        self._thread.join(END_TIMEOUT_S)

    def __iter__(self) -> Iterator[Frame]:
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read(self, frames: Iterable[Frame]) -> None:
        try:
            for frame in frames:
                if not self._put(frame):
                    return
            self._put(None)
        except BaseException as error:  # whatever it is, it belongs to the thread that waits for frames
            self._put(error)

    def _put(self, item: Frame | BaseException | None) -> bool:
        while self._queue.qsize() >= self._ahead:
            if self._stop.wait(POLL_S):
                return False
        self._queue.put(item)
        return not self._stop.is_set()
