"""From the packets of a video to its frames. Damaged packets are left out and counted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from errno import EIO
from itertools import islice
from typing import Any

import av

from background_subtraction.sources.demuxing.faults import reason_of
from model_api.errors import SourceError

MOST_ERRORS = 100
"""Errors of a container in a row before its rest is given up."""

IN_ORDER = "avi"
"""The format that has no times of presentation: the n-th frame is shown at the time of the n-th packet."""

OUTPUT_CORRUPT = int(av.codec.context.Flags.output_corrupt)
WAITING = ("hevc",)
"""Decoders that leave out all frames from a damaged one to the next key frame unless they are told not to."""

log = logging.getLogger(__name__)

Decoded = tuple[Any, int | None]
"""An av.VideoFrame and its time in units of the stream, None where it is missing."""


def demuxed(container: Any, stream: Any, *, without_length: bool = False) -> Iterator[Any]:
    """Packets of a stream up to the empty one that ends it. What is damaged between them is passed over.

    Args:
        container: an av.container.InputContainer.
        stream: its video.
        without_length: whether a web server did not say how long it is. FFmpeg takes its end for an error.

    Raises:
        FFmpegError: nothing more can be read.
    """
    for _ in range(MOST_ERRORS):
        with suppress(av.error.InvalidDataError):
            try:
                yield from container.demux(stream)
            except OSError as error:
                if not without_length or error.errno != EIO:
                    raise
                yield _last_packet(stream)
            return
    yield from container.demux(stream)


def _last_packet(stream: Any) -> Any:
    """An empty packet, which flushes the decoder."""
    packet = av.Packet()
    packet.stream, packet.time_base = stream, stream.time_base
    return packet


def looked_ahead(packets: Iterator[Any], count: int) -> tuple[list[Any], Iterator[Any]]:
    """Read some packets.

    Returns:
        The first `count` packets, or those before an error; and all of them, with the error behind them.
    """
    ahead: list[Any] = []
    failed: list[Exception] = []
    try:
        for packet in islice(packets, count):
            ahead.append(packet)  # noqa: PERF402 - what came before an error is kept
    except (av.error.FFmpegError, OSError) as error:
        failed.append(error)

    def every() -> Iterator[Any]:
        yield from ahead
        if failed:
            raise failed[0]
        yield from packets

    return ahead, every()


def decoded(packets: Iterable[Any], name: str, context: Any = None) -> Iterator[Decoded]:
    """Decode a stream. How many packets were damaged is said at its end.

    Packets without content repeat the frame before them (Theora, and AVI where frames were dropped).

    Args:
        packets: av.Packets, the last of them an empty one that flushes the decoder.
        name: the input, for messages.
        context: an av.CodecContext in place of the stream's own.

    Raises:
        SourceError: not one packet could be decoded.
    """
    decoder = _Decoder(context)
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
        raise SourceError(f"{name}: cannot be decoded ({reason_of(decoder.error)}). Expected a whole video or image")
    if decoder.damaged:
        log.warning("%s: damaged packets left out: %d", name, decoder.damaged)


class _Decoder:
    """Decodes packet after packet.

    Attributes:
        damaged: how many packets could not be decoded.
        error: the last one's.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self.damaged = 0
        self.error: Exception | None = None
        self._begun = False
        self._times: deque[int] = deque()

    def frames(self, packet: Any) -> list[Decoded]:
        """What comes out when this packet goes in."""
        if not self._begun:
            packet.stream.codec_context.flags &= ~OUTPUT_CORRUPT
        in_order = packet.stream.container.format.name == IN_ORDER
        if in_order and packet.dts is not None:
            self._times.append(packet.dts)
        before = self.damaged
        frames = self._decoded(packet)
        if self.damaged > before and self._times:
            self._times.pop()
        if frames:
            self._go_on_behind_damage(packet.stream.codec_context)
        if in_order:
            return [(frame, self._times.popleft() if self._times else None) for frame in frames]
        return [(frame, frame.pts) for frame in frames]

    def _go_on_behind_damage(self, context: Any) -> None:
        """Before the first frame, the flag would give what has no key frame before it, as after a seek."""
        if not self._begun and context.name in WAITING:
            context.flags |= OUTPUT_CORRUPT
        self._begun = True

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return self._given(packet)
        except BlockingIOError:  # the decoder holds a packet that it cannot decode
            return self._unblocked(packet)
        except (av.error.FFmpegError, OSError) as error:
            self.damaged, self.error = self.damaged + 1, error
            return []

    def _given(self, packet: Any) -> list[Any]:
        if self._context is None:
            return list(packet.decode())
        frames = list(self._context.decode(packet if packet.size else None))
        for frame in frames:
            frame.time_base = frame.time_base or packet.stream.time_base
        return frames

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
