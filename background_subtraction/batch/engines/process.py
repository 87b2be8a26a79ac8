"""Worker processes on this machine, each with its model and its share of the cores.

The process that starts imports this module first: what counts cores is imported below, when the share is taken.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from threading import Event, Thread
from typing import Any, TypeVar

from background_subtraction.batch.engines.crew import WorkerLost
from background_subtraction.batch.listener import Listener

T = TypeVar("T")
SPAWN = multiprocessing.get_context("spawn")
"""Not fork: OpenVINO, FFmpeg and OpenCV have threads."""
TELL_EVERY = 10
"""Frames that a worker counts before it tells."""
STOP = "stop"


class ProcessWorker:
    """One process. It ends when this one does, however that is.

    It shares nothing with others but a pipe to here: a process that is killed could leave a shared lock locked.
    """

    def __init__(self, cores: Sequence[int], listener: Listener) -> None:
        """Start it, and wait until it is there.

        Args:
            cores: those that it may use.
            listener: is told how far its clips are.

        Raises:
            WorkerLost: it does not start.
        """
        self._pipe, end = SPAWN.Pipe()
        self._pool = ProcessPoolExecutor(1, SPAWN, begin, (tuple(cores), end))
        self._name = "a worker process"
        self._name = f"worker process {self.call(os.getpid)}"
        end.close()
        Thread(target=_listen, args=(self._pipe, listener), name="progress", daemon=True).start()

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call it there. Raises what it raises, or WorkerLost."""
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise WorkerLost(f"{self._name} died: it was killed, perhaps because memory ran out") from error

    def interrupt(self) -> None:
        """End its clip after the frame that is being written."""
        with suppress(OSError):  # it has died
            self._pipe.send(STOP)

    def close(self) -> None:
        """End it, when it has done what it does."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def shares_of(cores: Sequence[int], workers: int) -> list[list[int]]:
    """Divide cores among workers: neighbours together, each once, unless there are more workers than cores."""
    if workers >= len(cores):
        return [[cores[number % len(cores)]] for number in range(workers)]
    bounds = [number * len(cores) // workers for number in range(workers + 1)]
    return [[*cores[first:last]] for first, last in pairwise(bounds)]


def begin(cores: Sequence[int], pipe: Connection) -> None:
    """Begin a worker process, in itself."""
    for name in ("SIGINT", "SIGHUP"):  # a terminal sends them to all its processes: the parent says what is to be done
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    stop = Event()
    Thread(target=_obey, args=(pipe, stop), name="orders", daemon=True).start()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    from background_subtraction.batch.task import Place, work_at

    work_at(Place(stop=stop, listener=_Telling(pipe)))


def _obey(pipe: Connection, stop: Event) -> None:
    """Stop when the parent process says so, and end when it has ended: nobody asks for what is done here then."""
    parent = multiprocessing.parent_process()
    sentinels = [] if parent is None else [parent.sentinel]
    while not stop.is_set():
        if set(wait([pipe, *sentinels])) & {*sentinels}:
            os._exit(1)
        with suppress(EOFError, OSError):
            pipe.recv()
        stop.set()
    wait(sentinels)
    os._exit(1)


def _listen(pipe: Connection, listener: Listener) -> None:
    """Pass on what a worker tells, until it ends."""
    with suppress(EOFError, OSError):
        while True:
            address, name, frames = pipe.recv()
            if name:
                listener.begin(address, name)
            else:
                listener.advance(address, frames)


class _Telling:
    """Tells the parent process how far clips are."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._frames = 0

    def begin(self, address: str, name: str) -> None:
        self._frames = 0
        self._pipe.send((address, name, 0))

    def advance(self, address: str, frames: int = 1) -> None:
        self._frames += frames
        if self._frames >= TELL_EVERY:
            self._pipe.send((address, "", self._frames))
            self._frames = 0
