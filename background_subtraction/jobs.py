"""Which inputs make which outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES, natural_key
from background_subtraction.sinks.base import Encoding, Output
from model_api.errors import OptionError, SourceError

VIDEO_SUFFIXES = frozenset(
    {".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mpeg", ".ts", ".webm", ".wmv", ".y4m"}
)
DEFAULT_SUFFIX = ".mp4"
TRANSPARENT_SUFFIX = ".webm"


@dataclass(frozen=True)
class Clip:
    """One input, with a state of its own, and its outputs."""

    address: str
    outputs: tuple[Output, ...]


def plan(inputs: tuple[str, ...], outputs: tuple[Output, ...], encoding: Encoding) -> list[Clip]:
    """A folder of videos stands for the videos in it. One input has its outputs as they are named; for several
    the outputs are folders, where each gets its own name. Raises SourceError or OptionError."""
    addresses = [address for given in inputs for address in _addresses(given)]
    if addresses == [inputs[0]]:
        return [Clip(addresses[0], outputs)]
    _require_own_names(addresses)
    for output in outputs:
        if output.path.suffix and not output.path.is_dir():
            raise OptionError(
                f"{output.path}: several inputs need a folder for what they give, such as results/", "outputs"
            )
        output.path.mkdir(parents=True, exist_ok=True)
    return [Clip(address, tuple(_named(output, address, encoding) for output in outputs)) for address in addresses]


def _addresses(given: str) -> list[str]:
    folder = Path(given)
    if not folder.is_dir():
        return [given]
    names = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: natural_key(path.name))
    videos = [path for path in names if path.suffix.lower() in VIDEO_SUFFIXES]
    if videos and any(path.suffix.lower() in IMAGE_SUFFIXES for path in names):
        raise SourceError(f"{given}: holds both images and videos. Give the images, or the videos, in a folder alone")
    return [str(path) for path in videos] or [given]


def _require_own_names(addresses: list[str]) -> None:
    stems = [Path(address).stem for address in addresses]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise OptionError(
            f"Several inputs are named {', '.join(twice)}: their outputs would overwrite each other", "inputs"
        )


def _named(output: Output, address: str, encoding: Encoding) -> Output:
    stem = Path(address).stem
    if encoding.type == "png_sequence":
        return replace(output, path=output.path / stem)
    suffix = TRANSPARENT_SUFFIX if output.view == "transparent" else DEFAULT_SUFFIX
    name = (
        f"{stem}{suffix}"
        if output.view in ("composite", "side by side", "transparent")
        else f"{stem}_{output.view}{suffix}"
    )
    return replace(output, path=output.path / name)
