"""An executor of workers that keep what they have loaded, and that are replaced when they die."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Lock, local
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class WorkerLost(Exception):  # noqa: N818 - what happened, not a kind of error of ours
    """A worker died while it worked. The text names it."""


class Worker(Protocol):
    """One process or actor, which does one thing at a time."""

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call it there. Raises what it raises, or WorkerLost."""

    def interrupt(self) -> None:
        """End what it does as soon as nothing is lost by it."""

    def close(self) -> None:
        """End it, when it has done what it does."""


class Crew(Executor):
    """Workers, each driven by a thread of its own.

    In a pool of processes one death fails all that the pool was given, and does not say whose it was. Here it costs the
    one thing that the worker was doing.
    """

    def __init__(self, make: Callable[[int], Worker], size: int) -> None:
        """Start nothing yet.

        Args:
            make: makes the worker with this number, from 0.
            size: how many there are at most.
        """
        self._make = make
        self._threads = ThreadPoolExecutor(size, "worker", self._take_number)
        self._numbers: SimpleQueue[int] = SimpleQueue()
        for number in range(size):
            self._numbers.put(number)
        self._own = local()
        self._workers: dict[int, Worker] = {}
        self._interrupted = False
        self._lock = Lock()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See `Executor.submit`. Keywords are not taken."""
        return self._threads.submit(self._call, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as Executor has it
        """See `Executor.shutdown`."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        with self._lock:
            workers = [*self._workers.values()]
        for worker in workers if wait else ():
            worker.close()

    def interrupt(self) -> None:
        """End what all workers do."""
        with self._lock:
            self._interrupted = True
            workers = [*self._workers.values()]
        for worker in workers:
            worker.interrupt()

    def _take_number(self) -> None:
        self._own.number = self._numbers.get()

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        worker = self._worker()
        try:
            return worker.call(function, *arguments)
        except WorkerLost:
            with self._lock:
                self._workers.pop(self._own.number, None)
            worker.close()
            raise

    def _worker(self) -> Worker:
        """This thread's, made when it is first needed."""
        number = self._own.number
        with self._lock:
            worker = self._workers.get(number)
        if worker is None:
            worker = self._make(number)
            with self._lock:
                self._workers[number] = worker
                interrupted = self._interrupted
            if interrupted:
                worker.interrupt()
        return worker
