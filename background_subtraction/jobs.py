"""Which inputs make which outputs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from background_subtraction.image_files import IMAGE_SUFFIXES, files_in, images_at, is_pattern
from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sinks.formats import CONTAINERS
from background_subtraction.sources.camera import is_camera
from background_subtraction.sources.demuxing.addresses import local_path
from background_subtraction.sources.images import IMAGE_RATE
from background_subtraction.sources.open import is_live
from background_subtraction.sources.selection import Selection
from model_api.errors import OptionError, SourceError

VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in [
        "3g2",
        "3gp",
        "apng",
        "asf",
        "av1",
        "avi",
        "divx",
        "dv",
        "f4v",
        "flv",
        "gif",
        "h264",
        "h265",
        "hevc",
        "ivf",
        "m1v",
        "m2t",
        "m2ts",
        "m2v",
        "m4v",
        "mjpeg",
        "mjpg",
        "mkv",
        "mov",
        "mp4",
        "mpeg",
        "mpg",
        "mts",
        "mxf",
        "nut",
        "obu",
        "ogg",
        "ogm",
        "ogv",
        "qt",
        "ts",
        "vob",
        "webm",
        "wmv",
        "wtv",
        "y4m",
    ]
)
DEFAULT_SUFFIX = ".mp4"
TRANSPARENT_SUFFIX = ".webm"
UNMARKED = ("composite", "side by side", "transparent")
"""Views whose files have the name of the input alone."""


@dataclass(frozen=True)
class Clip:
    """One input, with a state of its own, and its outputs."""

    address: str
    outputs: tuple[Output, ...]

    @property
    def name(self) -> str:
        """For people and for the names of files: that of the file, or of the folder of numbered images."""
        address = local_path(self.address)
        if is_live(address):
            return _live_name(address)
        path = Path(address)
        return path.parent.name or path.stem if is_pattern(address) else path.stem


def expand(inputs: Sequence[str]) -> list[str]:
    """List the addresses of all clips. A folder of videos stands for the videos in it.

    Raises:
        SourceError: a folder holds both images and videos.
    """
    return [address for name in inputs for address in _addresses(name)]


def plan(
    inputs: Sequence[str], outputs: tuple[Output, ...], encoding: Encoding, selection: Selection = Selection()
) -> list[Clip]:
    """Name the outputs of each input.

    One input has its outputs as they are named. In an output that is a folder, and for several inputs all are, a video
    becomes a file of its own name, and images become images of their own names.

    Raises:
        SourceError: a folder holds both images and videos.
        OptionError: several inputs, and outputs that are no folders, or two inputs of one name.
    """
    addresses = expand(inputs)
    several = addresses != [inputs[0]]
    for output in outputs if several else ():
        if output.path.suffix and not is_folder(output):
            raise OptionError(f"{output.path}: several inputs need an output folder, such as results/", "outputs")
    clips = [Clip(address, ()) for address in addresses]
    if outputs and several:
        _require_own_names(clips)
    return [
        replace(clip, outputs=tuple(_named(output, clip, encoding, selection, several=several) for output in outputs))
        for clip in clips
    ]


def is_folder(output: Output) -> bool:
    """Whether an output is a folder: it says so, or it exists as one."""
    return output.folder or (os.path.isdir(output.path) and output.path.suffix.lower() not in CONTAINERS)


def _addresses(name: str) -> list[str]:
    folder = Path(local_path(name))
    if not folder.is_dir():
        return [name]
    files = files_in(folder)
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    if videos and any(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        raise SourceError(f"{name}: holds both images and videos. Put the images, or the videos, into another folder")
    return [str(path) for path in videos] or [name]


def _live_name(address: str) -> str:
    """The name of a camera, a pipe or a stream. What may be secret in an address is not part of it."""
    url = urlsplit(address)
    if url.scheme:
        return Path(url.path).stem or url.hostname or url.scheme
    return f"camera_{Path(address).name}" if is_camera(address) else "pipe"


def _require_own_names(clips: list[Clip]) -> None:
    names = [clip.name for clip in clips]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(
            f"Several inputs are named {', '.join(twice)}: their outputs would overwrite each other", "inputs"
        )


def _named(output: Output, clip: Clip, encoding: Encoding, selection: Selection, *, several: bool) -> Output:
    if not several and not is_folder(output):
        return output
    if encoding.type == "png_sequence":
        return replace(output, path=output.path / clip.name) if several else output
    images = _images_of(clip.address) if encoding.type != "video" else []
    if images:
        is_file = images == [Path(clip.address)]
        folder = output.path if is_file or not several else output.path / clip.name
        return replace(output, path=folder, names=_own_names(images, selection))
    suffix = TRANSPARENT_SUFFIX if output.view == "transparent" else DEFAULT_SUFFIX
    ending = suffix if output.view in UNMARKED else f"_{output.view}{suffix}"
    return replace(output, path=output.path / f"{clip.name}{ending}")


def _images_of(address: str) -> list[Path]:
    """The images that an input consists of, none for a video."""
    return [] if "://" in address else [path for path in images_at(address) if path.suffix.lower() in IMAGE_SUFFIXES]


def _own_names(images: list[Path], selection: Selection) -> tuple[str, ...]:
    """The names of the images of this part without their endings; with them, where others would have the same name."""
    stems = Counter(path.stem.casefold() for path in images)
    names = [path.stem if stems[path.stem.casefold()] == 1 else path.name for path in images]
    times = zip(names, (index / (selection.rate or IMAGE_RATE) for index in range(len(names))), strict=True)
    part = [name for name, time_s in times if selection.start_s <= time_s < (selection.end_s or time_s + 1)]
    return tuple(part[selection.skip :])
