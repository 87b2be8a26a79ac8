"""Image files, one for each frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2

from background_subtraction.sinks.base import Sink, explained, make_folder_of, require_writable
from background_subtraction.sinks.pictures import shown_size
from model_api.errors import SinkError
from model_api.pictures.picture import Picture, bgr_of
from model_api.resize import resize


class ImageSink(Sink):
    """Image files, named by the frame's index where the name has a pattern such as %05d."""

    def __init__(self, path: Path, pixel_aspect: Fraction = Fraction(1)) -> None:
        """Open nothing yet.

        Args:
            path: the file, or a pattern for many.
            pixel_aspect: the width of a pixel by its height. Images get square ones.

        Raises:
            SinkError: nothing can be written there, or `path` is a pattern for more than a number.
        """
        self._path = path
        self._pixel_aspect = pixel_aspect
        require_writable(path)
        try:
            self._name_of(0)
        except (TypeError, ValueError):
            raise SinkError(f"{path}: not a pattern for one number. Expected for example out_%05d.png") from None

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        """Write one file. Raises SinkError."""
        image = bgr_of(picture)
        if self._pixel_aspect != 1:
            image = resize(image, shown_size((image.shape[1], image.shape[0]), self._pixel_aspect))
        encoded, data = cv2.imencode(self._path.suffix, image)
        if not encoded:
            raise SinkError(f"{self._path}: OpenCV cannot write {self._path.suffix} images of {image.shape}")
        with explained(self._path):
            (self._path.parent / self._name_of(index)).write_bytes(data.tobytes())

    def __enter__(self) -> ImageSink:
        make_folder_of(self._path)
        return self

    def _name_of(self, index: int) -> str:
        return self._path.name % index if "%" in self._path.name else self._path.name
