"""Delivered frames for viewers, in the loop of the web server. They never hold the run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Generic, TypeVar

from background_subtraction.live.subscribers import Subscribers, Subscription
from background_subtraction.web.access.errors import RequestError
from model_api.pictures.picture import Picture

SLICE_S = 0.5
"""Viewers that have left are noticed within this time."""
MOST_FPS = 40
"""A run of a file may be much faster than anybody sees. With this limit no frame of a 30 Hz camera is left out."""

Made = TypeVar("Made")
log = logging.getLogger(__name__)


class Viewers:
    """How many watch at the same time: each one costs an encoder or a connection."""

    def __init__(self, most: int) -> None:
        """most: how many may."""
        self._most = most
        self._now = 0

    def enter(self) -> None:
        """Count one. Raises RequestError if there are too many."""
        if self._now >= self._most:
            raise RequestError(
                503, f"{self._now} are watching already. Expected {self._most} at most. Try later", "", 10
            )
        self._now += 1

    def leave(self) -> None:
        """Count one less."""
        self._now -= 1


class Broadcast(Generic[Made]):
    """Frames of a run in one form: each is made once for all viewers, in one thread, and only while there are some.

    Everything is called in the loop of the server. A slow viewer misses frames, and nobody waits for it.
    """

    def __init__(self, frames: Subscribers, make: Callable[[Picture], Made], every_s: float = 1 / MOST_FPS) -> None:
        """Make nothing yet.

        Args:
            frames: those of the run.
            make: the form that viewers want of a composite. Called in a thread of its own.
            every_s: see `Subscribers.subscribe`. The run composites no frame for viewers that they would not see.
        """
        self._every_s = every_s
        self._frames = frames
        self._make = make
        self._viewers: list[asyncio.Queue[Made | None]] = []
        self._making: asyncio.Task[None] | None = None

    async def watch(self) -> AsyncGenerator[Made, None]:
        """The newest frame each time one is asked for, until the run ends. Close it at the end: see `aclosing`."""
        newest: asyncio.Queue[Made | None] = asyncio.Queue(1)
        self._viewers.append(newest)
        if self._making is None:
            self._making = asyncio.create_task(self._make_all())
        try:
            while (made := await newest.get()) is not None:
                yield made
        finally:
            self._viewers.remove(newest)

    async def next(self, within_s: float) -> Made:
        """The next frame. Raises RequestError if none comes."""
        async with aclosing(self.watch()) as frames:
            try:
                made = await asyncio.wait_for(anext(frames, None), within_s)
            except asyncio.TimeoutError:
                raise RequestError(
                    503, f"No frame came for {within_s:.0f} seconds. Is the camera away?", "", 5
                ) from None
        if made is None:
            raise RequestError(409, "The run has ended")
        return made

    async def _make_all(self) -> None:
        # A thread of its own: one that waits in the common pool would keep the encoders of WebRTC waiting.
        thread = ThreadPoolExecutor(1, "viewers")
        try:
            with self._frames.subscribe(self._every_s) as frames:
                while self._viewers and not frames.ended:
                    frames.viewers = len(self._viewers)
                    made = await asyncio.get_running_loop().run_in_executor(thread, self._made_of_next, frames)
                    if made is not None:
                        self._hand_out(made)
        except Exception as error:  # whatever it is, viewers are told by the end, and the run goes on
            log.warning("The preview has ended: %s: %s", type(error).__name__, error)
        finally:
            self._making = None
            self._hand_out(None)
            thread.shutdown(wait=False)

    def _made_of_next(self, frames: Subscription) -> Made | None:
        delivered = frames.next(SLICE_S)
        return None if delivered is None else self._make(delivered.composite)

    def _hand_out(self, made: Made | None) -> None:
        """It takes the place of the one before. None: nothing comes any more."""
        for newest in self._viewers:
            if newest.full():
                newest.get_nowait()
            newest.put_nowait(made)
