"""What a network is calibrated on and judged by: videos, folders of images, stills, clips as `compose` makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES, images_in, read_image
from background_subtraction.jobs import expand
from background_subtraction.sources.open import open_source
from model_api.errors import OptionError
from model_api.types import Frame, Image
from model_tools.evaluate.datasets import RecordedClip, recorded_clips


@dataclass(frozen=True, kw_only=True)
class Reading:
    """limit: frames of a clip, or pictures of a folder of stills, at most. stills: whether folders of images hold
    pictures that do not follow each other. passes: how often each of those is seen. plates: whether frames have to
    bring the empty scene. plate: that of clips that bring none."""

    limit: int
    stills: bool = False
    passes: int = 1
    plates: bool = False
    plate: Image | None = None


@dataclass(frozen=True)
class Footage:
    """frames: gives them from the first one, again and again. `Frame.clip` tells what follows what."""

    name: str
    frames: Callable[[], Iterator[Frame]]


def footage_of(inputs: Sequence[str], reading: Reading) -> list[Footage]:
    """What the words of a command line stand for. Raises SourceError, here or when frames are read, or OptionError."""
    return [footage for name in inputs for footage in _footage(name, reading)]


def _footage(name: str, reading: Reading) -> list[Footage]:
    folder = Path(name)
    if folder.is_dir() and any(path.is_dir() for path in folder.rglob("pha")):
        return [_composed(clip, reading) for clip in recorded_clips(folder, "plate")]
    if reading.plates and reading.plate is None:
        raise OptionError(
            f"{name}: the model compares with the empty scene, and this brings none. Name its picture with "
            "--background, or give clips that have a plate.png, as compose makes them"
        )
    if reading.stills and _holds_images(folder):
        return [Footage(name, lambda: _stills(folder, reading))]
    return [Footage(clip, lambda address=clip: _clip(address, reading)) for clip in expand((name,))]  # type: ignore[misc]


def _composed(clip: RecordedClip, reading: Reading) -> Footage:
    own = bool(clip.plates)
    if reading.plates and not own and reading.plate is None:
        raise OptionError(f"{clip.name}: has no plate.png. Name a picture of its empty scene with --background")

    def frames() -> Iterator[Frame]:
        found = islice(clip.frames(reading.plates and own), reading.limit)
        return found if own else (replace(frame, clean_plate=reading.plate) for frame in found)

    return Footage(clip.name, frames)


def _clip(address: str, reading: Reading) -> Iterator[Frame]:
    with open_source(address) as source:
        for frame in islice(source, reading.limit):
            yield replace(frame, clean_plate=reading.plate)


def _stills(folder: Path, reading: Reading) -> Iterator[Frame]:
    """Spread over the folder, each a clip of its own."""
    paths = images_in(folder)
    for number, path in enumerate(paths[:: -(-len(paths) // reading.limit)]):
        image = read_image(path)
        for index in range(number * reading.passes, (number + 1) * reading.passes):
            yield Frame(index, image, clip=number, clean_plate=reading.plate)


def _holds_images(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())
