"""Image files, one for each frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import cv2

from background_subtraction.sinks.base import Sink, explained, gone, make_folder_of, require_writable
from model_api.errors import SinkError
from model_api.pictures.picture import Picture, bgr_of


class ImageSink(Sink):
    """Image files, named by the frame's index where the name has a pattern such as %05d."""

    square_pixels = True

    def __init__(self, path: Path, names: tuple[str, ...] = ()) -> None:
        """Open nothing yet.

        Args:
            path: the file, a pattern of files, or the folder for `names`.
            names: of the files in the folder, without their endings.

        Raises:
            SinkError: nothing can be written there, or `path` is a pattern for more than a number.
        """
        self._path = path / f"{names[0]}.png" if names else path
        self._names = names
        self._kept = path
        self._last: Path | None = None
        for name in names or (self._path.stem,):
            require_writable(self._path.with_name(f"{name}{self._path.suffix}"))
        try:
            self._name_of(0)
        except (TypeError, ValueError):
            raise SinkError(f"{path}: not a pattern for one number. Expected for example out_%05d.png") from None

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        """Write one file. Raises SinkError."""
        image = bgr_of(picture)
        encoded, data = cv2.imencode(self._path.suffix, image)
        if not encoded:
            raise SinkError(f"{self._path}: OpenCV cannot write {self._path.suffix} images of {image.shape}")
        with explained(self._path):
            path = self._path.parent / self._name_of(index)
            path.write_bytes(data.tobytes())
            self._last = path

    def kept(self) -> str:
        """Return the name of the images, if the last one is there."""
        return str(self._kept) if self._last is not None and self._last.exists() else ""

    def __enter__(self) -> ImageSink:
        make_folder_of(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._last is not None and not self._last.parent.exists():
            raise gone(self._last.parent)

    def _name_of(self, index: int) -> str:
        if self._names:
            return f"{self._names[index % len(self._names)]}.png"
        return self._path.name % index if "%" in self._path.name else self._path.name
