"""One video of those of its scenes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from background_subtraction.sinks.base import explained, make_folder_of
from background_subtraction.sinks.formats import ALL_CONTAINERS, VideoFormat
from background_subtraction.sinks.joining.packets import Piece, joined, look_at, times_of
from background_subtraction.sinks.pictures import says_aspect
from background_subtraction.sinks.sound.side_tracks import side_tracks
from background_subtraction.sources.base import SourceInfo
from model_api.errors import SinkError


@dataclass(frozen=True)
class Whole:
    """What the scenes of a film become together.

    Args:
        source: the film.
        times_s: when each frame is shown, in seconds from the first one.
        counts: how many frames each scene has.
        to_end: whether the last frame is the film's last one, so that longer sound is played to its end.
    """

    source: SourceInfo
    times_s: Sequence[Fraction]
    counts: Sequence[int]
    to_end: bool


def join_videos(paths: Sequence[Path], path: Path, format_: VideoFormat, whole: Whole, *, sound: bool) -> None:
    """Copy the packets of all scenes into one file, with the film's sound beside them.

    Args:
        paths: the scenes' files.
        path: the file to write.
        format_: its format, and that of the scenes.
        whole: the film.
        sound: whether its sound, subtitles, chapters and tags go along.

    Raises:
        SinkError: it cannot be written, or a scene's file does not fit to the others.
    """
    make_folder_of(path)
    with explained(path):
        pieces = [look_at(piece, count) for piece, count in zip(paths, whole.counts, strict=True)]
        _require_same_parameters(pieces)
        _write(pieces, path, format_, whole, whole.source.sound if sound else None)


def _require_same_parameters(pieces: Sequence[Piece]) -> None:
    other = next((piece for piece in pieces if piece.parameters != pieces[0].parameters), None)
    if other is not None:
        raise SinkError(
            f"{other.path}: its encoder had other parameters than that of {pieces[0].path.name}: another version of "
            "FFmpeg, perhaps. Convert the scenes on machines with the same one: begin again without resume"
        )


def _write(pieces: Sequence[Piece], path: Path, format_: VideoFormat, whole: Whole, sound: str | None) -> None:
    rate = whole.source.rate
    times, tick_s = times_of(whole.times_s, rate)
    options = {**ALL_CONTAINERS, **format_.container.options}
    with ExitStack() as stack:
        output = stack.enter_context(av.open(f"file:{path}", "w", container_options=options))
        template = stack.enter_context(av.open(f"file:{pieces[0].path}"))
        stream = _stream_like(template.streams.video[0], output, format_, whole, tick_s)
        beside = side_tracks(sound, whole.source.begin_s, output, format_.container) if sound else None
        for packet in joined(pieces, times, round(1 / rate / tick_s)):
            packet.stream, packet.time_base = stream, tick_s
            time_s = packet.pts * tick_s
            output.mux(packet)
            if beside is not None:
                beside.write_until(time_s)
        if beside is not None:
            beside.close(times[-1] * tick_s + 1 / rate, to_end=whole.to_end)


def _stream_like(template: Any, output: Any, format_: VideoFormat, whole: Whole, tick_s: Fraction) -> Any:
    """A stream with the header that the encoder's own would have."""
    stream = output.add_stream_from_template(template, opaque=True)
    context = stream.codec_context
    context.codec_tag = template.codec_context.codec_tag
    context.framerate, stream.time_base = whole.source.rate, tick_s
    if says_aspect(Path(output.name), format_.codec):
        context.sample_aspect_ratio = whole.source.form.pixel_aspect
    if template.metadata.get("alpha_mode"):  # of WebM, whose decoders do not all say it
        context.pix_fmt = format_.pixel_format
    return stream
