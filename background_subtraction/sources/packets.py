"""From the packets of a video to its frames. Damaged packets are left out and counted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import av

from model_api.errors import SourceError

MOST_ERRORS = 100
"""Errors of a container in a row before its rest is given up."""

log = logging.getLogger(__name__)

Decoded = tuple[Any, int | None]
"""An av.VideoFrame and its time in units of the stream, None where it is missing."""


def demuxed(container: Any, stream: Any) -> Iterator[Any]:
    """Packets of a stream up to the empty one that ends it. What is damaged between them is passed over.

    Raises:
        FFmpegError: nothing more can be read.
    """
    for errors in range(MOST_ERRORS):
        try:
            yield from container.demux(stream)
            return
        except av.error.InvalidDataError:
            if errors == MOST_ERRORS - 1:
                raise


def decoded(packets: Iterable[Any], name: str) -> Iterator[Decoded]:
    """Decode a stream.

    Packets without content repeat the frame before them (Theora, and AVI where frames were dropped). In AVI, where
    packets have no time of presentation, the first frame is shown at the time of its packet.

    Args:
        packets: av.Packets, the last of them an empty one that flushes the decoder.
        name: the input, for messages.

    Raises:
        SourceError: not one packet could be decoded.
    """
    damaged, error = 0, None
    repeats: deque[int] = deque()
    last: Any = None
    delay = Delay()
    for packet in packets:
        if not packet.size and packet.dts is not None:
            repeats.append(packet.dts if packet.pts is None else packet.pts)
            continue
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, OSError) as raised:
            damaged, error = damaged + 1, raised
            continue
        delay.see(packet)
        for frame in frames:
            time = delay.removed(frame.pts)
            while last is not None and repeats and time is not None and repeats[0] < time:
                yield last, repeats.popleft()
            last = frame
            yield frame, time
    if last is None and error is not None:
        text = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{name}: cannot be decoded ({text}). Expected a whole video or image")
    if last is not None:
        yield from ((last, time) for time in repeats)
    if damaged:
        log.warning("%s: damaged packets: %d. What they hold was left out", name, damaged)


class Delay:
    """The frames by which a decoder that reorders is behind, where packets have no time of presentation.

    The first frame, a key frame, belongs to the first packet.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._first_dts: int | None = None
        self._seen = False
        self._delay: int | None = None

    def see(self, packet: Any) -> None:
        """Take note of a packet."""
        if not self._seen:
            self._seen = True
            self._first_dts = packet.dts if packet.pts is None else None

    def removed(self, time: int | None) -> int | None:
        """The time of a frame without the delay."""
        if time is None:
            return None
        if self._delay is None:
            self._delay = 0 if self._first_dts is None else max(0, time - self._first_dts)
        return time - self._delay
