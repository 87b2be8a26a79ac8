"""AAC of transport streams, whose packets have headers of their own, for containers that have one for all."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sinks.sound.copying import Copy
from background_subtraction.sinks.sound.encode import Encode

HEADER_BYTES, CHECKSUM_BYTES = 7, 2
RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350)
LAYOUTS = ("", "mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1")
"""By their numbers in the header: ISO/IEC 14496-3, tables 1.18 and 1.19."""


class AdtsCopy(Copy):
    """Packets without their headers. From where rate or speakers change on, sound is encoded anew as it was before."""

    def __init__(self, stream: Any, output: Any, header: bytes, *, priming: bool) -> None:
        """Add a stream to the output. header: that of the first packet; else as `Copy`."""
        super().__init__(stream, output, None, priming=priming)
        self._header = header
        self._anew: Encode | None = None
        self.stream.codec_context.extradata = audio_specific_config(header)

    def take(self, packet: Any, time_s: Fraction) -> None:
        """See `Lane.take`."""
        header = adts_header(packet)
        if self._anew is None and header is not None and _kind(header) != _kind(self._header):
            self._anew = self._encoder(packet.stream, time_s)
        if self._anew is None:
            super().take(packet, time_s)
        else:
            self._anew.take(packet, time_s)

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.until`."""
        yield from super().until(time_s)
        if self._anew is not None:
            yield from self._anew.until(time_s)

    def rest(self, end_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.rest`."""
        yield from super().until(end_s)
        if self._anew is not None:
            self.damaged += self._anew.damaged
            yield from self._anew.rest(end_s)

    def parts(self, packet: Any, time_s: Fraction) -> list[tuple[Fraction, Any]]:
        """See `Copy.parts`."""
        raw = None if adts_header(packet) is None else _without_header(packet)
        self.damaged += raw is None
        return [] if raw is None else [(time_s, raw)]

    def _encoder(self, stream: Any, time_s: Fraction) -> Encode:
        _, rate, channels = _kind(self._header)
        context = av.CodecContext.create("aac", "w")
        context.sample_rate, context.layout, context.format = RATES[rate], LAYOUTS[channels], "fltp"
        context.open(strict=False)
        # The encoder's first packet is a frame earlier: behind the last one that was copied.
        begin_s = max(time_s, self.end_s) + Fraction(context.frame_size, RATES[rate])
        return Encode(self.stream, context, begin_s)


def audio_specific_config(header: bytes) -> bytes:
    """Return the AudioSpecificConfig of ISO/IEC 14496-3, 1.6.2.1, that an ADTS header stands for."""
    profile, rate, channels = _kind(header)
    return ((profile + 1) << 11 | rate << 7 | channels << 3).to_bytes(2, "big")


def adts_header(packet: Any) -> bytes | None:
    """Return the header of an AAC packet that names rate and speakers, None where it has none."""
    header = b"" if packet is None else bytes(memoryview(packet)[:HEADER_BYTES])
    if len(header) < HEADER_BYTES or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    _, rate, channels = _kind(header)
    return header if rate < len(RATES) and channels else None


def _without_header(packet: Any) -> Any:
    """Return the AAC alone, as containers with a header of their own hold it; None for several blocks in one."""
    data = bytes(packet)
    if data[6] & 3:
        return None
    raw = av.Packet(data[HEADER_BYTES if data[1] & 1 else HEADER_BYTES + CHECKSUM_BYTES :])
    raw.duration, raw.is_keyframe = packet.duration, True
    return raw


def _kind(header: bytes) -> tuple[int, int, int]:
    """Profile, number of the sample rate, and of the channels: ISO/IEC 14496-3, 1.A.2.2.1."""
    return header[2] >> 6, header[2] >> 2 & 15, (header[2] & 1) << 2 | header[3] >> 6
