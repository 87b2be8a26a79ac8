"""Encoded images to pixels, and how many pixels are taken."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.errors import SourceError

SILENT = 0
PNG = b"\x89PNG\r\n\x1a\n"
LIMIT_VARIABLE = "OPENCV_IO_MAX_IMAGE_PIXELS"
"""OpenCV's own. `background_subtraction.cli.beginning` sets it before OpenCV is imported, if it is not set."""
LARGEST_PIXELS = int(limit) if (limit := os.environ.get(LIMIT_VARIABLE, "")).isdecimal() else 1 << 27
"""Of one image: 11585×11585. A file of a few bytes can claim any size, and 16000×16000 take 6 GB until they are
written."""


def decode_image(data: npt.NDArray[np.uint8], flags: int, name: str) -> npt.NDArray[Any] | None:
    """Decode an image with OpenCV, which prints nothing meanwhile.

    Args:
        data: the file's content.
        flags: OpenCV's, such as IMREAD_COLOR.
        name: the file, for messages.

    Returns:
        (H, W) or (H, W, channels), or None for what is not a whole image.

    Raises:
        SourceError: it has more pixels than the limit.
    """
    if not data.size or _ends_early(data):
        return None
    with _decoding(name):
        image: npt.NDArray[Any] | None = cv2.imdecode(data, flags)
    return image


def decode_animation(data: npt.NDArray[np.uint8], name: str) -> Any | None:
    """The same for all frames of an animated image: a cv2.Animation."""
    with _decoding(name):
        is_whole, animation = cv2.imdecodeanimation(data)
    return animation if is_whole and len(animation.frames) else None


def require_pixels(width: int, height: int, name: str) -> None:
    """Raise SourceError for pictures of more pixels than the limit."""
    if width * height > LARGEST_PIXELS:
        raise SourceError(f"{name}: pictures of {width}×{height} pixels. {_advice()}")


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


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    with silent_opencv(), _silent_libraries():
        try:
            yield
        except cv2.error as error:
            raise SourceError(f"{name}: cannot be read ({error.err}). {_advice()}") from error


def _ends_early(data: npt.NDArray[np.uint8]) -> bool:
    """Whether a PNG's chunk is longer than what is left of it. OpenCV takes as much memory as the chunk says."""
    if data[: len(PNG)].tobytes() != PNG:
        return False
    start = len(PNG)
    while start + 8 <= data.size:
        kind = data[start + 4 : start + 8].tobytes()
        start += 12 + int.from_bytes(data[start : start + 4].tobytes(), "big")
        if kind == b"IEND":
            return False
    return start > data.size


def _advice() -> str:
    return (
        f"Expected {LARGEST_PIXELS} at most. For more set the environment variable {LIMIT_VARIABLE} to their number; "
        "they take about 25 bytes each"
    )


class _CStderr:
    """C's `stderr`, to which libpng and libjpeg write, whatever OpenCV is told. Python has its own.

    Files that are decoded at the same time share it: the first turns it away, the last turns it back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._variable: ctypes.c_void_p | None = None
        with suppress(AttributeError, OSError, TypeError, ValueError):  # Windows and macOS have it elsewhere
            library = ctypes.CDLL(None)
            library.fopen.restype = ctypes.c_void_p
            self._nowhere = library.fopen(os.devnull.encode(), b"w")
            self._variable = ctypes.c_void_p.in_dll(library, "stderr")
            self._own = self._variable.value

    def change(self, users: int) -> None:
        """Add to those that want silence."""
        with self._lock:
            self._users += users
            if self._variable is not None and self._nowhere:
                self._variable.value = self._nowhere if self._users else self._own


_c_stderr = _CStderr()


@contextmanager
def _silent_libraries() -> Iterator[None]:
    _c_stderr.change(1)
    try:
        yield
    finally:
        _c_stderr.change(-1)
