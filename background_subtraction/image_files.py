"""Image files: which they are, in which order, and how they are read."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.errors import SourceError
from model_api.pictures.encoded import decode_image
from model_api.types import Image, Levels

NUMBER = re.compile(r"%0?\d*d")
"""As in C's printf."""
IMAGE_SUFFIXES = frozenset({".bmp", ".dib", ".jpeg", ".jpg", ".jp2", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})


def read_image(path: Path) -> Image:
    """(H, W, 3) uint8 BGR, turned upright, over black where it is transparent. Raises SourceError."""
    image = read_picture(path)
    return image if image.shape[2] == 3 else over_black(image[..., :3], image[..., 3])


def over_black(image: Image, opacity: Levels) -> Image:
    """(H, W, 3) uint8 BGR, black where `opacity`, (H, W) uint8, is 0."""
    return np.rint(image * (opacity[..., np.newaxis] / np.float32(255))).astype(np.uint8)


def read_picture(path: Path) -> Image:
    """(H, W, 3) uint8 BGR, or (H, W, 4) BGRA with straight alpha, turned upright. Raises SourceError."""
    data = content_of(path)
    image = decode_image(data, cv2.IMREAD_COLOR, str(path))
    if image is None:
        raise SourceError(f"{path}: not a whole image. Expected one of {', '.join(sorted(IMAGE_SUFFIXES))}")
    stored = decode_image(data, cv2.IMREAD_UNCHANGED, str(path)) if _may_be_transparent(data) else None
    opacity = _opacity(stored)
    return image if opacity is None or opacity.shape != image.shape[:2] else cv2.merge([*cv2.split(image), opacity])


def content_of(path: Path) -> npt.NDArray[np.uint8]:
    """The bytes of a file, for OpenCV, which cannot open names beyond ASCII on Windows. Raises SourceError."""
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def _may_be_transparent(data: npt.NDArray[np.uint8]) -> bool:
    """By the first bytes of PNG and WebP; TIFF is decoded to see."""
    head = data[:4096].tobytes()
    if head.startswith(b"\x89PNG"):
        return head[25] in (4, 6) or b"tRNS" in head
    if head[8:12] == b"WEBP":
        return head[12:16] == b"VP8L" or (head[12:16] == b"VP8X" and bool(head[20] & 0x10))
    return head[:4] in (b"II*\0", b"MM\0*")


def _opacity(stored: npt.NDArray[Any] | None) -> Levels | None:
    """The alpha of an image as it is stored: (H, W) uint8, None where it is opaque."""
    if stored is None or stored.ndim != 3 or stored.shape[2] != 4:
        return None
    alpha = cv2.convertScaleAbs(stored[..., 3], alpha=255 / np.iinfo(stored.dtype).max)
    return None if int(alpha.min()) == 255 else alpha


def images_in(folder: Path) -> list[Path]:
    """The folder's images in natural order, 2 before 10. Raises SourceError if there are none."""
    paths = [path for path in files_in(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
    if not paths:
        raise SourceError(f"{folder}: a folder without images. Expected some of {', '.join(sorted(IMAGE_SUFFIXES))}")
    return paths


def images_at(address: str) -> list[Path]:
    """The images in a folder, those of a pattern, or the one file whatever it is; [] where they cannot be found."""
    path = Path(address)
    with suppress(OSError, SourceError):  # said when they are opened
        if is_pattern(address):
            return images_of(address)
        return images_in(path) if path.is_dir() else [path]
    return []


def files_in(folder: Path) -> list[Path]:
    """The folder's files in natural order, without hidden ones: macOS puts ._a.mp4 beside a.mp4 on other disks."""
    files = (path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    return sorted(files, key=lambda path: natural_key(path.name))


def is_pattern(address: str) -> bool:
    """Whether `address` stands for numbered images, such as frames/%04d.png. A file of that very name comes first."""
    name = Path(address).name
    return bool(NUMBER.search(name)) and Path(name).suffix.lower() in IMAGE_SUFFIXES and not Path(address).exists()


def images_of(pattern: str) -> list[Path]:
    """The images that a pattern stands for, in the order of their numbers.

    Raises:
        SourceError: there are none.
    """
    folder, name = Path(pattern).parent, Path(pattern).name
    paths = folder.iterdir() if folder.is_dir() else ()
    numbered = {number: path for path in paths if (number := _number_in(path.name, name)) is not None}
    if not numbered:
        example = NUMBER.sub(lambda conversion: conversion[0] % 1, name, count=1)
        raise SourceError(f"{pattern}: no image has such a name. Expected for example {folder / example}")
    return [numbered[number] for number in sorted(numbered)]


def _number_in(name: str, pattern: str) -> int | None:
    """The number for which `pattern` gives `name`."""
    conversion = NUMBER.search(pattern)
    if conversion is None:
        return None
    before, after = pattern[: conversion.start()], pattern[conversion.end() :]
    digits = name.removeprefix(before).removesuffix(after)
    is_number = digits.isascii() and digits.isdecimal()
    return int(digits) if is_number and name == f"{before}{conversion[0] % int(digits)}{after}" else None


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sorts "frame 2" before "frame 10"."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]
