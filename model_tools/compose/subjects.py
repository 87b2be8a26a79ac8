"""People with an alpha, and backgrounds, as they lie in folders: images, videos, and folders of frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat, zip_longest
from pathlib import Path

import cv2
import numpy as np

from background_subtraction.image_files import IMAGE_SUFFIXES, content_of, images_in, natural_key
from background_subtraction.jobs import VIDEO_SUFFIXES
from background_subtraction.sources.open import open_source
from model_api.errors import SourceError
from model_api.mattes.foreground_estimation import estimate_foreground
from model_api.pictures.encoded import decode_image
from model_api.types import Image
from model_tools.compose.layers import Layer

CLEAR = 0.02
"""Alphas closer than this to 0 or 1 count as 0 or 1."""


@dataclass(frozen=True)
class Subject:
    """A person with an alpha.

    Attributes:
        colours: An image, a video or a folder of frames.
        alpha: The same, of alphas. None: the images themselves have an alpha channel.
    """

    colours: Path
    alpha: Path | None

    @property
    def name(self) -> str:
        """The name of the file or folder."""
        return self.colours.name

    @property
    def still(self) -> bool:
        """Whether it is one image."""
        return self.colours.suffix.lower() in IMAGE_SUFFIXES and self.colours.is_file()


def subjects_in(colours: Path, alphas: Path | None) -> list[Subject]:
    """The people of a folder, each with the alpha of the same name. Raises SourceError."""
    media = media_in(colours)
    if alphas is None:
        videos = [path for path in media.values() if path.suffix.lower() in VIDEO_SUFFIXES]
        if videos:
            raise SourceError(f"{videos[0]}: of a video the alpha is read from a second one. Give it with --alphas")
        return [Subject(path, None) for path in media.values()]
    if colours.is_file() and alphas.is_file():
        return [Subject(colours, alphas)]
    theirs = media_in(alphas)
    alone = [path for name, path in media.items() if name not in theirs]
    if alone:
        raise SourceError(f"{alone[0]}: {alphas} has no alpha of that name. Expected {alone[0].stem}.*")
    return [Subject(path, theirs[name]) for name, path in media.items()]


def media_in(path: Path) -> dict[str, Path]:
    """Name without ending -> images, videos and folders of frames in `path`, or `path` itself. Raises SourceError."""
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder. Expected images or videos")
    if path.is_file():
        return {path.stem: path}
    suffixes = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    media: dict[str, Path] = {}
    for entry in sorted(path.iterdir(), key=lambda entry: natural_key(entry.name)):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() or entry.suffix.lower() in suffixes:
            if entry.stem in media:
                raise SourceError(f"{entry} and {media[entry.stem].name} have one name. Keep one of them")
            media[entry.stem] = entry
    if not media:
        raise SourceError(f"{path}: a folder without images or videos. Expected some, or folders of frames")
    return media


def layers(subject: Subject, *, pure: bool = False) -> Iterator[Layer]:
    """The person in each frame, without end: a clip begins again, a still image stays.

    pure: the colours are the person's own already; otherwise the old background is taken out of them.
    Raises SourceError.
    """
    while True:
        for image, alpha in _turn(subject):
            layer = _layer(subject, image, alpha, pure=pure)
            yield from repeat(layer) if subject.still else (layer,)


def images(path: Path) -> Iterator[Image]:
    """A background in each frame, without end: a video begins again, a still image stays. Raises SourceError."""
    with open_source(str(path)) as source:
        if source.info.frames == 1:
            yield from repeat(next(iter(source)).image)
    while True:
        yield from _once(path)


def _turn(subject: Subject) -> Iterator[tuple[Image, Image]]:
    """Each frame's colours and alpha, both (H, W, 3) uint8, once from beginning to end."""
    if subject.alpha is None:
        yield from map(_split, images_in(subject.colours) if subject.colours.is_dir() else [subject.colours])
        return
    for number, (image, alpha) in enumerate(zip_longest(_once(subject.colours), _once(subject.alpha))):
        if image is None or alpha is None:
            short = subject.colours if image is None else subject.alpha
            raise SourceError(f"{short}: ends after {number} frames, and the clip that belongs to it does not")
        yield image, alpha


def _once(path: Path) -> Iterator[Image]:
    with open_source(str(path)) as source:
        for frame in source:
            yield frame.image


def _split(path: Path) -> tuple[Image, Image]:
    """Raises SourceError if the image has no alpha."""
    image = decode_image(content_of(path), cv2.IMREAD_UNCHANGED, str(path))
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        raise SourceError(f"{path}: not an image with transparency (RGBA). Give the alphas with --alphas")
    image = cv2.convertScaleAbs(image, alpha=1 / 257) if image.dtype == np.uint16 else image
    return np.ascontiguousarray(image[..., :3]), image[..., 3:].repeat(3, axis=2)


def _layer(subject: Subject, image: Image, alpha: Image, *, pure: bool) -> Layer:
    if image.shape != alpha.shape:
        sizes = [f"{array.shape[1]}×{array.shape[0]}" for array in (image, alpha)]
        raise SourceError(f"{subject.colours}: the image is {sizes[0]} and its alpha {sizes[1]}. Expected one size")
    plane = cv2.cvtColor(alpha, cv2.COLOR_BGR2GRAY).astype(np.float32) / np.float32(255)
    # Next to 0 and 1 there is too little of the person or the scene to know its colours.
    plane = np.clip((plane - CLEAR) / (1 - 2 * CLEAR), 0, 1).astype(np.float32)
    return Layer(image if pure else estimate_foreground(image, plane), plane)
