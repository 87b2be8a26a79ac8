"""Sound and subtitles on their way from the input to an output, as they are wherever the container takes them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sinks.formats import Container

TECHNICAL = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})
"""Metadata that tells about the file, not about what is in it."""

PRIMING_S = Fraction(1, 40)
"""Sound from so long before the beginning goes along where it is not heard: decoders need it to start."""

log = logging.getLogger(__name__)


class SoundTrack:
    """The sound and subtitles of a file, on their way into one output."""

    def __init__(self, path: str, begin_s: Fraction, output: Any, container: Container) -> None:
        """Open the file, and add streams to the output.

        Args:
            path: the file with the sound.
            begin_s: where in the file the output begins.
            output: an av.container.OutputContainer that has no packet yet.
            container: what that container can hold.
        """
        self._begin_s = begin_s
        self._earliest_s = -PRIMING_S if container.edit_lists else Fraction(0)
        self._output = output
        self._input = av.open(path)
        output.metadata.update({k: v for k, v in self._input.metadata.items() if k not in TECHNICAL})
        streams = [*self._input.streams.audio, *self._input.streams.subtitles]
        lanes = {stream.index: _lane(stream, output, container) for stream in streams}
        self._lanes = {index: lane for index, lane in lanes.items() if lane is not None}
        kept = [stream for stream in streams if stream.index in self._lanes]
        packets = self._input.demux(kept) if kept else iter(())
        self._packets: Iterator[Any] = (packet for packet in packets if packet.pts is not None)
        self._next = next(self._packets, None)

    def write_until(self, time_s: Fraction | None) -> None:
        """Write what begins before this second of the output; None for all that is left."""
        while (packet := self._next) is not None:
            begins_s = packet.pts * packet.time_base - self._begin_s
            if time_s is not None and begins_s >= time_s:
                return
            if begins_s >= self._earliest_s:
                self._output.mux(self._lanes[packet.stream.index].packets(packet, self._begin_s))
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Write what the encoders still hold."""
        for lane in self._lanes.values():
            self._output.mux(lane.rest())
        self._input.close()


class _Copy:
    """Packets as they are, at their new time."""

    def __init__(self, stream: Any, output: Any) -> None:
        self._stream = output.add_stream_from_template(stream)
        self._stream.metadata.update(stream.metadata)

    def packets(self, packet: Any, begin_s: Fraction) -> list[Any]:
        shift = round(begin_s / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = self._stream
        return [packet]

    def rest(self) -> list[Any]:
        return []


class _Encode:
    """Sound that the container does not take, in one that it does."""

    def __init__(self, stream: Any, output: Any, encoder: str) -> None:
        rate = 48_000 if encoder == "libopus" else stream.codec_context.sample_rate
        self._stream = output.add_stream(encoder, rate=rate, layout=stream.codec_context.layout.name)
        self._stream.metadata.update(stream.metadata)
        context = self._stream.codec_context
        self._resampler = av.AudioResampler(context.format.name, context.layout.name, rate, context.frame_size or None)
        self._resampler_used = False

    def packets(self, packet: Any, begin_s: Fraction) -> list[Any]:
        packets = []
        for frame in packet.decode():
            frame.pts -= round(begin_s / frame.time_base)
            for part in self._resampler.resample(frame):
                self._resampler_used = True
                packets += self._stream.encode(part)
        return packets

    def rest(self) -> list[Any]:
        left = self._resampler.resample(None) if self._resampler_used else []
        return [packet for part in [*left, None] for packet in self._stream.encode(part)]


def _lane(stream: Any, output: Any, container: Container) -> _Copy | _Encode | None:
    name = stream.codec_context.codec.canonical_name  # "mp3", where its decoder may be called mp3float
    if name in container.copied:
        return _Copy(stream, output)
    if stream.type == "audio" and container.sound:
        log.info("Sound: %s becomes %s, because the output cannot hold it as it is", name, container.sound)
        return _Encode(stream, output, container.sound)
    log.warning("The output cannot hold %s: the input's %s is left out", name, stream.type)
    return None
