"""Videos, pipes and streams as sources of frames."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from time import sleep
from typing import Any

import av

from background_subtraction.sources.base import UNKNOWN_RATE, Closing, SourceInfo, numbered
from background_subtraction.sources.deinterlacing import deinterlaced
from background_subtraction.sources.pictures import BGR_FORM, PictureForm, decoded, form_of, picture_of
from background_subtraction.sources.selection import Selection, Timed
from background_subtraction.thread_budget import BESIDE_INFERENCE
from model_api.errors import SourceError
from model_api.pictures.picture import Picture, size_of
from model_api.types import Frame, Size

STREAM_TIMEOUT_S = 10.0
RECONNECTS, RECONNECT_EVERY_S = 5, 1.0
RECONNECT = {"reconnect": "1", "reconnect_streamed": "1", "reconnect_on_network_error": "1", "reconnect_delay_max": "5"}
"""FFmpeg's own, for http and https."""
PIPE = "-"

log = logging.getLogger(__name__)


class VideoSource(Closing):
    """A video file, pipe or stream that PyAV decodes, turned upright by its metadata."""

    def __init__(
        self, address: str, *, loop: bool = False, selection: Selection = Selection(), live: bool = False
    ) -> None:
        """Open it and decode the first frame.

        Args:
            address: a file, a URL, or "-" for a pipe.
            loop: start again at the end.
            selection: which part, and at which size.
            live: whether it is a pipe or a stream.

        Raises:
            SourceError: it cannot be opened or decoded.
        """
        self._address = address
        self._loop = loop
        self._live = live
        self._selection = selection
        self._broken_off = False
        self._form: PictureForm | None = None
        self._container = self._open()
        stream = self._container.streams.video[0]
        self._rate = Fraction(selection.rate or stream.average_rate or stream.guessed_rate or UNKNOWN_RATE)
        self._frames = selection.of(self._decode(self._container))
        first = next(self._frames, None)
        if first is None:
            self.close()
            raise SourceError(
                f"{address}: a video without a single frame{'' if selection == Selection() else ' in this part'}"
            )
        self._begun = [first]
        self.info = self._described(first, stream)

    def __enter__(self) -> VideoSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(self._turn, self.info.rate, lambda: self._loop or self._broken_off)

    def close(self) -> None:
        """Close the file or the connection."""
        self._container.close()

    def _described(self, first: Timed, stream: Any) -> SourceInfo:
        width, height = size_of(first[0])
        whole = not (self._loop or self._live)
        frames = self._selection.count(_frame_count(self._container, stream, self._rate), self._rate) if whole else None
        sound = self._address if whole else None
        begin_s, to_end = first[1] + _start_s(stream), self._selection.end_s is None
        drops = self._live and self._address != PIPE and self._container.duration is None
        return SourceInfo(
            self._address,
            (width, height),
            self._rate,
            frames,
            self._live,
            drops,
            sound,
            begin_s,
            to_end,
            self._form or BGR_FORM,
        )

    def _turn(self) -> Iterator[Timed]:
        """The first turn goes on where the opening stopped, the others start again."""
        begun, self._begun = self._begun, []
        if not begun:
            self._container.close()
            self._container = self._open_again()
            self._frames = self._selection.of(self._decode(self._container))
        self._broken_off = False
        try:
            yield from chain(begun, self._frames)
        except SourceError as error:
            if not self._live or self._address == PIPE:
                raise
            log.warning("%s Connecting again", error)
            self._broken_off = True

    def _open_again(self) -> Any:
        """A stream may need a while to come back."""
        for _ in range(RECONNECTS if self._broken_off else 0):
            with suppress(SourceError):
                return self._open()
            sleep(RECONNECT_EVERY_S)
        return self._open()

    def _open(self) -> Any:
        options, timeout_s = {}, None
        if self._live:
            options = RECONNECT if self._address.startswith(("http:", "https:")) else {}
            timeout_s = None if self._address == PIPE else STREAM_TIMEOUT_S
        with _explained(self._address):
            if self._address == PIPE and self._selection.raw_size:
                container = _open_raw(self._selection.raw_size, self._selection.rate or UNKNOWN_RATE)
            else:
                address = "pipe:0" if self._address == PIPE else self._address
                container = av.open(address, options=options, timeout=timeout_s)
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self._address}: there is no video stream in it. Expected a video or an image")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = BESIDE_INFERENCE
        if self._selection.start_s and not self._live:
            container.seek(int((self._selection.start_s + _start_s(stream)) * av.time_base))
        return container

    def _decode(self, container: Any) -> Iterator[Timed]:
        stream = container.streams.video[0]
        start_s = _start_s(stream)
        with _explained(self._address):
            for number, frame in enumerate(deinterlaced(decoded(container, stream), self._address)):
                timed = frame.pts is not None and frame.time_base is not None
                time_s = frame.pts * frame.time_base - start_s if timed else number / self._rate
                yield self._picture(frame), time_s

    def _picture(self, frame: Any) -> Picture:
        picture = picture_of(frame)
        if self._form is None:
            stream = self._container.streams.video[0]
            aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
            self._form = form_of(frame, picture, aspect, self._selection.size)
            if not self._form.tags.understood:
                log.warning("%s: colours by a matrix that is not known (%d)", self._address, self._form.tags.matrix)
        return picture


def _frame_count(container: Any, stream: Any, rate: Fraction) -> int | None:
    """The number in the header, else the number that follows from the duration."""
    if stream.frames:
        return int(stream.frames)
    if container.duration is None:
        return None
    # In a file that begins late, the duration counts the time before the first frame too.
    return round((container.duration - (container.start_time or 0)) * rate / av.time_base)


def _start_s(stream: Any) -> Fraction:
    return Fraction(0) if stream.start_time is None else Fraction(stream.start_time * stream.time_base)


def _open_raw(size: Size, rate: Fraction) -> Any:
    options = {"video_size": f"{size[0]}x{size[1]}", "pixel_format": "bgr24", "framerate": str(rate)}
    return av.open("pipe:0", format="rawvideo", options=options)


@contextmanager
def _explained(address: str) -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{address}: cannot be decoded ({text}). Expected a whole video or image") from error
