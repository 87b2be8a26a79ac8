"""Image files: which they are, in which order, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from model_api.errors import SourceError
from model_api.types import Image

SILENT = 0
IMAGE_SUFFIXES = frozenset({".bmp", ".dib", ".jpeg", ".jpg", ".jp2", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})


def read_image(path: Path) -> Image:
    """(H, W, 3) uint8 BGR, turned upright. Raises SourceError."""
    try:
        data = np.fromfile(path, np.uint8)  # OpenCV cannot open names beyond ASCII on Windows
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    with silent_opencv():
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise SourceError(f"{path}: not a whole image. Expected one of {', '.join(sorted(IMAGE_SUFFIXES))}")
    return image


def images_in(folder: Path) -> list[Path]:
    """The folder's images in natural order, 2 before 10. Raises SourceError if there are none."""
    paths = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    if not paths:
        raise SourceError(f"{folder}: a folder without images. Expected some of {', '.join(sorted(IMAGE_SUFFIXES))}")
    return sorted(paths, key=lambda path: natural_key(path.name))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sorts "frame 2" before "frame 10"."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


@contextmanager
def silent_opencv() -> Iterator[None]:
    """OpenCV writes to the terminal what the caller says better in an error."""
    logging = getattr(cv2.utils, "logging", cv2)  # where OpenCV 5 has it, and where 4 has it
    level = logging.getLogLevel()
    logging.setLogLevel(SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
