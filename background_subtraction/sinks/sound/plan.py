"""What becomes of each track of an input in a container: tried in memory, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import av

from background_subtraction.sinks.formats import Container
from background_subtraction.sinks.sound.adts import AdtsCopy, adts_header
from background_subtraction.sinks.sound.copying import Copy
from background_subtraction.sinks.sound.encode import Encode
from background_subtraction.sinks.sound.lane import FAULTS, Lane
from background_subtraction.sinks.sound.subtitles import Subtitles
from background_subtraction.sinks.sound.tags import readable
from background_subtraction.sources.demuxing.faults import reason_of

LOOKED_AT_PACKETS = 2000
"""So many packets are read until each sound track has shown its first one."""


@dataclass(frozen=True)
class Way:
    """How a track goes into the output.

    Attributes:
        index: the track's number in the input.
        name: the track, for people: "sound track 2 (ac3, ger)".
        first: its first packet, None if none was seen.
        encoder: "" to copy it, else the encoder of its new codec. None: it is left out.
        why: the reason of a change, for people.
    """

    index: int
    name: str
    first: Any
    encoder: str | None = None
    why: str = ""

    def lane(self, stream: Any, output: Any, container: Container) -> Lane:
        """Add a stream to the output. Raises one of `FAULTS`.

        Args:
            stream: the track, of a container that is open.
            output: an av.container.OutputContainer that has no packet yet.
            container: what that can hold.
        """
        if stream.type == "subtitle" and _is_text(stream):
            return Subtitles(stream, output, self.encoder or None)
        if self.encoder:
            return Encode.like(stream, output, self.encoder)
        header = adts_header(self.first) if _is_adts(stream) else None
        if header is not None:
            return AdtsCopy(stream, output, header, priming=container.edit_lists)
        return Copy(stream, output, self.first, priming=container.edit_lists)


def ways(beside: Any, suffix: str, container: Container) -> list[Way]:
    """Decide for each sound and subtitle track.

    Args:
        beside: the input, an av.container.InputContainer. Its packets are read: seek or open it again afterwards.
        suffix: the output's ending, such as ".mp4".
        container: what that can hold.
    """
    streams = [*beside.streams.audio, *beside.streams.subtitles]
    first = _first_packets(beside)
    return [_way(stream, first.get(stream.index), suffix, container) for stream in streams]


def _way(stream: Any, first: Any, suffix: str, container: Container) -> Way:
    way = Way(stream.index, _name(stream), first)
    if stream.codec_context is None:
        return replace(way, why="there is no decoder for it")
    why = f"{suffix} does not hold it"
    for encoder in _possible(stream, first, container):
        chosen = replace(
            way, encoder=encoder, why=f"it becomes {encoder}: {why}" if encoder not in ("", _codec_of(stream)) else ""
        )
        fault = _fault_of(chosen, stream, suffix, container)
        if fault is None:
            return chosen
        why = f"{suffix} does not hold it as it is ({fault})"
    return replace(way, why=why)


def _name(stream: Any) -> str:
    said = [_codec_of(stream), readable(stream.metadata.get("language", ""))]
    kind = "sound" if stream.type == "audio" else "subtitle"
    return f"{kind} track {stream.index} ({', '.join(word for word in said if word)})"


def _codec_of(stream: Any) -> str:
    """Return "mp3", where its decoder may be called mp3float."""
    return "unknown codec" if stream.codec_context is None else str(stream.codec_context.codec.canonical_name)


def _possible(stream: Any, first: Any, container: Container) -> Iterator[str]:
    """The best first."""
    if _codec_of(stream) in container.copied and _describes_itself(stream, first):
        yield ""
    if stream.type == "audio" and container.sound:
        yield container.sound
    if stream.type == "subtitle" and container.text and _is_text(stream):
        yield container.text


def _describes_itself(stream: Any, first: Any) -> bool:
    return not _is_adts(stream) or adts_header(first) is not None


def _is_adts(stream: Any) -> bool:
    """Whether each packet has its own header, or should have."""
    return _codec_of(stream) == "aac" and not stream.codec_context.extradata


def _is_text(stream: Any) -> bool:
    return bool(stream.codec_context.codec.text_sub) or _codec_of(stream) == "eia_608"


def _fault_of(way: Way, stream: Any, suffix: str, container: Container) -> str | None:
    """Write a file in memory with this track alone, and nothing but a header where it may be empty; None: it works."""
    try:
        with _in_memory(suffix, container) as output:
            lane = way.lane(stream, output, container)
            output.start_encoding()
            for packet in lane.rest(None):
                output.mux(packet)
    except FAULTS as error:
        return reason_of(error)
    return None


@contextmanager
def _in_memory(suffix: str, container: Container) -> Iterator[Any]:
    file = _Memory()
    file.name = f"trial{suffix}"
    with av.open(file, "w", container_options=dict(container.options)) as output:
        yield output


class _Memory(BytesIO):
    name = ""


def _first_packets(beside: Any) -> Mapping[int, Any]:
    first: dict[int, Any] = {}
    audio = [stream for stream in beside.streams.audio if stream.codec_context is not None]
    if not audio:
        return first
    try:
        for number, packet in enumerate(beside.demux(audio)):
            if packet.size:
                first.setdefault(packet.stream.index, packet)
            if len(first) == len(audio) or number >= LOOKED_AT_PACKETS:
                break
    except FAULTS:
        pass  # what is damaged there is noticed, and said, when it is written
    return first
