"""Pictures that wait to be computed, one after another, each for a request that waits for it."""

from __future__ import annotations

import asyncio
import math
from time import monotonic

from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.limits import Limits
from background_subtraction.web.worker.process import Worker
from background_subtraction.web.worker.task import Task


class Pictures:
    """A queue with one worker, for the event loop of the server."""

    def __init__(self, limits: Limits) -> None:
        """Begin with none."""
        self._limits = limits
        self._worker = Worker(limits)
        self._free = asyncio.Semaphore()
        self._waiting = 0
        self._last_s = 1.0
        self.done = 0

    @property
    def waiting(self) -> int:
        """How many wait, or are computed."""
        return self._waiting

    async def do(self, task: Task) -> str:
        """Do a task when its turn comes. See `Worker.do`.

        Raises:
            RequestError: the queue is full, or see `Worker.do`.
        """
        if self._waiting > self._limits.waiting_images:
            retry_s = max(1, math.ceil(self._last_s * self._waiting))
            raise RequestError(429, f"{self._waiting} pictures wait already. Try again later", "", retry_s)
        self._waiting += 1
        try:
            async with self._free:
                return await self._do(task)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Break off what runs, and take nothing any more."""
        self._worker.close()

    async def _do(self, task: Task) -> str:
        began_s = monotonic()
        try:
            return await asyncio.to_thread(self._worker.do, task, self._limits.image_s)
        finally:
            self._last_s = monotonic() - began_s
            self.done += 1
