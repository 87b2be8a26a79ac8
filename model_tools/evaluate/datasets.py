"""What a model is judged on: clips and stills with a known alpha, clips that another model has seen, or just clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from background_subtraction.compositing.clean_plate import open_clean_plate
from background_subtraction.image_files import images_in, natural_key, read_image
from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, MattingModel
from model_api.errors import ModelContractError, SourceError
from model_api.types import Alpha, Frame, Image

PLATES = ("plate", "bgr")
"""What models that compare with the empty scene are given: plate.png throughout, or each frame's own bgr."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is None is not known. alpha: (H, W) float32 in [0, 1]. foreground, image: (H, W, 3) uint8 BGR, the image as
    it was before it was degraded, where the model sees it so."""

    alpha: Alpha | None = None
    foreground: Image | None = None
    image: Image | None = None


class Case(Protocol):
    """One stretch of frames that a model sees from a fresh state. It can be gone through again and again."""

    @property
    def name(self) -> str: ...

    def frames(self, plates: bool) -> Iterator[Frame]:
        """plates: whether each has to bring the empty scene."""

    def truths(self) -> Iterator[Truth | None]:
        """One for each frame; None for those that are not judged."""


@dataclass(frozen=True)
class RecordedClip:
    """Pictures with their alphas, and perhaps foregrounds, as files. plates: one, or one a frame."""

    name: str
    com: tuple[Path, ...]
    pha: tuple[Path, ...]
    fgr: tuple[Path, ...]
    plates: tuple[Path, ...]

    def frames(self, plates: bool) -> Iterator[Frame]:
        if plates and not self.plates:
            raise SourceError(
                f"{self.name}: this model compares with the empty scene, and the clip has none. "
                "Expected plate.png, or a folder bgr and --clean_plate bgr"
            )
        for index, path in enumerate(self.com):
            plate = read_image(self.plates[index % len(self.plates)]) if plates else None
            yield Frame(index, read_image(path), clean_plate=plate)

    def truths(self) -> Iterator[Truth]:
        for index, path in enumerate(self.pha):
            yield Truth(read_alpha(path), read_image(self.fgr[index]) if self.fgr else None)


@dataclass(frozen=True)
class Still:
    """One picture, seen `passes` times over by models that remember, and judged the last time.

    binary: pha is a mask, black and white.
    """

    name: str
    image: Path
    pha: Path
    passes: int
    binary: bool

    def frames(self, plates: bool) -> Iterator[Frame]:
        if plates:
            raise ModelContractError("This model compares with the empty scene, and stills have none. Give it clips")
        image = read_image(self.image)
        return (Frame(index, image) for index in range(self.passes))

    def truths(self) -> Iterator[Truth | None]:
        yield from [None] * (self.passes - 1)
        yield Truth(_read_mask(self.pha) if self.binary else read_alpha(self.pha))


@dataclass(frozen=True)
class Video:
    """A video, an image or a folder of images of which no alpha is known. clean_plate: for models that want one."""

    name: str
    address: str
    clean_plate: str | None

    def frames(self, plates: bool) -> Iterator[Frame]:
        with open_source(self.address) as source:
            plate = open_clean_plate(
                self.clean_plate if plates else None, source.info, needed=plates, interactive=False
            )
            yield from plate.attach(source)

    def truths(self) -> Iterator[Truth]:
        return (Truth() for _ in self.frames(plates=False))


@dataclass(frozen=True)
class SeenByAnother:
    """A video for which the answers of `other` stand for the truth."""

    video: Video
    other: MattingModel

    @property
    def name(self) -> str:
        return self.video.name

    def frames(self, plates: bool) -> Iterator[Frame]:
        return self.video.frames(plates)

    def truths(self) -> Iterator[Truth]:
        for result in AsyncPipeline(self.other).run(self.frames(self.other.needs_clean_plate)):
            yield Truth(result.matte.alpha, result.matte.foreground)


def recorded_clips(root: Path, plates: str) -> list[RecordedClip]:
    """Every folder in `root`, or `root` itself, that has folders com and pha. plates: one of PLATES.

    Raises SourceError if there is none, or if the folders of one do not hold the same frames.
    """
    found = sorted(
        (path.parent for path in root.rglob("pha") if path.is_dir()), key=lambda path: natural_key(str(path))
    )
    if not found:
        raise SourceError(f"{root}: no clip in it. Expected folders with com/0000.png and pha/0000.png, as of compose")
    return [_recorded_clip(folder, root, plates) for folder in found]


def stills(images: Path, alphas: Path, passes: int, binary: bool) -> list[Still]:
    """Pictures with the alpha of the same name. binary: the alphas are masks. Raises SourceError."""
    pictures, answers = _by_stem(images), _by_stem(alphas)
    _require_same_names(images, pictures, alphas, answers)
    return [Still(stem, path, answers[stem], passes, binary) for stem, path in pictures.items()]


def read_alpha(path: Path) -> Alpha:
    """(H, W) float32 in [0, 1] of a grey picture. Raises SourceError."""
    return read_image(path)[..., 0].astype(np.float32) / np.float32(255)


def _recorded_clip(folder: Path, root: Path, plates: str) -> RecordedClip:
    if not (folder / "com").is_dir():
        raise SourceError(f"{folder}: has alphas in pha and no pictures. Expected them in a folder com")
    pictures = _by_stem(folder / "com")
    others: dict[str, tuple[Path, ...]] = {}
    for view in ("pha", "fgr", "bgr"):
        files = _by_stem(folder / view) if (folder / view).is_dir() else {}
        if files:
            _require_same_names(folder / "com", pictures, folder / view, files)
        others[view] = tuple(files[stem] for stem in pictures if files)
    plate = folder / "plate.png"
    single = (plate,) if plate.is_file() else ()
    name = folder.name if folder == root else folder.relative_to(root).as_posix()
    empty = single if plates == "plate" else others["bgr"]
    return RecordedClip(name, tuple(pictures.values()), others["pha"], others["fgr"], empty)


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder. Expected one with images")
    return {path.stem: path for path in images_in(folder)}


def _require_same_names(folder: Path, files: dict[str, Path], other_folder: Path, other_files: dict[str, Path]) -> None:
    for here, names, there, others in (
        (folder, files, other_folder, other_files),
        (other_folder, other_files, folder, files),
    ):
        missing = [name for name in names if name not in others]
        if missing:
            raise SourceError(
                f"{there}: {len(missing)} of the {len(names)} pictures in {here} are missing, the first is "
                f"{missing[0]}. Expected the same names in both"
            )


def _read_mask(path: Path) -> Alpha:
    mask = read_alpha(path)
    if 0 < mask.max() < 0.5:
        raise SourceError(f"{path}: its levels end at {mask.max() * 255:.0f}. Expected a mask of 0 and 255")
    return mask
