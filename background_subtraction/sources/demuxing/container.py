"""Opening what FFmpeg reads: files, pipes and streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sources.base import UNKNOWN_RATE
from background_subtraction.sources.demuxing.addresses import ffmpeg_name, is_url, without_password
from background_subtraction.sources.demuxing.faults import raised_as, reason_of
from background_subtraction.sources.demuxing.packets import demuxed
from background_subtraction.sources.demuxing.pipe import Pipe
from background_subtraction.sources.demuxing.timeline import has_times
from background_subtraction.sources.selection import Selection
from background_subtraction.thread_budget import BESIDE_INFERENCE
from model_api.errors import SourceError
from model_api.pictures.encoded import LARGEST_PIXELS, require_pixels
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
CHECK = "Check the address, and whether its camera or server is on"
REFUSED = "its server does not give it", "Check the address, and the user and the password in it"
FAULTS_OF_SERVERS: Mapping[type[Exception], tuple[str, str]] = {
    av.error.HTTPClientError: REFUSED,
    av.error.HTTPError: REFUSED,
    av.error.ExitError: ("was not reached", CHECK),
    ConnectionError: ("was not reached", CHECK),
    TimeoutError: ("was not reached", CHECK),
    OSError: ("was not reached, or gives no video", CHECK),
}
"""What FFmpeg raises while it opens a URL, the first that fits -> what that means, and what to do."""
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


@dataclass(frozen=True, eq=False)
class OpenVideo:
    """An input that is open, and the video in it that is read.

    Attributes:
        address: the input.
        container: an av.container.InputContainer.
        stream: its av.VideoStream.
    """

    address: str
    container: Any
    stream: Any

    @property
    def start_s(self) -> Fraction:
        """The time in the file at which the video begins, in seconds."""
        start = self.stream.start_time
        return Fraction(0) if start is None else Fraction(start * self.stream.time_base)

    @property
    def has_times(self) -> bool:
        """Whether frames have times of their own."""
        return has_times(self.container)

    @property
    def is_multipart(self) -> bool:
        """Whether a camera sends picture after picture, which are shown when they come."""
        return bool(self.container.format.name == MULTIPART)

    @property
    def without_length(self) -> bool:
        """Whether a web server does not say how many bytes there are."""
        return is_http(self.address) and not has_size(self.container)

    @property
    def pixel_aspect(self) -> Fraction | None:
        """The width of a stored pixel by its height, None where the file says nothing."""
        return self.stream.sample_aspect_ratio or self.stream.codec_context.sample_aspect_ratio

    def packets(self, from_s: Fraction | None = None) -> Iterator[Any]:
        """The packets from here on, or from the last key frame before a second of the video, as `demuxed` gives them.

        Raises:
            FFmpegError: nothing can be read, or sought, there.
        """
        if from_s is not None:
            self.container.seek(int((from_s + self.start_s) * av.time_base))
        return demuxed(self.container, self.stream, without_length=self.without_length)


def open_video(address: str, selection: Selection, pipe: Pipe) -> OpenVideo:
    """Open an input, with threads for its decoder.

    Args:
        address: a file, a URL, or "-" for a pipe.
        selection: size and rate of a raw pipe.
        pipe: the standard input.

    Returns:
        It, and a video that can be decoded.

    Raises:
        SourceError: it cannot be opened, or holds no such video.
    """
    with explained(address), _reached(address):
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
        require_pixels(stream.width, stream.height, without_password(address))
    except SourceError:
        container.close()
        raise
    stream.codec_context.options = {"max_pixels": str(LARGEST_PIXELS)}  # later frames may be larger
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = max(FEWEST_THREADS.get(stream.codec_context.name, 1), BESIDE_INFERENCE)
    return OpenVideo(address, container, stream)


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


def is_finite(video: OpenVideo, times_s: Sequence[Fraction], elapsed_s: float) -> bool:
    """Whether a URL is a file on a server, which has an end, and not what a camera sends.

    Args:
        video: it, open.
        times_s: of the packets read so far.
        elapsed_s: seconds that opening it and reading them took.
    """
    container = video.container
    if container.duration is not None:
        return True
    if not is_http(video.address) or container.format.name in PLAYLISTS:
        return False
    if has_size(container):
        return True
    shown_s = max(times_s) - min(times_s) if times_s else Fraction(0)
    return not video.is_multipart and shown_s > FASTER * elapsed_s


def has_size(container: Any) -> bool:
    """Whether it is known how many bytes there are."""
    try:
        return bool(container.size > 0)
    except av.error.FFmpegError:
        return False


def explained(address: str) -> AbstractContextManager[None]:
    """Raise the errors of FFmpeg and of the system as SourceError."""
    return raised_as(SourceError, f"{without_password(address)}: cannot be decoded", "Expected a whole video or image")


@contextmanager
def _reached(address: str) -> Iterator[None]:
    """What comes from no server, or from none that gives it, is no damaged video. Raises SourceError."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        fault = next((fault for kind, fault in FAULTS_OF_SERVERS.items() if isinstance(error, kind)), None)
        if fault is None or not is_url(address):
            raise
        what, advice = fault
        raise SourceError(f"{without_password(address)}: {what} ({reason_of(error)}). {advice}") from error


def _is_cover(stream: Any) -> bool:
    disposition = av.stream.Disposition
    return bool(stream.disposition & (disposition.attached_pic | disposition.timed_thumbnails))


def _is_default(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.default)


def _open_raw(pipe: Pipe, size: Size, rate: Fraction) -> Any:
    options = {"video_size": f"{size[0]}x{size[1]}", "pixel_format": "bgr24", "framerate": str(rate)}
    return av.open(pipe, format="rawvideo", options=options)
