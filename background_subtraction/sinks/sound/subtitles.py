"""Text subtitles in the kind that the container takes, begun and cut where the picture is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sinks.sound.lane import FAULTS, Lane

TICK_S = Fraction(1, 1_000_000)
"""Finer than those of pictures and sound.

FFmpeg compares ticks of one track of an .mp4 with those of another, and where a text seems to be over it writes an
empty sample of no length. If a fragment ends there, it guesses that the sample is as long as the text: later texts are
late by as much, or FFmpeg ends the process.
"""
LONGEST_S = 3600
"""A sample of an .mp4 has at most 2^32 ticks."""
HELD_S = 10
"""A text waits for its end, which the output's end may cut; one that is longer is written after so many seconds."""
EMPTY_BYTES = 2
"""Of a pause between the texts of an .mp4."""
WITH_PAUSES = "mov_text"


class Subtitles(Lane):
    """Texts with their styles, converted by FFmpeg's decoders and encoders where the kind differs."""

    lead_s = Fraction(3600)

    def __init__(self, stream: Any, output: Any, encoder: str | None) -> None:
        """Add a stream to the output.

        Args:
            stream: the track.
            output: an av.container.OutputContainer that has no packet yet.
            encoder: FFmpeg's name of the kind, None to copy.
        """
        super().__init__()
        self._decoder = stream.codec_context if encoder else None
        if encoder is None:
            self._stream = output.add_stream_from_template(stream)
        else:
            stream.codec_context.open(strict=False)
            self._stream = output.add_stream(encoder)
            self._stream.codec_context.subtitle_header = stream.codec_context.subtitle_header
            self._stream.codec_context.time_base = TICK_S
        self._stream.time_base = TICK_S
        self._ready: deque[tuple[Fraction, Fraction, Any]] = deque()
        """Begin and end, in seconds of the output, of each."""
        self._has_pauses = self._stream.codec_context.name == WITH_PAUSES
        self._begun_s, self._ended_s = Fraction(-1), Fraction(0)

    def take(self, packet: Any, time_s: Fraction) -> None:
        """Convert a text; one that has ended before the output begins is left out."""
        end_s = time_s + (packet.duration or 0) * packet.time_base
        if packet.size <= EMPTY_BYTES or end_s <= 0:
            return
        try:
            converted = self._converted(packet)
        except FAULTS:
            self.damaged += 1
            return
        if converted is not None:
            self._ready.append((max(time_s, Fraction(0)), end_s, converted))

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """Give the texts that have ended by then."""
        while self._ready:
            begin_s, end_s, packet = self._ready[0]
            if time_s is not None and time_s < min(end_s, begin_s + HELD_S):
                return
            self._ready.popleft()
            yield from self._written(begin_s, end_s, packet)

    def rest(self, end_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.rest`."""
        for begin_s, stop_s, packet in self._ready:
            if end_s is None or begin_s < end_s:
                yield from self._written(begin_s, stop_s if end_s is None else min(stop_s, end_s), packet)
        self._ready.clear()
        # Else FFmpeg ends the track with a pause as long as the last text, and the file with it.
        yield from self._pause(self._ended_s + TICK_S)

    def _converted(self, packet: Any) -> Any:
        if self._decoder is None:
            return packet
        texts = self._decoder.decode2(packet)
        return self._stream.codec_context.encode_subtitle(texts) if texts is not None and len(texts) else None

    def _written(self, begin_s: Fraction, end_s: Fraction, packet: Any) -> Iterator[Any]:
        """An .mp4 shows one text at a time: of two that begin at once, the second one follows the first."""
        if self._has_pauses and begin_s <= self._begun_s < self._ended_s < end_s:
            begin_s = self._ended_s
        yield from self._pause(begin_s)
        yield self._timed(begin_s, end_s, packet)
        self._begun_s, self._ended_s = begin_s, end_s

    def _pause(self, until_s: Fraction) -> Iterator[Any]:
        """Between texts, where the container has pauses. FFmpeg makes the one before the first text."""
        while self._has_pauses and 0 < self._ended_s < until_s:
            begin_s, self._ended_s = self._ended_s, min(self._ended_s + LONGEST_S, until_s)
            yield self._timed(begin_s, self._ended_s, av.Packet(bytes(EMPTY_BYTES)))

    def _timed(self, begin_s: Fraction, end_s: Fraction, packet: Any) -> Any:
        packet.time_base = TICK_S
        packet.pts = packet.dts = round(begin_s / TICK_S)
        packet.duration = round(end_s / TICK_S) - packet.pts
        packet.stream = self._stream
        return packet
