"""When Ctrl-C raises KeyboardInterrupt: at any moment of a wait for another thread, and not while files are closed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import current_thread, main_thread
from types import FrameType, TracebackType
from typing import TypeVar

SLICE_S = 0.1
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

Item = TypeVar("Item")


def next_of(queue: SimpleQueue[Item]) -> Item:
    """Wait for the next item of a queue.

    A SimpleQueue is written in C: an interruption cannot leave it locked, as it can a Queue or a Future. The wait is
    cut into slices, because Python notices a signal that comes just before a wait only when the wait is over.
    """
    while True:
        with suppress(Empty):
            return queue.get(timeout=SLICE_S)


class HeldInterruption:
    """Holds signals back while something is closed: their handlers are called when the block has been left.

    with HeldInterruption() as held, open(...) as file:
        try:
            ...
        finally:
            held.begin()

    An interruption comes before `begin`, and the file is closed like after any error, or after the closing.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
        self._come: list[tuple[int, FrameType | None]] = []

    def begin(self) -> None:
        """Hold signals from now on. Other threads than the main one get none."""
        if current_thread() is not main_thread():
            return
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler) and number not in self._handlers:
                self._handlers[number] = handler
                signal.signal(number, self._note)

    def __enter__(self) -> HeldInterruption:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for number, frame in self._come[:1]:
            self._handlers[number](number, frame)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._come.append((number, frame))
