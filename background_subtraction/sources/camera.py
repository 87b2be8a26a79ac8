"""A camera of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from time import perf_counter

import cv2

from background_subtraction.sources.base import UNKNOWN_RATE, Closing, SourceInfo, numbered
from background_subtraction.sources.selection import Selection, Timed
from model_api.errors import SourceError
from model_api.pictures.encoded import silent_opencv
from model_api.types import Frame


class CameraSource(Closing):
    """A camera of this machine. It never ends: one that does is an error."""

    def __init__(self, number: int, selection: Selection = Selection()) -> None:
        """Open the camera with this number. Raises SourceError if it gives no image."""
        self._number = number
        self._selection = selection
        with silent_opencv():
            self._capture = cv2.VideoCapture(number)
            if selection.rate:
                self._capture.set(cv2.CAP_PROP_FPS, float(selection.rate))
            opened, first = self._capture.read()
        if not opened:
            self.close()
            raise SourceError(f"Camera {number} gives no image. Is it plugged in, and not in use? Another: -i <number>")
        height, width = first.shape[:2]
        rate = Fraction(self._capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001) or UNKNOWN_RATE
        self.info = SourceInfo(f"camera {number}", selection.size or (width, height), rate, live=True, drops=True)

    def __enter__(self) -> CameraSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(lambda: self._selection.of(self._turn()), self.info.rate)

    def close(self) -> None:
        """Free the camera for other programs."""
        self._capture.release()

    def _turn(self) -> Iterator[Timed]:
        started_s = perf_counter()
        for number in count():
            read, image = self._capture.read()
            if not read:
                raise SourceError(f"Camera {self._number} stopped after {number} frames. Is it still plugged in?")
            yield image, Fraction(round((perf_counter() - started_s) * 1_000_000), 1_000_000)
