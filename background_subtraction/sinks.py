"""Where pictures go: a video file, image files. The preview window is in window.py."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av
import cv2
import numpy as np

from background_subtraction.codecs import video_format
from background_subtraction.images import IMAGE_SUFFIXES
from background_subtraction.sources import SourceInfo
from model_api.errors import SinkError
from model_api.resize import fit_to_window_letterbox
from model_api.types import Image

HD_HEIGHT_PX = 720
"""From this height on colours are BT.709, below BT.601, as players assume."""
BT709, BT601 = 1, 6
"""ITU-T H.273's numbers for them."""


class Sink(Protocol):
    """A context manager that takes images in the order of their time; leaving it makes the output whole.

    full: it wants no more.
    """

    @property
    def full(self) -> bool: ...

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        """image: (H, W, 3) uint8 BGR. Raises SinkError; what was written before stays usable."""

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_sink(path: Path | None, source: SourceInfo, limit: int = 0) -> Sink:
    """A video by its ending, or images: one by its name, many by a pattern such as out_%05d.png; None for none.

    limit: images that are written, 0 for all. Raises SinkError before anything is computed if nothing can be
    written there.
    """
    if path is None:
        return NoSink()
    sink = _file_sink(path, source)
    return LimitedSink(sink, limit) if limit else sink


def _file_sink(path: Path, source: SourceInfo) -> Sink:
    if not path.parent.is_dir():
        raise SinkError(f"{path}: there is no folder {path.parent}. Make it first, or choose another")
    if Path(source.name).exists() and path.exists() and path.samefile(source.name):
        raise SinkError(f"{path}: is the input itself, and would be overwritten. Choose another name")
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return VideoSink(path, source.rate, keep_time=source.live)
    if "%" not in path.name and source.frames != 1:
        raise SinkError(
            f"{path}: one name for many images. Expected a pattern, for example {path.stem}_%05d{path.suffix}"
        )
    return ImageSink(path)


class NoSink:
    """For runs that only show, or only measure."""

    full = False

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        """Nowhere."""

    def __enter__(self) -> NoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


class LimitedSink:
    """Another sink's first `limit` images."""

    def __init__(self, sink: Sink, limit: int) -> None:
        self._sink = sink
        self._left = limit

    @property
    def full(self) -> bool:
        return self._left == 0

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        if self._left:
            self._left -= 1
            self._sink.write(image, index, timestamp_s)

    def __enter__(self) -> LimitedSink:
        self._sink.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sink.__exit__(kind, error, trace)


class ImageSink:
    """Image files, named by the frame's index where the name has a pattern such as %05d."""

    full = False

    def __init__(self, path: Path) -> None:
        self._path = path
        with _explained(path):
            if not os.access(path.parent, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        try:
            self._name_of(0)
        except (TypeError, ValueError):
            raise SinkError(f"{path}: not a pattern for one number. Expected for example out_%05d.png") from None

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        encoded, data = cv2.imencode(self._path.suffix, image)
        if not encoded:
            raise SinkError(f"{self._path}: OpenCV cannot write {self._path.suffix} images of {image.shape}")
        with _explained(self._path):
            (self._path.parent / self._name_of(index)).write_bytes(data.tobytes())

    def _name_of(self, index: int) -> str:
        return self._path.name % index if "%" in self._path.name else self._path.name

    def __enter__(self) -> ImageSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every image is whole when it has been written."""


class VideoSink:
    """A video file. rate: frames per second, exactly. keep_time: for live sources, whose frames come when
    they come: each is shown at its own time, to the nearest 1/rate; else they follow each other evenly."""

    full = False

    def __init__(self, path: Path, rate: Fraction, keep_time: bool = False) -> None:
        self._path = path
        self._format = video_format(path)
        self._rate = rate
        self._keep_time = keep_time
        self._stream: av.VideoStream | None = None
        self._next_tick = 0
        with _explained(path):
            self._container = av.open(str(path), "w", container_options=dict(self._format.container_options))

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        with _explained(self._path):
            stream = self._stream = self._stream or self._begin(image)
            frame = self._converted(image, stream)
            frame.pts = max(self._next_tick, round(timestamp_s * self._rate) if self._keep_time else 0)
            self._next_tick = frame.pts + 1
            self._container.mux(stream.encode(frame))

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with _explained(self._path):
                if self._stream is not None:
                    self._container.mux(self._stream.encode())
                self._container.close()
        except SinkError:
            if error is None:  # else the run ends with the first error, of which this is but the echo
                raise
        if self._stream is None:
            self._path.unlink(missing_ok=True)

    def _begin(self, image: Image) -> av.VideoStream:
        """The first image decides the size, made even where the codec wants that."""
        height, width = image.shape[:2]
        multiple = self._format.multiple_px
        stream = self._container.add_stream(self._format.codec, rate=self._rate, options=dict(self._format.options))
        stream.width, stream.height = (-(-side // multiple) * multiple for side in (width, height))
        stream.pix_fmt = self._format.pixel_format
        stream.thread_type = "AUTO"
        matrix = BT709 if height >= HD_HEIGHT_PX and not self._format.full_range else BT601
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = matrix
        context.color_range = 2 if self._format.full_range else 1
        context.time_base = 1 / self._rate
        return stream

    def _converted(self, image: Image, stream: av.VideoStream) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(_of_size(image, stream.width, stream.height), format="bgr24")
        context = stream.codec_context
        return frame.reformat(
            format=self._format.pixel_format,
            dst_colorspace=context.colorspace,
            dst_color_range=context.color_range,
        )


def _of_size(image: Image, width: int, height: int) -> Image:
    """Up to a pixel is added by repeating the edge; any other size is fitted with black bars."""
    missing_x, missing_y = width - image.shape[1], height - image.shape[0]
    if (missing_x, missing_y) == (0, 0):
        return np.ascontiguousarray(image)
    if 0 <= missing_x <= 1 and 0 <= missing_y <= 1:
        return cv2.copyMakeBorder(image, 0, missing_y, 0, missing_x, cv2.BORDER_REPLICATE)
    return fit_to_window_letterbox((image.shape[1], image.shape[0]), (width, height)).apply(image)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise SinkError(f"{path}: cannot be written ({text}). What was written before is kept") from error
