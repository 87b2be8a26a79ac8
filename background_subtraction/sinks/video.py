"""Video files: frames at their own time, colours as players expect them, sound beside them."""

from __future__ import annotations

import logging
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from background_subtraction.sinks.base import (
    Quality,
    Sink,
    explained,
    gone,
    identity_of,
    make_folder_of,
    require_writable,
)
from background_subtraction.sinks.formats import ALL_CONTAINERS, VideoFormat
from background_subtraction.sinks.gif_palette import Palette
from background_subtraction.sinks.pictures import (
    Target,
    joined_options,
    says_aspect,
    target_of,
    warn_of_tone_mapping,
    with_light,
)
from background_subtraction.sinks.sound.side_tracks import SideTracks, check_side_tracks, side_tracks
from background_subtraction.sinks.timing import KEY_FRAME_EVERY_S, TIMINGS, KeyFrames, prompt_options
from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.demuxing.faults import reason_of
from background_subtraction.thread_budget import same_scheduling
from model_api.errors import SinkError
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import Picture, bgr_of, size_of, with_planes
from model_api.pictures.yuv_image import Plane, YuvFormat, YuvImage
from model_api.resize import fit_to_window_letterbox, next_multiples
from model_api.types import Size

FASTEST_RATE = Fraction(240)
"""Frames per second that encoders are told at most. SVT-AV1 refuses more, and times are kept whatever it is."""
UNTIMED = {"libx265": 2}
"""Encoder -> frames. The times of decoding of a video that has no more of them are whatever was in the memory."""

log = logging.getLogger(__name__)


