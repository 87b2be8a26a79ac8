"""Sound that the container does not take, in a codec that it does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sinks.sound.encoders import named_layout, nearest_layout, nearest_rate
from background_subtraction.sinks.sound.lane import FAULTS, Lane

LONGEST_PAUSE_S = 1
"""Shorter pauses are filled by FFmpeg's resampler, longer ones by silence of this length, one after another."""
STEP_S = 0.02
"""Times are followed in steps of this; those of Matroska and ASF are rounded to milliseconds."""
FRAME_SAMPLES = 1024
PREROLL_S = Fraction(1, 2)
"""Decoders need some packets before they give the right sound."""


class Encode(Lane):
    """Decodes, resamples and encodes.

    Samples follow each other without a gap from the output's beginning on: what is missing, was damaged or comes
    later is silent, what overlaps is cut. So every player stays in step with the picture, in AVI too.
    """

    lead_s = PREROLL_S

    def __init__(self, stream: Any, encoder: Any, begin_s: Fraction = Fraction(0)) -> None:
        """Begin with silence.

        Args:
            stream: the output's stream.
            encoder: an av.audio.AudioCodecContext with rate and layout.
            begin_s: where in the output the first sample is.
        """
        super().__init__()
        self._stream = stream
        self._encoder = encoder
        self._rate, self._layout = encoder.sample_rate, encoder.layout.name
        self._ready: deque[Any] = deque()
        self._resampler: Any = None
        self._kind: tuple[Any, ...] = ()
        self._written = round(begin_s * self._rate)

    @classmethod
    def like(cls, stream: Any, output: Any, encoder: str) -> Encode:
        """Add a stream to the output, in the rate and layout that are nearest to those of `stream`.

        Raises:
            FFmpegError, ValueError: this encoder takes nothing like them.
        """
        context = stream.codec_context
        rate, layout = nearest_rate(encoder, context.sample_rate), nearest_layout(encoder, context.layout)
        added = output.add_stream(encoder, rate=rate, layout=layout)
        return cls(added, added.codec_context)

    def take(self, packet: Any, time_s: Fraction) -> None:
        """Decode a packet; one that cannot be decoded is silent."""
        shift_s = time_s - packet.pts * packet.time_base
        try:
            frames = packet.decode()
        except FAULTS:
            self.damaged += 1
            return
        for frame in frames:
            self._resample(frame, None if frame.pts is None else frame.pts * frame.time_base + shift_s)

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.until`."""
        while self._ready and (time_s is None or self._ready[0].pts < time_s * self._rate):
            yield from self._encoded(self._ready.popleft())

    def rest(self, end_s: Fraction | None) -> Iterator[Any]:
        """See `Lane.rest`."""
        self._drain()
        yield from self.until(end_s)
        yield from self._encoded(None)

    def _encoded(self, frame: Any) -> list[Any]:
        packets = self._encoder.encode(frame)
        for packet in packets:
            packet.stream = self._stream
        return list(packets)

    def _resample(self, frame: Any, begins_s: Fraction | None) -> None:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or kind != self._kind:
            self._drain()
            self._begin(kind)
        if begins_s is not None:
            self._pause_until(begins_s, kind)
            frame.time_base = Fraction(1, frame.sample_rate)
            frame.pts = round(begins_s * frame.sample_rate)
        self._keep(self._resampler.resample(_labelled(frame)))

    def _begin(self, kind: tuple[Any, ...]) -> None:
        """Sound may change its rate and its channels midway."""
        self._kind = kind
        first_pts = round(Fraction(self._written, self._rate) * kind[2])  # in samples of the input: swr_init
        # async=1: fill and trim so that samples are at their times; https://ffmpeg.org/ffmpeg-resampler.html
        options = {"async": "1", "min_hard_comp": str(STEP_S), "first_pts": str(first_pts)}
        self._resampler = av.AudioResampler(
            self._encoder.format.name, self._layout, self._rate, FRAME_SAMPLES, options=options
        )

    def _pause_until(self, begins_s: Fraction, kind: tuple[Any, ...]) -> None:
        while begins_s - Fraction(self._written, self._rate) > LONGEST_PAUSE_S:
            self._drain()
            silence = av.AudioFrame(self._encoder.format.name, self._layout, self._rate)
            for plane in _planes(silence):
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate, silence.time_base = self._rate, Fraction(1, self._rate)
            silence.pts = self._written
            self._keep([silence])
            self._begin(kind)

    def _drain(self) -> None:
        if self._resampler is not None:
            self._keep(self._resampler.resample(None))
            self._resampler = None

    def _keep(self, frames: list[Any]) -> None:
        for frame in frames:
            self._ready.append(frame)
            self._written = frame.pts + frame.samples


def _labelled(frame: Any) -> Any:
    """Return the frame with a layout, where its channels are only counted."""
    name = named_layout(frame.layout)
    if name == frame.layout.name:
        return frame
    named = av.AudioFrame(frame.format.name, name, frame.samples)
    for plane, source in zip(_planes(named), _planes(frame), strict=True):
        plane.update(memoryview(source)[: plane.buffer_size])
    named.sample_rate, named.time_base, named.pts = frame.sample_rate, frame.time_base, frame.pts
    return named


def _planes(frame: Any) -> list[Any]:
    """Return the planes that there are: PyAV 18 counts one too many where there are eight, and it points nowhere."""
    return list(frame.planes[: frame.layout.nb_channels if frame.format.is_planar else 1])
