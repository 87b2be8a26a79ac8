"""What clips for training are made of: people with their alphas, and images with nobody in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from background_subtraction.image_files import content_of
from model_api.errors import OptionError, SourceError
from model_api.mattes.foreground_estimation import estimate_foreground
from model_api.pictures.encoded import decode_image
from model_api.types import Image
from model_tools.compose.placement import Outline, joined, outline

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
SURE = 127
"""Alpha above which a pixel belongs to the box around a person."""


@dataclass(frozen=True, eq=False)
class Look:
    """A photograph, (H, W, 3) uint8 BGR, and its alpha, (H, W) uint8."""

    photograph: Image
    alpha: Image

    @cached_property
    def colours(self) -> Image:
        """The person's own, without the old background at soft edges: estimated at the first use."""
        return estimate_foreground(self.photograph, self.alpha.astype(np.float32) / np.float32(255))


@dataclass(frozen=True)
class Person:
    """One photograph, or the frames of a clip. outline: the box around the person in all of them."""

    looks: tuple[Look, ...]
    outline: Outline


@dataclass(frozen=True)
class Material:
    """weights: how often each person is drawn, in comparison with others."""

    people: Sequence[Person]
    weights: Sequence[float]
    backgrounds: Sequence[Image]


@dataclass(frozen=True)
class PeopleSource:
    """A folder with images/ and alpha/, or, with clips, a folder of such folders, each the frames of one clip.

    share: how often its people are drawn, in comparison with other sources. begins: which names are taken. numbers: the
    first number in a file's name decides what is for training, from the first up to, but not including, the second.
    """

    folder: str
    share: float = 1.0
    begins: tuple[str, ...] = ("",)
    numbers: tuple[int, int] = (-1, 10**9)
    clips: bool = False


def load_people(source: PeopleSource, largest_px: int = 10**4) -> list[Person]:
    """Photographs and alphas go by the same name. Images larger than `largest_px` are made smaller.

    Raises OptionError where a folder is missing, SourceError where images are.
    """
    folder = Path(source.folder)
    if not source.clips:
        return [_person([look]) for look in _looks(folder, source, largest_px)]
    clips = sorted(
        path for path in _existing(folder).iterdir() if path.is_dir() and path.name.startswith(source.begins)
    )
    everything = PeopleSource(str(folder), numbers=source.numbers)
    return [_person(_looks(clip, everything, largest_px)) for clip in clips]


def load_backgrounds(folder: Path, numbers: tuple[int, int]) -> list[Image]:
    """Images whose number is in the range, -1 for those without. Watermarks stand at the bottom: it is cut off."""
    files = [path for path in _pictures(folder) if numbers[0] <= number_of(path) < numbers[1]]
    pictures = [read_picture(path, cv2.IMREAD_COLOR) for path in files]
    return [picture[: int(picture.shape[0] * 0.93)] for picture in pictures]


def read_picture(path: Path, kind: int) -> Image:
    """kind: one of OpenCV's, IMREAD_COLOR for (H, W, 3) BGR, IMREAD_GRAYSCALE for (H, W). Raises SourceError."""
    picture = decode_image(content_of(path), kind, str(path))
    if picture is None:
        raise SourceError(f"{path}: no image that OpenCV can read")
    return np.asarray(picture, np.uint8)


def number_of(path: Path) -> int:
    """The first number that stands alone in a file's name, -1 if there is none: 12 of 0012.jpg and room_12_bath.jpg."""
    match = re.search(r"(?:^|_)(\d+)(?:_|$)", path.stem)
    return int(match[1]) if match else -1


def load_look(image: Path, alpha: Path, largest_px: int) -> Look:
    """Raises SourceError if either is missing or they are of two sizes."""
    photograph, cover = read_picture(image, cv2.IMREAD_COLOR), read_picture(alpha, cv2.IMREAD_GRAYSCALE)
    if photograph.shape[:2] != cover.shape:
        raise SourceError(f"{alpha}: (height, width) {cover.shape}, its photograph has {photograph.shape[:2]}")
    scale = largest_px / max(cover.shape)
    if scale < 1:
        photograph, cover = (
            np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
            for picture in (photograph, cover)
        )
    return Look(photograph, cover)


def _looks(folder: Path, source: PeopleSource, largest_px: int) -> list[Look]:
    images, alphas = _existing(folder / "images"), _existing(folder / "alpha")
    files = [
        path
        for path in _pictures(images)
        if path.name.startswith(source.begins) and source.numbers[0] <= number_of(path) < source.numbers[1]
    ]
    by_stem = {path.stem: path for path in _pictures(alphas)}
    with ThreadPoolExecutor() as pool:
        return list(
            pool.map(lambda path: load_look(path, by_stem.get(path.stem, alphas / path.name), largest_px), files)
        )


def _person(looks: Sequence[Look]) -> Person:
    if not looks:
        raise OptionError("A clip without frames. Expected images in its folder images")
    boxes = [box for look in looks if (box := outline(look.alpha > SURE))]
    nowhere = Outline(0, 0, 1, 1, looks[0].alpha.shape[1::-1])
    return Person(tuple(looks), joined(boxes) if boxes else nowhere)


def _pictures(folder: Path) -> Iterable[Path]:
    return [path for path in sorted(_existing(folder).iterdir()) if path.suffix in PICTURES]


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise OptionError(f"{folder}: no such folder. Expected images/ and alpha/ for people, or a folder of images")
    return folder
