"""Opening what FFmpeg reads: files, pipes and streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sources.base import UNKNOWN_RATE
from background_subtraction.sources.demuxing.addresses import ffmpeg_name, is_url, without_password
from background_subtraction.sources.demuxing.pipe import Pipe
from background_subtraction.sources.selection import Selection
from background_subtraction.thread_budget import BESIDE_INFERENCE
from model_api.errors import SourceError
from model_api.types import Size

STREAM_TIMEOUT_S = 10.0
RECONNECT = {"reconnect": "1", "reconnect_on_network_error": "1", "reconnect_delay_max": "5"}
"""FFmpeg's own, for http and https. Its reconnect_streamed would begin a file again that broke off."""
PIPE = "-"
PLAYLISTS = ("hls", "dash")
"""Formats whose size is that of a list of parts."""
MULTIPART = "mpjpeg"
FEWEST_THREADS = {"vp9": 2}
"""Decoder -> threads. With one, FFmpeg's VP9 keeps a damaged packet and takes no other."""
FASTER = 2
"""What comes so many times as fast as it is shown is a file, whatever its server says."""


def is_http(address: str) -> bool:
    """Whether a web server is asked."""
    return address.lower().startswith(("http:", "https:"))


def name_for_ffmpeg(address: str) -> str:
    """What av.open takes for an address: a URL or a file."""
    return address if is_url(address) else ffmpeg_name(address)


def options_of_network(address: str) -> dict[str, Any]:
    """What av.open needs beside an address so that a server that breaks off or says nothing does not hold it for ever.

    Args:
        address: as users write it, or as `name_for_ffmpeg` gives it.
    """
    if not is_url(address):
        return {}
    return {"options": dict(RECONNECT) if is_http(address) else {}, "timeout": STREAM_TIMEOUT_S}


def open_container(address: str, selection: Selection, pipe: Pipe) -> Any:
    """Open an input, with threads for its decoder.

    Args:
        address: a file, a URL, or "-" for a pipe.
        selection: size and rate of a raw pipe.
        pipe: the standard input.

    Returns:
        An av.container.InputContainer with a video that can be decoded.

    Raises:
        SourceError: it cannot be opened, or holds no such video.
    """
    with explained(address):
        if address == PIPE and selection.raw_size:
            container = _open_raw(pipe, selection.raw_size, selection.rate or UNKNOWN_RATE)
        else:
            file: Any = pipe if address == PIPE else name_for_ffmpeg(address)
            container = av.open(
                file,
                metadata_errors="replace",  # tags in Latin-1 are no reason to lose the picture
                **options_of_network(address),
            )
    try:
        stream = video_stream(container, address)
    except SourceError:
        container.close()
        raise
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = max(FEWEST_THREADS.get(stream.codec_context.name, 1), BESIDE_INFERENCE)
    return container


def video_stream(container: Any, address: str) -> Any:
    """The video to take: that which the file marks as the default, else the largest. Never a cover picture.

    Raises:
        SourceError: there is none that can be decoded.
    """
    name = without_password(address)
    videos = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not videos:
        raise SourceError(f"{name}: there is no video stream in it. Expected a video or an image")
    known = [stream for stream in videos if stream.codec_context is not None]
    if not known:
        raise SourceError(
            f"{name}: FFmpeg knows no decoder for its video. Expected for example H.264, HEVC, VP9 or AV1"
        )
    return max(known, key=lambda stream: (_is_default(stream), stream.width * stream.height))


def is_finite(container: Any, address: str, times_s: Sequence[Fraction], elapsed_s: float) -> bool:
    """Whether a URL is a file on a server, which has an end, and not what a camera sends.

    Args:
        container: it, open.
        address: its URL.
        times_s: of the packets read so far.
        elapsed_s: seconds that opening it and reading them took.
    """
    if container.duration is not None:
        return True
    if not is_http(address) or container.format.name in PLAYLISTS:
        return False
    if has_size(container):
        return True
    shown_s = max(times_s) - min(times_s) if times_s else Fraction(0)
    return container.format.name != MULTIPART and shown_s > FASTER * elapsed_s


def has_size(container: Any) -> bool:
    """Whether it is known how many bytes there are."""
    try:
        return bool(container.size > 0)
    except av.error.FFmpegError:
        return False


def start_s(stream: Any) -> Fraction:
    """The time in the file at which the stream begins, in seconds."""
    return Fraction(0) if stream.start_time is None else Fraction(stream.start_time * stream.time_base)


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Raise the errors of FFmpeg and of the system as SourceError."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        text = getattr(error, "strerror", None) or str(error)
        name = without_password(address)
        raise SourceError(f"{name}: cannot be decoded ({text}). Expected a whole video or image") from error


def _is_cover(stream: Any) -> bool:
    disposition = av.stream.Disposition
    return bool(stream.disposition & (disposition.attached_pic | disposition.timed_thumbnails))


def _is_default(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.default)


def _open_raw(pipe: Pipe, size: Size, rate: Fraction) -> Any:
    options = {"video_size": f"{size[0]}x{size[1]}", "pixel_format": "bgr24", "framerate": str(rate)}
    return av.open(pipe, format="rawvideo", options=options)
