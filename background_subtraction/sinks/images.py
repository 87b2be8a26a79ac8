"""Image files, one for each frame."""

from __future__ import annotations

import errno
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import cv2

from background_subtraction.sinks.base import explained
from model_api.errors import SinkError
from model_api.types import Image


class ImageSink:
    """Image files, named by the frame's index where the name has a pattern such as %05d."""

    full = False

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            if not os.access(path.parent, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        try:
            self._name_of(0)
        except (TypeError, ValueError):
            raise SinkError(f"{path}: not a pattern for one number. Expected for example out_%05d.png") from None

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        encoded, data = cv2.imencode(self._path.suffix, image)
        if not encoded:
            raise SinkError(f"{self._path}: OpenCV cannot write {self._path.suffix} images of {image.shape}")
        with explained(self._path):
            (self._path.parent / self._name_of(index)).write_bytes(data.tobytes())

    def finish(self) -> None:
        """Every image is whole when it has been written."""

    def _name_of(self, index: int) -> str:
        return self._path.name % index if "%" in self._path.name else self._path.name

    def __enter__(self) -> ImageSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""
