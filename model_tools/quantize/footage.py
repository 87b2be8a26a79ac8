"""The frames that a network is calibrated on, and compared on: videos, folders of images, clips made by `compose`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES, images_in
from background_subtraction.jobs import expand
from model_api.errors import OptionError
from model_api.types import Frame
from model_tools.evaluate.datasets import Case, Still, Video, recorded_clips


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How inputs are read.

    Attributes:
        limit: Frames of a clip, or images of a folder of stills, at most.
        stills: Whether images in a folder do not follow one another.
        passes: How often a recurrent model sees each still.
        needs_plate: Whether frames must bring the empty scene.
        plate: A file with the empty scene of clips that bring none.
    """

    limit: int
    stills: bool = False
    passes: int = 1
    needs_plate: bool = False
    plate: Path | None = None


@dataclass(frozen=True)
class Footage:
    """Cases in a row, each with a state of its own. limit: frames of each."""

    cases: tuple[Case, ...]
    limit: int
    needs_plate: bool

    def frames(self) -> Iterator[Frame]:
        """All frames from the first one, at every call. `Frame.clip` is the number of the case."""
        index = count()
        for number, case in enumerate(self.cases):
            for frame in islice(case.frames(plates=self.needs_plate), self.limit):
                yield replace(frame, index=next(index), clip=number)


def footage_of(inputs: Sequence[str], reading: Reading) -> list[Footage]:
    """Find the clips, or folders of stills, that inputs stand for.

    Raises:
        OptionError: the empty scene is needed and missing.
        SourceError: an input cannot be read.
    """
    return [footage for name in inputs for footage in _footage(name, reading)]


def _footage(name: str, reading: Reading) -> list[Footage]:
    folder = Path(name)
    if folder.is_dir() and any(path.is_dir() for path in folder.rglob("pha")):
        return [_clip(case, reading) for case in _recorded(folder, reading)]
    if reading.needs_plate and reading.plate is None:
        raise OptionError(
            f"{name}: the model compares with the empty scene, and this brings none. Give its image with "
            "--background, or clips that have a plate.png, as compose makes them"
        )
    if reading.stills and _holds_images(folder):
        return [Footage(_stills(folder, reading), reading.passes, reading.needs_plate)]
    plate = str(reading.plate) if reading.plate else None
    return [_clip(Video(Path(address).stem, address, plate), reading) for address in expand((name,))]


def _clip(case: Case, reading: Reading) -> Footage:
    return Footage((case,), reading.limit, reading.needs_plate)


def _recorded(folder: Path, reading: Reading) -> Iterator[Case]:
    for clip in recorded_clips(folder, "plate"):
        if reading.needs_plate and not clip.plates and reading.plate is None:
            raise OptionError(f"{clip.name}: has no plate.png. Give an image of its empty scene with --background")
        yield clip if clip.plates or reading.plate is None else replace(clip, plates=(reading.plate,))


def _stills(folder: Path, reading: Reading) -> tuple[Case, ...]:
    """Spread over the folder."""
    paths = images_in(folder)
    chosen = paths[:: -(-len(paths) // reading.limit)]
    return tuple(Still(path.stem, path, passes=reading.passes, plate=reading.plate) for path in chosen)


def _holds_images(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())
