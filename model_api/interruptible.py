"""Waiting for another thread so that Ctrl-C ends the wait at any moment."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

SLICE_S = 0.1

Item = TypeVar("Item")


def next_of(queue: SimpleQueue[Item]) -> Item:
    """Wait for the next item of a queue.

    A SimpleQueue is written in C: an interruption cannot leave it locked, as it can a Queue or a Future. The wait is
    cut into slices, because Python notices a signal that comes just before a wait only when the wait is over.
    """
    while True:
        with suppress(Empty):
            return queue.get(timeout=SLICE_S)
