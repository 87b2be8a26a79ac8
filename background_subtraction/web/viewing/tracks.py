"""Frames of a run as a video track of WebRTC."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from time import perf_counter
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.codecs import h264, vpx
from aiortc.mediastreams import MediaStreamError

from background_subtraction.web.viewing.preview import WEBRTC
from background_subtraction.web.viewing.watching import Broadcast
from model_api.pictures.picture import Picture

CLOCK_HZ = 90_000
BIT_RATE = 4_000_000
"""aiortc's encoders begin with 0.5 Mbit/s and stop at 1.5, too little for 720p. What browsers estimate lowers it."""

vpx.DEFAULT_BITRATE = h264.DEFAULT_BITRATE = BIT_RATE
vpx.MAX_BITRATE = h264.MAX_BITRATE = 2 * BIT_RATE


class RunTrack(MediaStreamTrack):
    """What a run shows. Who is slow misses frames; the run never waits."""

    kind = "video"

    def __init__(self, pictures: Broadcast[Picture]) -> None:
        """pictures: the run as `preview.planes` makes it, for all tracks."""
        super().__init__()
        self._pictures = pictures.watch()
        self._begun_s = perf_counter()

    async def recv(self) -> Any:
        """The next frame, an av.VideoFrame. Raises MediaStreamError when the run or the track has ended."""
        if self.readyState != "live":
            raise MediaStreamError
        picture = await anext(self._pictures, None)
        if picture is None:
            self.stop()
            raise MediaStreamError
        # A copy for each track: its encoder writes to it which kind of frame it is.
        frame = await asyncio.to_thread(WEBRTC.frame_of, picture)
        frame.pts, frame.time_base = round((perf_counter() - self._begun_s) * CLOCK_HZ), Fraction(1, CLOCK_HZ)
        return frame

    async def close(self) -> None:
        """Watch no longer."""
        self.stop()
        await self._pictures.aclose()
