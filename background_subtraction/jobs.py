"""Which inputs make which outputs."""

from __future__ import annotations

import glob
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from background_subtraction.image_files import IMAGE_SUFFIXES, files_in, images_at, is_pattern, natural_key
from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sinks.formats import CONTAINERS
from background_subtraction.sources.camera import is_camera
from background_subtraction.sources.demuxing.addresses import local_path
from background_subtraction.sources.images import IMAGE_RATE
from background_subtraction.sources.open import is_live
from background_subtraction.sources.selection import Selection
from model_api.errors import OptionError, SourceError

VIDEO_SUFFIXES = frozenset([
    ".3g2", ".3gp", ".apng", ".asf", ".av1", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265",
    ".hevc", ".ivf", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".obu", ".ogg", ".ogm", ".ogv", ".qt", ".ts", ".vob", ".webm",
    ".wmv", ".wtv", ".y4m",
])  # fmt: skip
DEFAULT_SUFFIX = ".mp4"
TRANSPARENT_SUFFIX = ".webm"
UNMARKED = ("composite", "side by side", "transparent")
"""Views whose files have the name of the input alone."""
PART = ".part"
"""What the name of an output ends in until it is whole, before the ending that says its format."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """One input, with a state of its own, and its outputs.

    Args:
        address: the input.
        outputs: files.
        folder: where it lies below the folder that was named, "" for right in it: outputs lie likewise.
    """

    address: str
    outputs: tuple[Output, ...] = ()
    folder: str = ""

    @property
    def name(self) -> str:
        """For people and for the names of files: that of the file, or of the folder of numbered images."""
        address = local_path(self.address)
        if is_live(address):
            return _live_name(address)
        path = Path(address)
        return path.parent.name or path.stem if is_pattern(address) else path.stem


def expand(inputs: Sequence[str]) -> list[str]:
    """List the addresses of all clips. See `find_clips`."""
    return [clip.address for clip in find_clips(inputs)]


def find_clips(inputs: Sequence[str], *, recursive: bool = False, without: Sequence[Path] = ()) -> list[Clip]:
    """List all clips, without outputs.

    A folder of videos stands for the videos in it, a pattern such as clips/*.mp4 for the files that it matches. What
    is named NAME.part.mp4 in a folder is an output that is not whole, and is left out.

    Args:
        inputs: addresses.
        recursive: whether folders within a folder count too. Their images are a clip each.
        without: folders that are not looked into.

    Raises:
        SourceError: a folder holds both images and videos, or a pattern matches nothing.
    """
    names = [name for pattern in inputs for name in _matching(pattern)]
    if not recursive:
        return [Clip(address) for name in names for address in _addresses(name)]
    apart = {os.path.realpath(folder) for folder in without}
    return [clip for name in names for clip in _tree(name, apart)]


def are_several(inputs: Sequence[str]) -> bool:
    """Whether inputs stand for others than themselves: they are several, a pattern, or a folder with a video in it.

    Raises:
        SourceError: a pattern matches nothing.
    """
    names = [name for pattern in inputs for name in _matching(pattern)]
    folder = Path(local_path(names[0]))
    return names != [inputs[0]] or (folder.is_dir() and _has_video(folder))


def plan(
    inputs: Sequence[str], outputs: tuple[Output, ...], encoding: Encoding, selection: Selection = Selection()
) -> list[Clip]:
    """Find the clips, and name the outputs of each: see `find_clips` and `with_outputs`.

    One input has its outputs as they are named, unless they are folders.
    """
    clips = find_clips(inputs)
    several = [clip.address for clip in clips] != [inputs[0]]
    return with_outputs(clips, outputs, encoding, selection, several=several)


def with_outputs(
    clips: Sequence[Clip], outputs: tuple[Output, ...], encoding: Encoding, selection: Selection, *, several: bool
) -> list[Clip]:
    """Name the outputs of each clip.

    In an output that is a folder, and for several inputs all are, a video becomes a file of its own name, and images
    become images of their own names.

    Args:
        clips: without outputs.
        outputs: as the user named them.
        encoding: how they are written.
        selection: which part of the clips.
        several: whether there are several clips, or might be.

    Raises:
        OptionError: several inputs, and outputs that are no folders, or two inputs of one name.
    """
    for output in outputs if several else ():
        if output.path.suffix and not is_folder(output):
            raise OptionError(f"{output.path}: several inputs need an output folder, such as results/", "outputs")
    if outputs and several:
        _require_own_names(clips)
    return [
        replace(clip, outputs=tuple(_named(output, clip, encoding, selection, several=several) for output in outputs))
        for clip in clips
    ]


def is_folder(output: Output) -> bool:
    """Whether an output is a folder: it says so, or it exists as one."""
    return output.folder or (os.path.isdir(output.path) and output.path.suffix.lower() not in CONTAINERS)


def is_part(name: str) -> bool:
    """Whether a file or folder of this name is an output that is not whole."""
    return Path(name).stem.endswith(PART) or name.endswith(PART)


def _matching(pattern: str) -> list[str]:
    """The files that a pattern of the shell matches; any other address as it is."""
    if "://" in pattern or not glob.has_magic(pattern) or os.path.exists(pattern):
        return [pattern]
    names = [name for name in glob.glob(pattern, recursive=True) if not is_part(name)]
    if not names:
        raise SourceError(f"{pattern}: matches no file. Expected a pattern such as clips/*.mp4")
    return sorted(names, key=natural_key)


def _addresses(name: str) -> list[str]:
    folder = Path(local_path(name))
    if not folder.is_dir():
        return [name]
    videos, images = _media_in(folder)
    if videos and images:
        raise SourceError(f"{name}: holds both images and videos. Put the images, or the videos, into another folder")
    return [str(path) for path in videos] or [name]


def _media_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The videos and the images in a folder."""
    files = [path for path in files_in(folder) if not is_part(path.name)]
    videos = [path for path in files if _is_video(path)]
    return videos, [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]


def _has_video(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(_is_video(Path(entry.path)) for entry in entries)


def _is_video(path: Path) -> bool:
    hidden = path.name.startswith(".") or is_part(path.name)
    return path.suffix.lower() in VIDEO_SUFFIXES and not hidden and path.is_file()


def _tree(name: str, without: set[str]) -> Iterator[Clip]:
    """The clips in a folder and in all folders within it."""
    top = Path(local_path(name))
    if not top.is_dir():
        yield Clip(name)
        return
    for folder, within, _ in os.walk(top):
        own = [child for child in within if not (child.startswith(".") or is_part(child))]
        within[:] = [
            child
            for child in sorted(own, key=natural_key)
            if os.path.realpath(os.path.join(folder, child)) not in without
        ]
        yield from _clips_of(Path(folder), Path(folder).relative_to(top))


def _clips_of(folder: Path, place: Path) -> Iterator[Clip]:
    """The clips right in a folder of a tree. place: where it lies in the tree."""
    videos, images = _media_in(folder)
    if videos and images:
        log.warning("%s: holds both images and videos. The images are left out", folder)
    if videos:
        yield from (Clip(str(path), folder=_within(place)) for path in videos)
    elif images:
        yield Clip(str(folder), folder=_within(place.parent))


def _within(place: Path) -> str:
    return "" if place == Path() else place.as_posix()


def _live_name(address: str) -> str:
    """The name of a camera, a pipe or a stream. What may be secret in an address is not part of it."""
    url = urlsplit(address)
    if url.scheme:
        return Path(url.path).stem or url.hostname or url.scheme
    return f"camera_{Path(address).name}" if is_camera(address) else "pipe"


def _require_own_names(clips: Sequence[Clip]) -> None:
    names = Counter(os.path.join(clip.folder, clip.name) for clip in clips)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise OptionError(
            f"Several inputs are named {', '.join(twice)}: their outputs would overwrite each other", "inputs"
        )


def _named(output: Output, clip: Clip, encoding: Encoding, selection: Selection, *, several: bool) -> Output:
    if not several and not is_folder(output):
        return output
    folder = output.path / clip.folder
    if encoding.type == "png_sequence":
        return replace(output, path=folder / clip.name) if several else output
    images = _images_of(clip.address) if encoding.type != "video" else []
    if images:
        is_file = images == [Path(clip.address)]
        return replace(
            output,
            path=folder if is_file or not several else folder / clip.name,
            names=_own_names(images, selection),
        )
    suffix = TRANSPARENT_SUFFIX if output.view == "transparent" else DEFAULT_SUFFIX
    ending = suffix if output.view in UNMARKED else f"_{output.view}{suffix}"
    return replace(output, path=folder / f"{clip.name}{ending}")


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
