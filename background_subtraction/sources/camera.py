"""A camera of this machine: asked for size, format and rate, and taken up again when it was away."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from threading import Event
from time import perf_counter
from typing import Any

import cv2

from background_subtraction.sources.base import UNKNOWN_RATE, Closing, SourceInfo, numbered
from background_subtraction.sources.selection import Selection, Timed
from model_api.errors import SourceError
from model_api.pictures.encoded import silent_opencv
from model_api.resize import resize
from model_api.types import Frame, Image

PATH = re.compile(r"/dev/(video\d+|v4l/.+)")
RETRY_S = 1.0
"""Between two tries to open a camera that went away."""
POLL_S = 0.25
"""Between two looks whether somebody watches again."""

log = logging.getLogger(__name__)


def is_camera(address: str) -> bool:
    """Whether this is the number of a camera, or its path, such as /dev/video0."""
    return address.isdecimal() or PATH.fullmatch(address) is not None


def gives_image(number: int) -> bool:
    """Whether a camera of this number gives an image."""
    with silent_opencv():
        capture = cv2.VideoCapture(number)
        is_image, _ = capture.read()
        capture.release()
    return bool(is_image)


class CameraSource(Closing):
    """A camera of this machine. It never ends: while it is unplugged or suspended, it is waited for.

    After a pause the frames are another clip.
    """

    def __init__(self, address: str, selection: Selection = Selection()) -> None:
        """Open the camera.

        Args:
            address: its number, or its path.
            selection: what it is asked for, and which part is taken.

        Raises:
            SourceError: it gives no image.
        """
        self._address = address
        self._name = f"Camera {address}"
        self._selection = selection
        self._stop = Event()
        self._nobody_watches: Callable[[], bool] = lambda: False
        self._paused: Callable[[], None] | None = None
        self._capture, first = self._opened()
        if first is None:
            raise SourceError(f"{self._name} gives no image. Is it plugged in, and not in use? See --list_cameras")
        self._begun: list[Image] = [first]
        self._size = (first.shape[1], first.shape[0])
        self._tell_difference()
        rate = Fraction(self._capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001) or UNKNOWN_RATE
        self.info = SourceInfo(f"camera {address}", selection.size or self._size, rate, live=True, drops=True)

    def __enter__(self) -> CameraSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(lambda: self._selection.of(self._turn()), self.info.rate, self._again)

    def rest_while(self, nobody_watches: Callable[[], bool]) -> None:
        """Free the camera while `nobody_watches`, which is asked before each frame and while it rests."""
        self._nobody_watches = nobody_watches

    def interrupt(self) -> None:
        """End a wait for the camera."""
        self._stop.set()

    def close(self) -> None:
        """Free the camera for other programs."""
        self._stop.set()
        self._capture.release()

    def _opened(self) -> tuple[Any, Image | None]:
        """The camera, asked for what is wanted, and its first image, None if it gives none."""
        wanted = self._selection
        with silent_opencv():
            # A path is Video4Linux's: without its name OpenCV would take it for a file.
            own = (int(self._address),) if self._address.isdecimal() else (self._address, cv2.CAP_V4L2)
            capture = cv2.VideoCapture(*own)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # an image that waits is an old one
            if wanted.camera_format:  # first: it decides which sizes and rates there are
                capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted.camera_format))
            if wanted.camera_size:
                capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.camera_size[0])
                capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.camera_size[1])
            capture.set(cv2.CAP_PROP_FPS, float(wanted.rate or UNKNOWN_RATE))
            capture.set(cv2.CAP_PROP_AUTOFOCUS, 1)
            is_image, image = capture.read()
        if not is_image:
            capture.release()
        return capture, image if is_image else None

    def _tell_difference(self) -> None:
        asked = self._selection.camera_size
        if asked and asked != self._size:
            log.info("%s gives %d×%d; it was asked for %d×%d", self._name, *self._size, *asked)

    def _turn(self) -> Iterator[Timed]:
        """Until the camera gives no image, or nobody watches."""
        started_s = perf_counter()
        begun, self._begun = self._begun, []
        for image in begun:
            yield image, Fraction(0)
        while not self._stop.is_set():
            if self._nobody_watches():
                self._paused = self._rest
                return
            is_image, image = self._capture.read()
            if not is_image:
                self._paused = self._tell_absence
                return
            time_s = Fraction(round((perf_counter() - started_s) * 1_000_000), 1_000_000)
            yield resize(image, self._size), time_s

    def _again(self) -> bool:
        """Wait until the camera gives images again. False: the part that was asked for is over, or the run."""
        paused, self._paused = self._paused, None
        if paused is None:
            return False
        self._capture.release()
        paused()
        while not self._stop.is_set():
            self._capture, first = self._opened()
            if first is not None:
                log.info("%s is back", self._name)
                self._begun = [resize(first, self._size)]
                return True
            self._stop.wait(RETRY_S)
        return False

    def _tell_absence(self) -> None:
        log.warning("%s gives no image any more: unplugged, suspended, or in use. It is waited for", self._name)

    def _rest(self) -> None:
        log.info("Nobody reads the virtual camera: %s is released", self._name.lower())
        while self._nobody_watches() and not self._stop.is_set():
            self._stop.wait(POLL_S)
