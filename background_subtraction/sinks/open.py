"""Which sink writes to a path: chosen by its name."""

from __future__ import annotations

from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES
from background_subtraction.sinks.base import Encoding, Output, Sink, explained
from background_subtraction.sinks.formats import CONTAINERS, video_format
from background_subtraction.sinks.images import ImageSink
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sources.base import SourceInfo
from model_api.errors import SinkError


def open_sink(output: Output, encoding: Encoding, source: SourceInfo) -> Sink:
    """A video by its ending, or images: one by its name, many by a pattern such as out_%05d.png or in a folder.

    Raises SinkError before anything is computed if nothing can be written there.
    """
    path = output.path
    folder = path.is_dir() and path.suffix.lower() not in CONTAINERS
    if encoding.type == "png_sequence" or (not encoding.type and folder):
        path = _sequence_in(path)
    if not path.parent.is_dir():
        raise SinkError(f"{path}: there is no folder {path.parent}. Make it first, or choose another")
    if Path(source.name).exists() and path.exists() and path.samefile(source.name):
        raise SinkError(f"{path}: is the input itself, and would be overwritten. Choose another name")
    transparent = output.view == "transparent"
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _image_sink(path, source, transparent)
    chosen = video_format(path, encoding.codec, transparent)
    has_sound = encoding.sound and output.view not in ("alpha", "foreground")
    return VideoSink(path, chosen, source, encoding.quality, has_sound)


def _sequence_in(folder: Path) -> Path:
    """RobustVideoMatting's way: a folder of 0000.png, 0001.png, …"""
    with explained(folder):
        folder.mkdir(exist_ok=True)
    return folder / "%04d.png"


def _image_sink(path: Path, source: SourceInfo, transparent: bool) -> Sink:
    if "%" not in path.name and source.frames != 1:
        raise SinkError(
            f"{path}: one name for many images. Expected a pattern, for example {path.stem}_%05d{path.suffix}"
        )
    if transparent and path.suffix.lower() not in (".png", ".webp", ".tif", ".tiff"):
        raise SinkError(f"{path}: {path.suffix} images hold no transparency. Expected .png")
    return ImageSink(path)
