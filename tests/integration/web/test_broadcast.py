"""Frames for viewers: each is made once for all of them, and by nobody who must not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from threading import current_thread
from typing import Any

import numpy as np
import pytest

from background_subtraction.live.subscribers import Delivered, Subscribers
from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.viewing.watching import Broadcast
from model_api.pictures.picture import Picture, bgr_of

NO_PLAN: Any = None
TIMEOUT_S = 20


def numbered(number: int) -> Delivered:
    return Delivered(np.full((2, 2, 3), number, np.uint8), NO_PLAN, 0.0)


class Making:
    """Makes the number of a frame, and notes which it made, in which threads."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.threads: set[str] = set()

    def __call__(self, picture: Picture) -> list[int]:
        self.threads.add(current_thread().name)
        self.made.append(int(bgr_of(picture)[0, 0, 0]))
        return self.made[-1:]


def within(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(what, TIMEOUT_S))


async def is_watched(frames: Subscribers, viewers: int) -> None:
    while len(frames) != viewers:
        await asyncio.sleep(0.01)


def test_each_frame_is_made_once_for_all() -> None:
    frames, making = Subscribers(), Making()

    async def watched() -> None:
        broadcast = Broadcast(frames, making, 0)
        async with aclosing(broadcast.watch()) as a, aclosing(broadcast.watch()) as b, aclosing(broadcast.watch()) as c:
            for number in range(1, 6):
                waiting = asyncio.gather(*(anext(viewer) for viewer in (a, b, c)))
                await is_watched(frames, 3)
                frames.put(numbered(number), 0)
                got = await waiting
                assert got[0] == [number]
                assert got[0] is got[1] is got[2]
        await is_watched(frames, 0)

    within(watched())
    assert making.made == [1, 2, 3, 4, 5]
    assert current_thread().name not in making.threads
    assert len(making.threads) == 1


def test_a_slow_viewer_gets_the_newest_frame_and_others_all() -> None:
    frames, making = Subscribers(), Making()

    async def watched() -> None:
        broadcast = Broadcast(frames, making, 0)
        async with aclosing(broadcast.watch()) as slow, aclosing(broadcast.watch()) as quick:
            first = asyncio.ensure_future(anext(slow))
            for number in range(1, 6):
                next_of_quick = asyncio.ensure_future(anext(quick))
                await is_watched(frames, 2)
                frames.put(numbered(number), 0)
                assert await next_of_quick == [number]
            assert await first == [1]
            assert await anext(slow) == [5]

    within(watched())
    assert making.made == [1, 2, 3, 4, 5]


def test_nothing_is_made_for_nobody() -> None:
    frames, making = Subscribers(), Making()

    async def watched() -> None:
        broadcast = Broadcast(frames, making, 0)
        frames.put(numbered(1), 0)
        async with aclosing(broadcast.watch()) as viewer:
            waiting = asyncio.ensure_future(anext(viewer))
            await is_watched(frames, 1)
            frames.put(numbered(2), 0)
            await waiting
        await is_watched(frames, 0)
        frames.put(numbered(3), 0)
        with pytest.raises(RequestError, match="No frame came"):
            await broadcast.next(0.05)

    within(watched())
    assert making.made == [2]


def test_the_end_of_the_run_ends_watching() -> None:
    frames = Subscribers()

    async def watched() -> None:
        broadcast = Broadcast(frames, Making(), 0)
        async with aclosing(broadcast.watch()) as viewer:
            waiting = asyncio.ensure_future(anext(viewer, None))
            await is_watched(frames, 1)
            frames.end()
            assert await waiting is None
        with pytest.raises(RequestError, match="The run has ended"):
            await broadcast.next(TIMEOUT_S)

    within(watched())


def test_what_cannot_be_made_ends_the_viewers_and_not_the_next_ones(caplog: pytest.LogCaptureFixture) -> None:
    frames, made = Subscribers(), []

    def once(picture: Picture) -> int:
        made.append(1)
        return 1 // (len(made) - 1)

    async def watched() -> None:
        broadcast = Broadcast(frames, once, 0)
        for expected in (None, 1):
            async with aclosing(broadcast.watch()) as viewer:
                waiting = asyncio.ensure_future(anext(viewer, None))
                await is_watched(frames, 1)
                frames.put(numbered(1), 0)
                assert await waiting == expected
            await is_watched(frames, 0)

    within(watched())
    assert "The preview has ended" in caplog.text


def test_more_frames_than_are_seen_are_left_out() -> None:
    """One watches 40 a second of a run that has 100, another one all."""
    frames = Subscribers()
    with frames.subscribe(1 / 40) as some:
        due_ms = [time_ms for time_ms in range(0, 100, 10) if _is_put(frames, time_ms)]
        assert due_ms == [0, 30, 50, 80]
        assert some.next(0) is not None
        with frames.subscribe() as every:
            frames.put(numbered(7), 0.09)
            assert some.next(0) is None
            assert every.next(0) is not None


def _is_put(frames: Subscribers, time_ms: int) -> bool:
    is_due = frames.is_due(time_ms / 1000)
    frames.put(numbered(time_ms), time_ms / 1000)
    return is_due
