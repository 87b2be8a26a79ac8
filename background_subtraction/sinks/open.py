"""Which sink writes to an output."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES
from background_subtraction.sinks.base import DeviceOutput, Encoding, Output, Sink
from background_subtraction.sinks.formats import CONTAINERS, video_format
from background_subtraction.sinks.images import ImageSink
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sinks.virtual_camera import VirtualCamera
from background_subtraction.sources.base import SourceInfo
from model_api.errors import SinkError

TRANSPARENT_IMAGES = (".png", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Device:
    """A kind of device. summary: the help of its option. make: from the name, "" for the first that is free."""

    summary: str
    make: Callable[[str, SourceInfo], Sink]


DEVICES: Mapping[str, Device] = {
    "virtual_camera": Device(
        "Show composites as a camera to other programs.",
        lambda name, source: VirtualCamera(name or None, source.rate, pace=not source.live),
    ),
}
"""Kind, which is the name of its option too -> what it is. Another device is another row."""


def open_sink(output: Output | DeviceOutput, encoding: Encoding, source: SourceInfo) -> Sink:
    """Choose the sink: a device, a video by the ending of the name, or images by a pattern or in a folder.

    Raises:
        SinkError: nothing can be written there.
        OptionError: the codec does not take the quality.
    """
    if isinstance(output, DeviceOutput):
        return DEVICES[output.kind].make(output.name, source)
    if output.names:
        return ImageSink(output.path, output.names)
    path = file_of(output, encoding)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _image_sink(path, source, output.view)
    chosen = video_format(path, encoding.codec, alpha=output.view == "transparent")
    return VideoSink(path, chosen, source, encoding.quality, sound=has_sound(output, encoding))


def has_sound(output: Output, encoding: Encoding) -> bool:
    """Whether a video gets the input's sound, subtitles and metadata."""
    return encoding.sound and output.view not in ("alpha", "foreground")


def file_of(output: Output, encoding: Encoding) -> Path:
    """Return the file, or the pattern of the image files.

    In a folder these are 0000.png, 0001.png, …, as RobustVideoMatting names them.
    """
    if output.names:
        return output.path / f"{output.names[0]}.png"
    folder = os.path.isdir(output.path) and output.path.suffix.lower() not in CONTAINERS
    is_sequence = encoding.type == "png_sequence" or (not encoding.type and folder)
    return output.path / "%04d.png" if is_sequence else output.path


def _image_sink(path: Path, source: SourceInfo, view: str) -> Sink:
    if "%" not in path.name and source.frames != 1:
        raise SinkError(
            f"{path}: one name for many images. Expected a pattern, for example {path.stem}_%05d{path.suffix}"
        )
    if view == "transparent" and path.suffix.lower() not in TRANSPARENT_IMAGES:
        raise SinkError(f"{path}: {path.suffix} images hold no transparency. Expected .png")
    return ImageSink(path)
