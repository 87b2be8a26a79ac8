"""What a model is measured on: clips and stills with a known alpha, clips labelled by another model, or bare clips."""

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
"""The empty scene for models that compare with it: plate.png throughout, or each frame's own bgr."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known about a frame; None: it is not known.

    Attributes:
        alpha: (H, W) float32 in [0, 1].
        foreground: (H, W, 3) uint8 BGR.
        image: (H, W, 3) uint8 BGR, the frame before it was degraded, where the model sees it degraded.
    """

    alpha: Alpha | None = None
    foreground: Image | None = None
    image: Image | None = None


class Case(Protocol):
    """Frames that a model sees in a row from a fresh state. They can be read again and again."""

    @property
    def name(self) -> str: ...

    def frames(self, *, plates: bool) -> Iterator[Frame]:
        """The frames, with the empty scene if `plates`."""

    def truths(self) -> Iterator[Truth | None]:
        """One for each frame; None for those that are not measured."""


@dataclass(frozen=True)
class RecordedClip:
    """Image files with their alphas, and perhaps foregrounds. plates: one, or one for each frame."""

    name: str
    com: tuple[Path, ...]
    pha: tuple[Path, ...]
    fgr: tuple[Path, ...]
    plates: tuple[Path, ...]

    def frames(self, *, plates: bool) -> Iterator[Frame]:
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
    """One image, seen several times in a row, and measured the last time.

    Attributes:
        name: In reports.
        image: Its file.
        pha: The file of its alpha. None: it is not known.
        passes: How often a recurrent model sees it.
        binary: Whether pha is a mask, black and white.
        plate: A file with its empty scene.
    """

    name: str
    image: Path
    pha: Path | None = None
    passes: int = 1
    binary: bool = False
    plate: Path | None = None

    def frames(self, *, plates: bool) -> Iterator[Frame]:
        if plates and not self.plate:
            raise ModelContractError("This model compares with the empty scene, and stills have none. Give it clips")
        image, plate = read_image(self.image), read_image(self.plate) if plates and self.plate else None
        return (Frame(index, image, clean_plate=plate) for index in range(self.passes))

    def truths(self) -> Iterator[Truth | None]:
        yield from [None] * (self.passes - 1)
        yield Truth(self._alpha(self.pha) if self.pha else None)

    def _alpha(self, pha: Path) -> Alpha:
        return _read_mask(pha) if self.binary else read_alpha(pha)


@dataclass(frozen=True)
class Video:
    """A video, an image or a folder of images without a known alpha. clean_plate: for models that compare with it."""

    name: str
    address: str
    clean_plate: str | None

    def frames(self, *, plates: bool) -> Iterator[Frame]:
        with open_source(self.address) as source:
            plate = open_clean_plate(
                self.clean_plate if plates else None, source.info, needed=plates, interactive=False
            )
            yield from (plate.attached(frame, needed=plates) for frame in source)

    def truths(self) -> Iterator[Truth]:
        return (Truth() for _ in self.frames(plates=False))


@dataclass(frozen=True)
class LabelledByModel:
    """A video whose truth is what another model answers."""

    video: Video
    other: MattingModel

    @property
    def name(self) -> str:
        return self.video.name

    def frames(self, *, plates: bool) -> Iterator[Frame]:
        return self.video.frames(plates=plates)

    def truths(self) -> Iterator[Truth]:
        for result in AsyncPipeline(self.other).run(self.frames(plates=self.other.needs_clean_plate)):
            yield Truth(result.matte.alpha, result.matte.foreground)


def recorded_clips(root: Path, plates: str) -> list[RecordedClip]:
    """Every folder in `root`, or `root` itself, that has folders com and pha.

    Args:
        root: The folder to search.
        plates: One of PLATES.

    Raises:
        SourceError: there is none, or the folders of one do not hold the same frames.
    """
    folders = sorted(
        (path.parent for path in root.rglob("pha") if path.is_dir()), key=lambda path: natural_key(str(path))
    )
    if not folders:
        raise SourceError(f"{root}: no clip in it. Expected folders with com/0000.png and pha/0000.png, as of compose")
    return [_recorded_clip(folder, root, plates) for folder in folders]


def stills(images: Path, alphas: Path, passes: int, *, binary: bool) -> list[Still]:
    """Images with the alpha of the same name. binary: the alphas are masks. Raises SourceError."""
    pictures, answers = _by_stem(images), _by_stem(alphas)
    _require_same_names(images, pictures, alphas, answers)
    return [Still(stem, path, answers[stem], passes, binary) for stem, path in pictures.items()]


def read_alpha(path: Path) -> Alpha:
    """(H, W) float32 in [0, 1] of a grey image. Raises SourceError."""
    return read_image(path)[..., 0].astype(np.float32) / np.float32(255)


def _recorded_clip(folder: Path, root: Path, plates: str) -> RecordedClip:
    if not (folder / "com").is_dir():
        raise SourceError(f"{folder}: has alphas in pha and no images. Expected them in a folder com")
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
                f"{there}: {len(missing)} of the {len(names)} images in {here} are missing, the first is "
                f"{missing[0]}. Expected the same names in both"
            )


def _read_mask(path: Path) -> Alpha:
    mask = read_alpha(path)
    if 0 < mask.max() < 0.5:
        raise SourceError(f"{path}: its levels end at {mask.max() * 255:.0f}. Expected a mask of 0 and 255")
    return mask
