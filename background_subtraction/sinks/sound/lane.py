"""One track on its way into the output."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

PRIMING_S = Fraction(1, 40)
"""Sound from so long before the beginning goes along where it is not heard: decoders need it to start."""

FAULTS = (av.error.FFmpegError, ValueError, ArithmeticError, LookupError)
"""What FFmpeg and PyAV raise at tracks and packets that they cannot take."""

CHUNK_SAMPLES = 1024
"""AVI keeps up to a second of PCM in a packet, which could not be cut where the picture is."""
ADTS_HEADER_BYTES, CHECKSUM_BYTES = 7, 2
SYNC_WORDS = {"ac3": (0xFFFF, 0x0B77), "eac3": (0xFFFF, 0x0B77), "mp3": (0xFFE0, 0xFFE0)}
"""Codec -> mask and value of the first two bytes of each packet. Without them it is damaged, and would shift those
that follow in programs that look for them."""


def reason_of(error: Exception) -> str:
    """Return what is wrong, without the file's name, which may hold a password."""
    return getattr(error, "strerror", None) or str(error)


class Lane:
    """Takes packets of one track, and gives those of the output.

    Attributes:
        damaged: packets that were skipped.
        lead_s: packets are wanted from so long before the output's beginning.
    """

    lead_s = Fraction(0)

    def __init__(self) -> None:
        """Nothing has been damaged."""
        self.damaged = 0

    def take(self, packet: Any, time_s: Fraction) -> None:
        """Take the next packet; time_s: when it begins in the output."""
        raise NotImplementedError

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """Give the packets that begin before this second of the output; None for all of them."""
        raise NotImplementedError

    def rest(self, end_s: Fraction | None) -> Iterator[Any]:
        """Give what is left, cut at the output's end; None for all of it."""
        yield from self.until(end_s)


class Copy(Lane):
    """Packets as they are, at their new time."""

    def __init__(self, stream: Any, output: Any, first: Any, *, priming: bool) -> None:
        """Add a stream to the output.

        Args:
            stream: the track.
            output: an av.container.OutputContainer that has no packet yet.
            first: the track's first packet, None if there is none.
            priming: whether the output can hold sound from before its beginning without playing it.
        """
        super().__init__()
        self._stream = output.add_stream_from_template(stream)
        self._earliest_s = -PRIMING_S if priming and stream.type == "audio" else Fraction(0)
        self.lead_s = -self._earliest_s
        self._ready: deque[tuple[Fraction, Any]] = deque()
        name = stream.codec_context.name
        self._adts = _adts_header(first) if name == "aac" and not stream.codec_context.extradata else None
        if self._adts is not None:
            self._stream.codec_context.extradata = audio_specific_config(self._adts)
        self._cut = name.startswith("pcm_")
        self._mask, self._sync = SYNC_WORDS.get(stream.codec_context.codec.canonical_name, (0, 0))

    def take(self, packet: Any, time_s: Fraction) -> None:
        """Shift it, unless it is damaged or of another kind than the first."""
        tick_s = packet.time_base
        for begins_s, part in self._parts(packet, time_s):
            if begins_s < self._earliest_s:
                continue
            pts = round(begins_s / tick_s)
            part.dts = pts if part.dts is None or part.pts is None else part.dts + pts - part.pts
            part.pts, part.time_base, part.stream = pts, tick_s, self._stream
            self._ready.append((begins_s, part))

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.until`."""
        while self._ready and (time_s is None or self._ready[0][0] < time_s):
            yield self._ready.popleft()[1]

    def _parts(self, packet: Any, time_s: Fraction) -> list[tuple[Fraction, Any]]:
        if self._cut:
            return list(_chunks(packet, time_s))
        if self._adts is None:
            synced = int.from_bytes(memoryview(packet)[:2], "big") & self._mask == self._sync
            self.damaged += not synced
            return [(time_s, packet)] if synced else []
        raw = _without_header(packet) if _kind(_adts_header(packet)) == _kind(self._adts) else None
        self.damaged += raw is None
        return [] if raw is None else [(time_s, raw)]


def audio_specific_config(header: bytes) -> bytes:
    """Return the AudioSpecificConfig of ISO/IEC 14496-3, 1.6.2.1, that an ADTS header stands for."""
    profile, rate, channels = _kind(header)
    return ((profile + 1) << 11 | rate << 7 | channels << 3).to_bytes(2, "big")


def is_adts(packet: Any) -> bool:
    """Whether an AAC packet has a header of its own that names the speakers."""
    header = _adts_header(packet)
    return header is not None and _kind(header)[2] > 0


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


def _adts_header(packet: Any) -> bytes | None:
    header = b"" if packet is None else bytes(memoryview(packet)[:ADTS_HEADER_BYTES])
    sync = len(header) == ADTS_HEADER_BYTES and header[0] == 0xFF and header[1] & 0xF6 == 0xF0
    return header if sync else None


def _without_header(packet: Any) -> Any:
    """Return the AAC alone, as containers with a header of their own hold it; None for several blocks in one."""
    data = bytes(packet)
    if data[6] & 3:
        return None
    raw = av.Packet(data[ADTS_HEADER_BYTES if data[1] & 1 else ADTS_HEADER_BYTES + CHECKSUM_BYTES :])
    raw.duration, raw.is_keyframe = packet.duration, True
    return raw


def _kind(header: bytes | None) -> tuple[int, int, int]:
    """Profile, number of the sample rate, and of the channels: ISO/IEC 14496-3, 1.A.2.2.1."""
    if header is None:
        return -1, -1, -1
    return header[2] >> 6, header[2] >> 2 & 15, (header[2] & 1) << 2 | header[3] >> 6
