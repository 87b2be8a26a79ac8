"""Waiting for another thread in a way that Ctrl-C ends at any moment."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

SLICE_S = 0.1

Item = TypeVar("Item")


def next_of(queue: SimpleQueue[Item]) -> Item:
    """The next item, once there is one.

    A SimpleQueue is in C: an interruption cannot leave it locked, as it can a Queue or a Future. It is asked in
    slices of time, for a signal that comes just before Python waits for a lock is noticed only when the wait is over.
    """
    while True:
        with suppress(Empty):
            return queue.get(timeout=SLICE_S)
