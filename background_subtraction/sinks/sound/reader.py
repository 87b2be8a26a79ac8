"""The packets of an input's tracks at the time of its picture."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.stream import Discard

from background_subtraction.sinks.sound.joints import JoinedTime, beside
from background_subtraction.sinks.sound.lane import FAULTS
from background_subtraction.sources.demuxing.container import video_stream
from background_subtraction.sources.demuxing.faults import reason_of
from background_subtraction.sources.demuxing.timeline import longest_gap_s

MOST_FAULTS = 20
"""After so many errors the rest of the file is given up."""

log = logging.getLogger(__name__)


def timed_packets(container: Any, streams: list[Any]) -> Iterator[tuple[Any, Fraction]]:
    """Give the packets of these streams, with their times in seconds on a timeline without jumps.

    Args:
        container: an av.container.InputContainer.
        streams: the streams that are wanted.
    """
    picture = video_stream(container, container.name) if longest_gap_s(container) else None
    for stream in container.streams:
        if stream not in streams and stream is not picture:
            stream.discard = Discard.all  # .mp4 and .mov are read without their pictures then
    if picture is None:
        yield from ((packet, packet.pts * packet.time_base) for packet in _packets(container, streams))
        return
    yield from _joined(container, picture, streams)


def _joined(container: Any, picture: Any, streams: list[Any]) -> Iterator[tuple[Any, Fraction]]:
    """Sound waits for two pictures that follow it in the file, which tell where it belongs.

    One is not enough: FFmpeg gives the last picture of a recording only when the next one has begun, after its sound.
    """
    time = JoinedTime()
    picture_s = Fraction(0)
    older: list[Any] = []
    newer: list[Any] = []
    for packet in _packets(container, [picture, *streams]):
        if packet.stream is not picture:
            newer.append(packet)
            continue
        tick_s = packet.time_base
        order = packet.pts if packet.dts is None else packet.dts
        picture_s = time.at(order * tick_s, packet.pts * tick_s, (packet.duration or 0) * tick_s)
        yield from _beside(older, picture_s, time)
        older, newer = newer, []
    yield from _beside(older + newer, picture_s, time)


def _beside(packets: list[Any], picture_s: Fraction, time: JoinedTime) -> Iterator[tuple[Any, Fraction]]:
    for packet in packets:
        yield packet, beside(packet.pts * packet.time_base, picture_s, time.offsets)


def _packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    """Packets with a time. What cannot be read is passed over."""
    fault: Exception | None = None
    for _ in range(MOST_FAULTS):
        try:
            yield from _with_times(container.demux(streams))
        except FAULTS as error:  # noqa: PERF203 - the demuxer goes on behind what it cannot read
            fault = error
            if isinstance(error, av.error.ExitError):  # a server that says nothing: it waited long enough
                break
        else:
            return
    log.warning("The rest of the input's sound and subtitles cannot be read (%s)", fault and reason_of(fault))


def _with_times(packets: Iterator[Any]) -> Iterator[Any]:
    for packet in packets:
        if packet.pts is None and packet.dts is not None:
            packet.pts = packet.dts
        if packet.pts is not None and packet.size:
            yield packet
