"""A camera that other programs see: what is written to it is the picture they receive.

pyvirtualcam (https://github.com/letmaik/pyvirtualcam) is an optional extra under GPL-2.0: it is imported here alone,
and only when a camera is asked for.
"""

from __future__ import annotations

import logging
import platform
from fractions import Fraction
from types import ModuleType, TracebackType
from typing import Any

import cv2

from model_api.errors import SinkError
from model_api.resize import fit_to_window_letterbox
from model_api.types import Image, Size

log = logging.getLogger(__name__)

INSTALL = "pip install pyvirtualcam"
OBS = "install OBS (https://obsproject.com) and start its virtual camera once"
HOW_TO_MAKE_ONE = {"Linux": "sudo modprobe v4l2loopback devices=1", "Windows": OBS, "Darwin": OBS}
"""By what `platform.system()` answers."""


class VirtualCamera:
    """A sink whose pictures other programs receive as a camera's. The first one decides the size.

    device: its name, /dev/video<n> on Linux; None for the first that is free. rate: frames per second, which the
    device is told. pace: wait after each picture until the next is due, so that a file plays at its own speed;
    live sources set their own pace. Raises SinkError if pyvirtualcam is not installed.
    """

    full = False

    def __init__(self, device: str | None, rate: Fraction, *, pace: bool = False) -> None:
        self._library = _pyvirtualcam()
        self._device = device
        self._rate = rate
        self._pace = pace
        self._camera: Any = None

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        """image: (H, W, 3) uint8 BGR, of any size: fitted with black bars into the first one's.

        Raises SinkError if there is no such device, or if it refuses the picture.
        """
        image = _even(image)
        if self._camera is None:
            self._camera = self._open(_size(image))
        camera = self._camera
        try:
            camera.send(fit_to_window_letterbox(_size(image), (camera.width, camera.height)).apply(image))
        except RuntimeError as error:
            raise SinkError(f"virtual camera {camera.device}: refuses the picture ({_one_line(error)})") from error
        if self._pace:
            camera.sleep_until_next_frame()

    def finish(self) -> None:
        """A camera has no end to write."""

    def __enter__(self) -> VirtualCamera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _open(self, size: Size) -> Any:
        """A pyvirtualcam.Camera of `size`. Raises SinkError with what to do if there is none."""
        pixels = self._library.PixelFormat.BGR
        try:
            camera = self._library.Camera(*size, float(self._rate), fmt=pixels, device=self._device)
        except RuntimeError as error:
            name = f"virtual camera {self._device}" if self._device else "virtual camera"
            remedy = HOW_TO_MAKE_ONE.get(platform.system(), OBS)
            raise SinkError(f"{name}: cannot be opened ({_one_line(error)}). If there is none yet: {remedy}") from error
        log.info("Virtual camera: %s, %d×%d", camera.device, *size)
        return camera


def _pyvirtualcam() -> ModuleType:
    try:
        # No code in brackets: mypy calls the same line import-untyped or import-not-found, as it is installed or not.
        import pyvirtualcam  # type: ignore
    except ImportError as error:
        raise SinkError(f"A virtual camera needs pyvirtualcam ({_one_line(error)}). Install it: {INSTALL}") from error
    return pyvirtualcam


def _even(image: Image) -> Image:
    """Sides made even by repeating the edge. pyvirtualcam makes I420 of the picture; with odd sides its colour planes
    overlap: it rounds their sides down, libyuv fills them rounded up (native_shared/image_formats.h, bgr_to_i420)."""
    height, width = image.shape[:2]
    if width % 2 == height % 2 == 0:
        return image
    return cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)


def _size(image: Image) -> Size:
    return image.shape[1], image.shape[0]


def _one_line(error: Exception) -> str:
    """pyvirtualcam has a line for each backend that it tried."""
    return "; ".join(str(error).splitlines()).rstrip(".")
