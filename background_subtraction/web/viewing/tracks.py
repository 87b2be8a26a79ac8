"""Frames of a run as a video track of WebRTC."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from time import perf_counter
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.codecs import h264, vpx
from aiortc.mediastreams import MediaStreamError

from background_subtraction.live.session import Session
from background_subtraction.sinks.pictures import Target
from background_subtraction.web.viewing.preview import small
from background_subtraction.web.viewing.watching import delivered_frames
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.colour_tags import tags_of
from model_api.pictures.picture import Picture

CLOCK_HZ = 90_000
SPACE = ColourSpace("bt601")
"""What browsers take VP8 for (RFC 6386, section 9.2)."""
TARGET = Target("yuv420p", SPACE, "420", tags_of(SPACE))
BIT_RATE = 4_000_000
"""aiortc's encoders begin with 0.5 Mbit/s and stop at 1.5, too little for 720p. What browsers estimate lowers it."""

vpx.DEFAULT_BITRATE = h264.DEFAULT_BITRATE = BIT_RATE
vpx.MAX_BITRATE = h264.MAX_BITRATE = 2 * BIT_RATE


class RunTrack(MediaStreamTrack):
    """What a run shows. Who is slow misses frames; the run never waits."""

    kind = "video"

    def __init__(self, session: Session) -> None:
        """session: the run."""
        super().__init__()
        self._frames = delivered_frames(session)
        self._begun_s = perf_counter()

    async def recv(self) -> Any:
        """The next frame, an av.VideoFrame. Raises MediaStreamError when the run or the track has ended."""
        if self.readyState != "live":
            raise MediaStreamError
        delivered = await anext(self._frames, None)
        if delivered is None:
            self.stop()
            raise MediaStreamError
        frame = await asyncio.to_thread(video_frame, delivered.composite)
        frame.pts, frame.time_base = round((perf_counter() - self._begun_s) * CLOCK_HZ), Fraction(1, CLOCK_HZ)
        return frame

    async def close(self) -> None:
        """Watch no longer."""
        self.stop()
        await self._frames.aclose()


def video_frame(picture: Picture) -> Any:
    """An av.VideoFrame of a picture, not larger than a preview. Its planes are taken as they are where they fit."""
    return TARGET.frame_of(small(picture))
