"""Delivered frames for viewers, in the loop of the web server. They never hold the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from background_subtraction.live.session import Session
from background_subtraction.live.subscribers import Delivered
from background_subtraction.web.access.errors import RequestError

SLICE_S = 0.5
"""A viewer that has left is noticed within this time."""
FIRST_S = 10.0


class Viewers:
    """How many watch at the same time: each one costs an encoder."""

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


async def delivered_frames(session: Session) -> AsyncGenerator[Delivered, None]:
    """The newest frame each time one is asked for, until the run ends. Close it at the end: see `aclosing`."""
    loop = asyncio.get_running_loop()
    # A thread of its own: one that waits in the common pool would keep the encoders of WebRTC waiting.
    thread = ThreadPoolExecutor(1, "viewer")
    try:
        with session.frames.subscribe() as frames:
            while not frames.ended:
                delivered = await loop.run_in_executor(thread, frames.next, SLICE_S)
                if delivered is not None:
                    yield delivered
    finally:
        thread.shutdown(wait=False)


async def next_frame(session: Session) -> Delivered:
    """The next frame of a run. Raises RequestError if none comes."""
    async with aclosing(delivered_frames(session)) as frames:
        try:
            delivered = await asyncio.wait_for(anext(frames, None), FIRST_S)
        except asyncio.TimeoutError:
            raise RequestError(503, f"No frame came for {FIRST_S:.0f} seconds. Is the camera away?", "", 5) from None
    if delivered is None:
        raise RequestError(409, "The run has ended")
    return delivered
