"""Frames that a browser sends, as a live source: the newest one counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import count
from threading import Condition
from time import perf_counter
from typing import Any

from background_subtraction.sources.pictures import picture_of
from background_subtraction.web.viewing.preview import SPACE
from model_api.pictures.picture import Picture
from model_api.pictures.yuv_image import YuvImage
from model_api.types import Frame

MOST_PX = 4096 * 2304


class Arriving:
    """Put in the loop of the server, taken in the thread of the run. To be iterated over once.

    Attributes:
        dropped: how many came while another one was worked on.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.dropped = 0
        self._changed = Condition()
        self._newest: tuple[Any, float] | None = None
        self._ended = False

    def put(self, frame: Any) -> None:
        """A frame takes the place of the one before. frame: an av.VideoFrame."""
        if frame.width * frame.height > MOST_PX:
            return
        with self._changed:
            self.dropped += self._newest is not None
            self._newest = (frame, perf_counter())
            self._changed.notify()

    def end(self) -> None:
        """Nothing comes any more."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def __iter__(self) -> Iterator[Frame]:
        begun_s = 0.0
        for index in count():
            taken = self._take()
            if taken is None:
                return
            frame, arrived_s = taken
            begun_s = begun_s or arrived_s
            timestamp_s = Fraction(arrived_s - begun_s).limit_denominator(90_000)
            decoding_s = perf_counter() - arrived_s
            yield Frame(index, _picture(frame), timestamp_s, decoding_s=decoding_s, arrived_s=arrived_s)

    def _take(self) -> tuple[Any, float] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended)
            newest, self._newest = self._newest, None
            return None if self._ended else newest


def _picture(frame: Any) -> Picture:
    """Decoders of VP8 and H.264 say nothing about the matrix: it is that of WebRTC."""
    picture = picture_of(frame)
    return replace(picture, space=SPACE) if isinstance(picture, YuvImage) else picture
