"""The packets of videos one after another, as if one encoder had made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from background_subtraction.sinks.timing import OwnTimes
from model_api.errors import SinkError

HEVC_HEADER_BYTES = 23
"""Before the first array of units; the last of them says how many arrays there are."""
HEVC_MESSAGES = (39, 40)
"""Types of units with supplemental enhancement information: ITU-T H.265, table 7-1."""


@dataclass(frozen=True)
class Piece:
    """The video of one scene.

    Args:
        path: the file.
        ranks: of each packet, in the order of the file: how many frames of the scene are shown before it.
        parameters: what a decoder must know before the first packet.
    """

    path: Path
    ranks: tuple[int, ...]
    parameters: bytes

    @property
    def delay(self) -> int:
        """How many frames its decoder holds back, because they are stored in another order than they are shown."""
        return max((number - rank for number, rank in enumerate(self.ranks)), default=0)


def look_at(path: Path, frames: int) -> Piece:
    """Read the order of a video's frames.

    Args:
        path: the file.
        frames: how many it must have.

    Raises:
        SinkError: it has another number of them.
    """
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        times = [packet.pts for packet in container.demux(stream) if packet.size]
        parameters = parameters_of(stream.codec_context.name, bytes(stream.codec_context.extradata or b""))
    if len(times) != frames:
        raise SinkError(f"{path}: has {len(times)} frames. Expected the {frames} of its scene")
    shown = sorted(range(frames), key=lambda number: times[number])
    ranks = dict(zip(shown, range(frames), strict=True))
    return Piece(path, tuple(ranks[number] for number in range(frames)), parameters)


def parameters_of(codec: str, extradata: bytes) -> bytes:
    """What a decoder must know of a stream.

    x265 names its processor and its threads beside it, in a message that no decoder needs.

    Args:
        codec: FFmpeg's name.
        extradata: of HEVC an HEVCDecoderConfigurationRecord: ISO/IEC 14496-15, 8.3.3.1.2.
    """
    if codec != "hevc" or extradata[:1] != b"\1":
        return extradata
    place, kept = HEVC_HEADER_BYTES, extradata[: HEVC_HEADER_BYTES - 1]
    while place + 3 <= len(extradata):
        begin = place
        kind, count = extradata[place] & 0x3F, int.from_bytes(extradata[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            place += 2 + int.from_bytes(extradata[place : place + 2], "big")
        if kind not in HEVC_MESSAGES:
            kept += extradata[begin:place]
    return kept


def times_of(times_s: Sequence[Fraction], rate: Fraction) -> tuple[list[int], Fraction]:
    """The times of all frames as `VideoSink` would write them, and the seconds of their unit."""
    timing = OwnTimes(rate)
    return [timing.place(time_s).pts or 0 for time_s in times_s], timing.tick_s


def joined(pieces: Sequence[Piece], times: Sequence[int], duration: int) -> Iterator[Any]:
    """Give all packets, in the order of the file.

    A packet is decoded `delay` frames before it is shown, the largest delay of all pieces: so the times of decoding
    go on evenly where the order of frames changes.

    Args:
        pieces: the scenes in their order.
        times: when each frame of the film is shown.
        duration: of a frame, in the same unit.
    """
    delay = max(piece.delay for piece in pieces)
    first, number = 0, 0
    for piece in pieces:
        with av.open(f"file:{piece.path}") as container:
            packets = (packet for packet in container.demux(video=0) if packet.size)
            for rank, packet in zip(piece.ranks, packets, strict=True):
                packet.pts = times[first + rank]
                packet.dts = times[number - delay] if number >= delay else times[0] - (delay - number) * duration
                packet.duration = duration
                yield packet
                number += 1
        first += len(piece.ranks)
