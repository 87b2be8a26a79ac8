"""From the packets of a video to its frames. Damaged packets are left out and counted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
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
    for _ in range(MOST_ERRORS):
        with suppress(av.error.InvalidDataError):
            yield from container.demux(stream)
            return
    yield from container.demux(stream)


def decoded(packets: Iterable[Any], name: str) -> Iterator[Decoded]:
    """Decode a stream. How many packets were damaged is said at its end.

    Packets without content repeat the frame before them (Theora, and AVI where frames were dropped).

    Args:
        packets: av.Packets, the last of them an empty one that flushes the decoder.
        name: the input, for messages.

    Raises:
        SourceError: not one packet could be decoded.
    """
    decoder = _Decoder()
    repeats: deque[int] = deque()
    last: Any = None
    for packet in packets:
        if not packet.size and packet.dts is not None:
            repeats.append(packet.dts if packet.pts is None else packet.pts)
            continue
        for frame, time in decoder.frames(packet):
            while last is not None and repeats and time is not None and repeats[0] < time:
                yield last, repeats.popleft()
            last = frame
            yield frame, time
    if last is not None:
        yield from ((last, time) for time in repeats)
    elif decoder.error is not None:
        text = getattr(decoder.error, "strerror", None) or str(decoder.error)
        raise SourceError(f"{name}: cannot be decoded ({text}). Expected a whole video or image")
    if decoder.damaged:
        log.warning("%s: damaged packets left out: %d", name, decoder.damaged)


class _Decoder:
    """Decodes packet after packet.

    Attributes:
        damaged: how many packets could not be decoded.
        error: the last one's.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self.error: Exception | None = None
        self._first: Any = None
        self._delay: int | None = None

    def frames(self, packet: Any) -> list[Decoded]:
        """What comes out when this packet goes in."""
        self._first = self._first or packet
        frames = self._decoded(packet)
        if frames and self._delay is None:
            self._delay = self._delay_of(frames[0])
            # FFmpeg 8 would otherwise leave out all frames of HEVC from a damaged one to the next key frame.
            packet.stream.codec_context.flags |= av.codec.context.Flags.output_corrupt
        return [(frame, None if frame.pts is None else frame.pts - (self._delay or 0)) for frame in frames]

    def _delay_of(self, frame: Any) -> int:
        """AVI has no times of presentation: the first frame belongs to the first packet, however late it comes out."""
        first = self._first
        unknown = first.pts is not None or first.dts is None or frame.pts is None
        return 0 if unknown else max(0, frame.pts - first.dts)

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except BlockingIOError:  # the decoder holds a packet that it cannot decode
            return self._unblocked(packet)
        except (av.error.FFmpegError, OSError) as error:
            self.damaged, self.error = self.damaged + 1, error
            return []

    def _unblocked(self, packet: Any) -> list[Any]:
        self.damaged += 1
        context = packet.stream.codec_context
        frames: list[Any] = []
        with suppress(av.error.FFmpegError, OSError):
            frames = context.decode(None)
        context.flush_buffers()
        with suppress(av.error.FFmpegError, OSError):
            frames += packet.decode()
        return frames
