"""Which inputs make which outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from background_subtraction.image_files import IMAGE_SUFFIXES, files_in, is_pattern
from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sources.addresses import is_url, local_path, without_password
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
        path = Path(without_password(urlsplit(address).path if is_url(address) else address))
        return path.parent.name or path.stem if is_pattern(address) else path.stem or without_password(self.address)


def expand(inputs: Sequence[str]) -> list[str]:
    """List the addresses of all clips. A folder of videos stands for the videos in it.

    Raises:
        SourceError: a folder holds both images and videos.
    """
    return [address for name in inputs for address in _addresses(name)]


def plan(inputs: Sequence[str], outputs: tuple[Output, ...], encoding: Encoding) -> list[Clip]:
    """Name the outputs of each input.

    One input has its outputs as they are named. For several the outputs are folders, where each input gets a file, or
    a folder of images, of its own name.

    Raises:
        SourceError: a folder holds both images and videos.
        OptionError: several inputs, and outputs that are no folders, or two inputs of one name.
    """
    addresses = expand(inputs)
    if addresses == [inputs[0]]:
        return [Clip(addresses[0], outputs)]
    for output in outputs:
        if output.path.suffix and not output.path.is_dir():
            raise OptionError(f"{output.path}: several inputs need an output folder, such as results/", "outputs")
    clips = [Clip(address, ()) for address in addresses]
    if outputs:
        _require_own_names(clips)
    return [replace(clip, outputs=tuple(_named(output, clip.name, encoding) for output in outputs)) for clip in clips]


def _addresses(name: str) -> list[str]:
    folder = Path(local_path(name))
    if not folder.is_dir():
        return [name]
    files = files_in(folder)
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    if videos and any(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        raise SourceError(f"{name}: holds both images and videos. Put the images, or the videos, into another folder")
    return [str(path) for path in videos] or [name]


def _require_own_names(clips: list[Clip]) -> None:
    names = [clip.name for clip in clips]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(
            f"Several inputs are named {', '.join(twice)}: their outputs would overwrite each other", "inputs"
        )


def _named(output: Output, name: str, encoding: Encoding) -> Output:
    if encoding.type == "png_sequence":
        return replace(output, path=output.path / name)
    suffix = TRANSPARENT_SUFFIX if output.view == "transparent" else DEFAULT_SUFFIX
    ending = suffix if output.view in UNMARKED else f"_{output.view}{suffix}"
    return replace(output, path=output.path / f"{name}{ending}")
