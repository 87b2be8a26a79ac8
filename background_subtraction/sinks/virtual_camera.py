"""A camera for other programs: they receive the images that are written to it.

pyvirtualcam (https://github.com/letmaik/pyvirtualcam) is an optional extra under GPL-2.0. It is imported only here,
and only when a virtual camera is used.
"""

from __future__ import annotations

import logging
import platform
from fractions import Fraction
from types import ModuleType, TracebackType
from typing import Any

import cv2

from background_subtraction.sinks.base import Sink
from background_subtraction.sinks.camera_readers import CameraReaders
from model_api.errors import SinkError
from model_api.extras import install_command
from model_api.pictures.picture import Picture, bgr_of
from model_api.resize import fit_to_window_letterbox
from model_api.types import Image, Size

log = logging.getLogger(__name__)

INSTALL = install_command("virtual_camera")
OBS = "install OBS (https://obsproject.com) and start its virtual camera once"
HOW_TO_MAKE_ONE = {"Linux": "sudo modprobe v4l2loopback devices=1", "Windows": OBS, "Darwin": OBS}
"""By what `platform.system()` answers."""


REPEAT_EVERY_S = 0.1
"""Programs that get no image for long take the camera for dead."""


class VirtualCamera(Sink):
    """A camera that other programs can use: they receive the images. The first one decides the size.

    While no image comes, it shows the last one.
    """

    square_pixels = True

    def __init__(self, device: str | None, rate: Fraction, *, pace: bool = False) -> None:
        """Open nothing yet.

        Args:
            device: its name, /dev/video<n> on Linux; None for the first that is free.
            rate: frames per second, which the device announces.
            pace: wait after each image until the next is due, so that a file plays at its own speed. Live sources
                set their own pace.

        Raises:
            SinkError: pyvirtualcam is not installed.
        """
        self._library = _pyvirtualcam()
        self._device = device
        self._rate = rate
        self._pace = pace
        self._camera: Any = None
        self._readers: CameraReaders | None = None
        self._shown: Image | None = None

    def check(self, size: Size) -> None:
        """Open the device and close it again."""
        width, height = size
        self._open((width + width % 2, height + height % 2)).close()

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        """Show an image.

        Args:
            picture: (H, W, 3) uint8 BGR of any size: it is fitted with black bars into the first one's.
            index: not used.
            timestamp_s: not used; see `pace`.

        Raises:
            SinkError: there is no such device, or it refuses the image.
        """
        image = _even(bgr_of(picture))
        if self._camera is None:
            self._camera = self._open(_size(image))
            log.info("Virtual camera: %s, %d×%d", self._camera.device, self._camera.width, self._camera.height)
            self._readers = CameraReaders(self._camera.device)
        wanted = self._camera.width, self._camera.height
        self._send(fit_to_window_letterbox(_size(image), wanted).apply(image))
        if self._pace:
            self._camera.sleep_until_next_frame()

    @property
    def repeat_every_s(self) -> float:
        """See `Sink`."""
        return REPEAT_EVERY_S

    def repeat(self) -> None:
        """Show the last image once more, if there is one."""
        if self._shown is not None:
            self._send(self._shown)

    @property
    def watched(self) -> bool | None:
        """Whether some program reads the camera. None: the system does not tell, or nothing was shown yet."""
        return None if self._readers is None else self._readers.are_there

    def __enter__(self) -> VirtualCamera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._readers is not None:
            self._readers.close()
        if self._camera is not None:
            self._camera.close()
            self._camera = None
            self._shown = None

    def _send(self, image: Image) -> None:
        try:
            self._camera.send(image)
        except RuntimeError as error:
            raise SinkError(f"virtual camera {self._camera.device}: refuses the image ({_one_line(error)})") from error
        self._shown = image

    def _open(self, size: Size) -> Any:
        """A pyvirtualcam.Camera of `size`. Raises SinkError with what to do if there is none."""
        pixels = self._library.PixelFormat.BGR
        try:
            camera = self._library.Camera(*size, float(self._rate), fmt=pixels, device=self._device)
        except RuntimeError as error:
            name = f"virtual camera {self._device}" if self._device else "virtual camera"
            remedy = HOW_TO_MAKE_ONE.get(platform.system(), OBS)
            raise SinkError(f"{name}: cannot be opened ({_one_line(error)}). If there is none yet: {remedy}") from error
        return camera


def _pyvirtualcam() -> ModuleType:
    try:
        # No code in brackets: mypy says import-untyped or import-not-found, depending on the environment.
        import pyvirtualcam  # type: ignore
    except ImportError as error:
        raise SinkError(f"A virtual camera needs pyvirtualcam ({_one_line(error)}). Install it: {INSTALL}") from error
    return pyvirtualcam


def _even(image: Image) -> Image:
    """Make the sides even by repeating the edge.

    pyvirtualcam converts to I420. With odd sides its colour planes overlap: it rounds their sides down, libyuv rounds
    them up (native_shared/image_formats.h, bgr_to_i420).
    """
    height, width = image.shape[:2]
    if width % 2 == height % 2 == 0:
        return image
    return cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)


def _size(image: Image) -> Size:
    return image.shape[1], image.shape[0]


def _one_line(error: Exception) -> str:
    """The text of pyvirtualcam's errors has a line for each backend that it tried."""
    return "; ".join(str(error).splitlines()).rstrip(".")
