"""Videos, pipes and streams as sources of frames."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, dropwhile
from stat import S_ISFIFO
from threading import Event
from time import perf_counter
from typing import Any

import av

from background_subtraction.sources.base import Closing, SourceInfo, numbered
from background_subtraction.sources.deinterlacing import deinterlaced
from background_subtraction.sources.demuxing.addresses import is_url, local_path, without_password
from background_subtraction.sources.demuxing.container import (
    PIPE,
    OpenVideo,
    explained,
    is_finite,
    is_http,
    name_for_ffmpeg,
    open_video,
)
from background_subtraction.sources.demuxing.packets import decoded, looked_ahead
from background_subtraction.sources.demuxing.pipe import Pipe
from background_subtraction.sources.demuxing.timeline import (
    continuous,
    frame_count,
    header_rate,
    longest_gap_s,
    measured_rate,
)
from background_subtraction.sources.pictures import BGR_FORM, PictureForm, alpha_decoder, form_of, picture_of
from background_subtraction.sources.selection import Selection, Timed
from model_api.errors import SourceError
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import Picture, size_of
from model_api.resize import resize_picture
from model_api.types import Frame, Size

RECONNECTS, RECONNECT_EVERY_S = 5, 1.0
LOOK_AHEAD = 64
"""Packets whose times tell the rate where the header does not."""
EARLIER_S = (0, 2, 8, 32, 128)
"""Seconds before the target from which decoding begins: a key frame must lie between."""

log = logging.getLogger(__name__)


class VideoSource(Closing):
    """A video file, pipe or stream that PyAV decodes, turned upright by its metadata.

    Attributes:
        first_s: when the first frame is shown, in seconds from the video's beginning.
    """

    def __init__(self, address: str, *, loop: bool = False, selection: Selection = Selection()) -> None:
        """Open it and decode the first frame.

        Args:
            address: a file, a named pipe, a URL, or "-" for a pipe.
            loop: start again at the end, where there is one.
            selection: which part, and at which size.

        Raises:
            SourceError: it cannot be opened or decoded.
        """
        self._address = address
        self._name = without_password(address)
        self._selection = selection
        self._broken_off = False
        self._stopped = Event()
        self._form: PictureForm | None = None
        started_s = perf_counter()
        self._pipe = Pipe()
        self._is_pipe = address == PIPE or _has_name_of_pipe(address)
        self._video = open_video(address, selection, self._pipe)
        try:
            rate = selection.rate or header_rate(self._video.container, self._video.stream)
            ahead, packets = looked_ahead(self._video.packets(), 0 if self._is_known(rate) else LOOK_AHEAD)
            times_s = [packet.pts * packet.time_base for packet in ahead if packet.pts is not None]
            self._live = self._is_pipe or (
                is_url(address) and not is_finite(self._video, times_s, perf_counter() - started_s)
            )
            self._loop = loop and not self._live
            self._rate = rate or measured_rate(times_s, self._video.stream.guessed_rate)
            self._start_s = self._video.start_s
            self._frames = selection.of(self._from_start(packets))
            first = next(self._frames, None)
            if first is None:
                part = "" if selection == Selection() else " in this part"
                raise SourceError(f"{self._name}: a video without a single frame{part}")
        except BaseException:
            self.close()
            raise
        self._begun = [first]
        self.first_s = first[1]
        self.info = self._described(first)

    def __enter__(self) -> VideoSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(self._turn, self.info.rate, self._again)

    def interrupt(self) -> None:
        """End a read from a pipe that says nothing, and connect to no stream again."""
        self._stopped.set()
        self._pipe.stop()

    def close(self) -> None:
        """Close the file or the connection."""
        self._video.container.close()

    def _is_known(self, rate: Fraction | None) -> bool:
        """Whether nothing depends on the times of the first packets: neither the rate nor what a web server sends."""
        paced = self._video.container.duration is None and self._video.without_length
        return self._video.is_multipart or not (rate is None or paced)

    def _again(self) -> bool:
        return (self._loop or self._broken_off) and not self._stopped.is_set()

    def _described(self, first: Timed) -> SourceInfo:
        width, height = size_of(first[0])
        whole = not (self._loop or self._live)
        count = frame_count(self._video.container, self._video.stream, self._rate)
        return SourceInfo(
            self._name,
            (width, height),
            self._rate,
            frames=self._selection.count(count, self._rate) if whole else None,
            live=self._live,
            drops=self._live and not self._is_pipe,
            sound=name_for_ffmpeg(self._address) if whole else None,
            begin_s=first[1] + self._start_s,
            to_end=self._selection.end_s is None,
            form=self._form or BGR_FORM,
        )

    def _turn(self) -> Iterator[Timed]:
        """The first turn goes on where the opening stopped, the others start again."""
        begun, self._begun = self._begun, []
        if not begun:
            self.close()
            self._video = self._open_again()
            self._frames = self._selection.of(self._from_start(self._video.packets()))
        self._broken_off = False
        try:
            yield from chain(begun, self._frames)
        except SourceError as error:
            if self._stopped.is_set():
                return
            if not self._live or self._is_pipe:
                raise
            log.warning("%s Connecting again", error)
            self._broken_off = True

    def _open_again(self) -> OpenVideo:
        """A stream may need a while to come back."""
        for _ in range(RECONNECTS if self._broken_off else 0):
            with suppress(SourceError):
                return self._reopened()
            if self._stopped.wait(RECONNECT_EVERY_S):
                break
        return self._reopened()

    def _reopened(self) -> OpenVideo:
        video = open_video(self._address, self._selection, self._pipe)
        # What broke off was a file after all, if a web server gives it from its beginning again.
        if self._broken_off and is_http(self._address) and video.has_times and video.start_s == self._start_s:
            video.container.close()
            self._live = False
            raise SourceError(f"{self._name}: broke off, and begins again from its start. What came before is kept")
        return video

    def _from_start(self, packets: Iterator[Any]) -> Iterator[Timed]:
        """The images from the selection's start on, and perhaps some before.

        Formats without an index, such as MPEG-TS, seek to any frame: then decoding begins again earlier.
        """
        target_s = self._selection.start_s
        if not target_s or self._live or not self._video.has_times:
            return self._images(packets)
        for earlier_s in EARLIER_S:
            if earlier_s < target_s and (images := self._sought(target_s, target_s - earlier_s)):
                return images
        self.close()
        self._video = open_video(self._address, self._selection, self._pipe)
        return self._images(self._video.packets())

    def _sought(self, target_s: Fraction, from_s: Fraction) -> Iterator[Timed] | None:
        """The images from the last key frame before `from_s`. None where the first one is after the target."""
        try:
            images = self._images(self._video.packets(from_s), sought=True)
            first = next(images, None)
        except (av.error.FFmpegError, SourceError):
            return None
        return chain([first], images) if first is not None and first[1] <= target_s else None

    def _images(self, packets: Iterable[Any], *, sought: bool = False) -> Iterator[Timed]:
        with explained(self._address):
            timed: Iterator[tuple[Any, Fraction | None]] = self._timed(packets)
            if sought:
                timed = dropwhile(lambda pair: pair[1] is None, timed)
            first_wh: Size | None = None
            changed = False
            whole = deinterlaced(timed, self._name)
            for frame, time_s in continuous(whole, 1 / self._rate, longest_gap_s(self._video.container)):
                picture = self._picture(frame)
                size = size_of(picture)
                first_wh = first_wh or size
                if size != first_wh and not changed:
                    changed = True
                    log.warning(
                        "%s: from %.1f s on its frames have another size, %d×%d. They are scaled to %d×%d",
                        self._name, time_s, *size, *first_wh,
                    )  # fmt: skip
                yield picture if size == first_wh else resize_picture(picture, first_wh), time_s

    def _picture(self, frame: Any) -> Picture:
        picture = picture_of(frame)
        if self._form is None:
            self._form = form_of(frame, picture, self._video.pixel_aspect, self._selection.size)
            if not self._form.tags.understood:
                log.warning(
                    "%s: colours by matrix %d of ITU-T H.273 cannot be converted: taken for %s, they are not exact",
                    self._name, self._form.tags.matrix, _name_of(self._form.space),
                )  # fmt: skip
        return picture

    def _timed(self, packets: Iterable[Any]) -> Iterator[tuple[Any, Fraction | None]]:
        """Frames and their times in seconds from the stream's start, None where they are missing."""
        begun_s = perf_counter()
        video = self._video
        by_arrival = self._live and video.is_multipart
        is_timed = video.has_times or by_arrival
        for number, (frame, time) in enumerate(decoded(packets, self._name, alpha_decoder(video.stream))):
            if by_arrival:
                yield frame, Fraction(round((perf_counter() - begun_s) * 1_000_000), 1_000_000)
            elif not is_timed:
                yield frame, number / self._rate
            else:
                yield frame, None if time is None or not frame.time_base else time * frame.time_base - self._start_s


def _name_of(space: ColourSpace | None) -> str:
    return "RGB" if space is None else space.matrix.upper().replace("BT", "BT.")


def _has_name_of_pipe(address: str) -> bool:
    with suppress(OSError, ValueError):  # no file, or no name that a file can have
        return S_ISFIFO(os.stat(local_path(address)).st_mode)
    return False
