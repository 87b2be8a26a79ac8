"""Tracks that the container takes as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sinks.sound.lane import Lane

PRIMING_S = Fraction(1, 40)
"""Sound from so long before the beginning goes along where it is not heard: decoders need it to start."""

CHUNK_SAMPLES = 1024
"""AVI keeps up to a second of PCM in a packet, which could not be cut where the picture is."""
SYNC_WORDS = {"ac3": (0xFFFF, 0x0B77), "eac3": (0xFFFF, 0x0B77), "mp3": (0xFFE0, 0xFFE0)}
"""Codec -> mask and value of the first two bytes of each packet. Without them it is damaged, and would shift those
that follow in programs that look for them."""

NEED_A_PACKET = frozenset({"ac3", "eac3"})
"""FFmpeg closes no .mp4 in which a track of these has no packet: what is in the header is read from one."""


class Copy(Lane):
    """Packets as they are, at their new time.

    Attributes:
        stream: where they go.
        end_s: where the last one ends.
    """

    def __init__(self, stream: Any, output: Any, first: Any, *, priming: bool) -> None:
        """Add a stream to the output.

        Args:
            stream: the track.
            output: an av.container.OutputContainer that has no packet yet.
            first: the track's first packet, None if there is none.
            priming: whether the output can hold sound from before its beginning without playing it.
        """
        super().__init__()
        self.stream = output.add_stream_from_template(stream)
        self._earliest_s = -PRIMING_S if priming and stream.type == "audio" else Fraction(0)
        self.lead_s = -self._earliest_s
        self._ready: deque[tuple[Fraction, Any]] = deque()
        self._last_pts: int | None = None
        self.end_s = Fraction(0)
        self._cut = stream.codec_context.name.startswith("pcm_")
        codec = stream.codec_context.codec.canonical_name
        self._mask, self._sync = SYNC_WORDS.get(codec, (0, 0))
        self._first = first if codec in NEED_A_PACKET else None

    def take(self, packet: Any, time_s: Fraction) -> None:
        """Shift it, unless it is damaged."""
        tick_s = packet.time_base
        for begins_s, part in self.parts(packet, time_s):
            if begins_s < self._earliest_s:
                continue
            pts = round(begins_s / tick_s)
            if self._last_pts is not None and pts <= self._last_pts:
                continue  # where recordings are joined, the sound of both may overlap
            part.dts = pts if part.dts is None or part.pts is None else part.dts + pts - part.pts
            part.pts, part.time_base, part.stream = pts, tick_s, self.stream
            self._last_pts, self.end_s = pts, begins_s + (part.duration or 0) * tick_s
            self._ready.append((begins_s, part))

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.until`."""
        while self._ready and (time_s is None or self._ready[0][0] < time_s):
            yield self._ready.popleft()[1]

    def rest(self, end_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.rest`."""
        if self._last_pts is None and self._first is not None:
            tick_s = self._first.time_base
            only = av.Packet(bytes(self._first))
            only.stream, only.time_base, only.duration = self.stream, tick_s, self._first.duration
            only.pts = only.dts = max(0, round((end_s or 0) / tick_s))
            yield only
        yield from self.until(end_s)

    def parts(self, packet: Any, time_s: Fraction) -> list[tuple[Fraction, Any]]:
        """Return what of a packet is written, and when that begins."""
        if self._cut:
            return list(_chunks(packet, time_s))
        synced = int.from_bytes(memoryview(packet)[:2], "big") & self._mask == self._sync
        self.damaged += not synced
        return [(time_s, packet)] if synced else []


def _chunks(packet: Any, time_s: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """Cut a packet of PCM into short ones."""
    seconds = (packet.duration or 0) * packet.time_base
    samples = round(seconds * packet.stream.codec_context.sample_rate)
    if samples <= CHUNK_SAMPLES or packet.size % samples:
        yield time_s, packet
        return
    data, block = bytes(packet), packet.size // samples
    for first in range(0, samples, CHUNK_SAMPLES):
        count = min(CHUNK_SAMPLES, samples - first)
        part = av.Packet(data[first * block : (first + count) * block])
        part.duration = round(seconds * count / samples / packet.time_base)
        part.is_keyframe = True
        yield time_s + seconds * Fraction(first, samples), part