class VideoSink(Sink):
    """A video file. Images: (H, W, 3) uint8 BGR, (H, W, 4) BGRA with straight alpha, or (H, W) grey levels."""

    def __init__(
        self, path: Path, format_: VideoFormat, source: SourceInfo, quality: Quality = Quality(), *, sound: bool = False
    ) -> None:
        """Open nothing yet.

        Args:
            path: the file.
            format_: container, codec and pixel format.
            source: where the images come from: their rate, and the sound to them.
            quality: constant quality or bit rate.
            sound: whether the source's sound, subtitles and metadata go along.

        Raises:
            SinkError: nothing can be written there.
            OptionError: the codec does not take this quality.
        """
        require_writable(path)
        self._path = path
        self._format = format_
        self._source = source
        self._options = joined_options(
            quality.options(format_, path), prompt_options(format_.codec.encoder, source.rate)
        )
        self._sound_path = source.sound if sound else None
        self._sound: SideTracks | None = None
        self._palette: Palette | None = None
        self._stream: Any = None
        self._target = Target(format_.pixel_format)
        self._timing = TIMINGS[format_.container.timing](source.rate)
        self._tick_s = self._timing.tick_s
        self._key_frames = KeyFrames()
        self._left_out = False
        self._before: Any = None
        self._end_s = Fraction(0)
        self._frames = 0
        self._complete = False
        self._identity: tuple[int, int] | None = None
        self._container: Any = None

    def check(self, size: Size) -> None:
        """Try an encoder that some machines do not have, and look at the sound."""
        if self._sound_path:
            check_side_tracks(self._sound_path, self._path, self._format.container)
        codec = self._format.codec
        if not codec.remedy:
            return
        with suppress(av.error.FFmpegError, ValueError):
            context = av.CodecContext.create(codec.encoder, "w")
            context.width, context.height = next_multiples(size, codec.multiple_px)
            context.pix_fmt, context.time_base = self._format.pixel_format, self._tick_s
            context.open(strict=False)
            return
        raise SinkError(f"{self._path}: {codec.encoder} does not start. {codec.remedy}")

    def takes(self, format_: YuvFormat) -> bool:
        """Whether only bits, range and chroma of planes in this format change."""
        return self._own_space is not None and self._own_space.converts_exactly(format_.space)

    @cached_property
    def _own_space(self) -> ColourSpace | None:
        """What the planes of frames with colours stand for in the file, None for RGB. Asked for with each frame."""
        form, size = self._source.form, self._source.size
        return target_of(self._format.codec, self._format.pixel_format, form, size, colours=True).space

    @property
    def square_pixels(self) -> bool:
        """Whether the file cannot say that they are not."""
        return not says_aspect(self._path, self._format.codec)

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        """Encode an image. Raises SinkError."""
        with explained(self._path):
            if self._stream is None:
                self._begin(picture)
            shown = self._timing.place(timestamp_s)
            for pts in shown.repeated:
                self._encode(self._before, pts)
            if shown.pts is None:
                self._warn_of_left_out()
                return
            self._before = self._converted(picture)
            self._encode(self._before, shown.pts)

    def _encode(self, frame: Any, pts: int) -> None:
        """Encode a frame, and the sound until it."""
        time_s = pts * self._tick_s
        frame.pts, frame.time_base = pts, self._tick_s
        frame.duration = round(1 / self._source.rate / self._tick_s)
        frame.pict_type = PictureType.I if self._key_frames.is_due(time_s) else PictureType.NONE
        self._end_s = time_s + 1 / self._source.rate
        self._frames += 1
        for ready in [frame] if self._palette is None else self._palette.apply(frame):
            self._container.mux(self._stream.encode(ready))
        if self._sound:
            self._sound.write_until(time_s)

    def _warn_of_left_out(self) -> None:
        if not self._left_out and self._timing.fastest is not None:
            limit, kind = float(self._timing.fastest), self._path.suffix
            log.warning("%s: frames are left out: this %s shows at most %.5g a second", self._path, kind, limit)
        self._left_out = True

    def finish(self) -> None:
        """Take the rest of the source's sound too."""
        self._complete = True

    def kept(self) -> str:
        """Return the name of the file, if its first frame can be decoded. What went into a pipe cannot be looked at."""
        if self._identity is None or self._identity != identity_of(self._path) or not self._path.is_file():
            return ""
        with suppress(av.error.FFmpegError, OSError, IndexError), av.open(f"file:{self._path}") as container:
            return str(self._path) if next(container.decode(video=0), None) else ""
        return ""

    def __enter__(self) -> VideoSink:
        make_folder_of(self._path)
        options = {**ALL_CONTAINERS, **self._format.container.options}
        with explained(self._path):
            self._container = av.open(f"file:{self._path}", "w", container_options=options)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with explained(self._path):
                self._end()
        except SinkError:
            if error is None:  # else the run ends with that error, and this one follows from it
                raise
        if error is None and self._stream is not None and self._identity != identity_of(self._path):
            raise gone(self._path)
        if self._stream is None and self._path.is_file() and not self._path.stat().st_size:
            self._path.unlink()  # nothing was written

    def _end(self) -> None:
        if self._stream is not None:
            for left in [] if self._palette is None else self._palette.rest():
                self._container.mux(self._stream.encode(left))
            self._container.mux(self._rest())
        if self._sound:
            self._sound.close(self._end_s, to_end=self._complete and self._source.to_end)
        self._container.close()

    def _rest(self) -> list[Any]:
        """The packets that wait in the encoder."""
        packets = list(self._stream.encode())
        if self._frames <= UNTIMED.get(self._format.codec.encoder, 0):
            for packet in packets:
                packet.dts = packet.pts
        return packets

    def _begin(self, picture: Picture) -> None:
        """The first image decides the size, made even where the codec wants that."""
        codec = self._format.codec
        size, form = next_multiples(size_of(picture), codec.multiple_px), self._source.form
        pal8 = self._format.pixel_format == "pal8"
        self._target = target_of(
            codec,
            "bgra" if pal8 else self._format.pixel_format,
            form,
            size,
            colours=isinstance(picture, YuvImage) or picture.ndim == 3,
        )
        warn_of_tone_mapping(self._path, form, self._target)
        options = with_light(self._options, codec.encoder, self._target, form.light)
        try:
            stream = self._container.add_stream(codec.encoder, rate=self._source.rate, options=options)
        except (ValueError, av.error.FFmpegError) as error:
            raise SinkError(f"{self._path}: no encoder {codec.encoder} here. {codec.remedy}".strip()) from error
        stream.width, stream.height = size
        stream.pix_fmt = self._format.pixel_format if pal8 else self._target.pixel_format
        self._start_encoder(stream)
        if pal8:
            self._palette = Palette(stream.width, stream.height, self._tick_s)
        if self._sound_path:
            self._sound = side_tracks(self._sound_path, self._source.begin_s, self._container, self._format.container)
        self._container.start_encoding()
        self._identity = identity_of(self._path)
        self._stream = stream  # only now there is a file to close: a header that fails leaves none

    def _start_encoder(self, stream: Any) -> None:
        codec, context = self._format.codec, stream.codec_context
        stream.thread_type = "AUTO"
        stream.gop_size = max(1, round(KEY_FRAME_EVERY_S * self._source.rate))
        context.framerate = min(self._source.rate, FASTEST_RATE)
        if not self._format.container.reorders:
            context.max_b_frames = 0
        if codec.tag:
            context.codec_tag = codec.tag
        self._target.label(context)
        if not self.square_pixels:
            context.sample_aspect_ratio = self._source.form.pixel_aspect
        context.time_base = stream.time_base = self._tick_s
        try:
            with same_scheduling():
                context.open(strict=False)
        except av.error.FFmpegError as error:
            said = codec.remedy or reason_of(error)
            raise SinkError(f"{self._path}: {codec.encoder} does not start. {said}") from error

    def _converted(self, picture: Picture) -> Any:
        return self._target.frame_of(_of_size(picture, self._stream.width, self._stream.height))


def _of_size(picture: Picture, width: int, height: int) -> Picture:
    """Up to a pixel is added by repeating the edge; any other size is fitted with empty bars."""
    own_width, own_height = size_of(picture)
    missing_x, missing_y = width - own_width, height - own_height
    if (missing_x, missing_y) == (0, 0):
        return picture if isinstance(picture, YuvImage) else np.ascontiguousarray(picture)
    if 0 <= missing_x <= 1 and 0 <= missing_y <= 1:
        return with_planes(picture, _padded, (width, height))
    return fit_to_window_letterbox((own_width, own_height), (width, height)).apply(bgr_of(picture))


def _padded(plane: Plane, size: Size) -> Plane:
    below, beside = size[1] - plane.shape[0], size[0] - plane.shape[1]
    return cv2.copyMakeBorder(plane, 0, below, 0, beside, cv2.BORDER_REPLICATE) if below or beside else plane
