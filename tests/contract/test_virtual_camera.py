"""What the virtual camera promises, before a camera in memory that is registered as pyvirtualcam wants it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from background_subtraction.sinks import virtual_camera
from background_subtraction.sinks.base import DeviceOutput, Encoding
from background_subtraction.sinks.outputs import Outputs
from background_subtraction.sinks.virtual_camera import VirtualCamera
from model_api.errors import SinkError
from model_api.types import Image
from tests.support.colours import bars, hand_over, write_planes
from tests.support.media import barcode, indexed, read_barcode

NTSC = Fraction(30000, 1001)
NAME = "camera in memory"
BGR_ORDER = {"24BG": slice(None), "raw ": slice(None, None, -1)}
"""How the channels of pyvirtualcam.PixelFormat.BGR and .RGB become blue, green, red."""


class CameraInMemory:
    """The interface is pyvirtualcam.Backend. received: (H, W, 3) uint8 BGR, whatever order it was told to expect."""

    opened: ClassVar[list[CameraInMemory]] = []

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
        if device not in (None, NAME):
            raise ValueError(f"Device {device} does not exist.")
        self.size, self.fps, self.closed = (width, height), fps, 0
        self.received: list[Image] = []
        self._fourcc = fourcc
        self.opened.append(self)

    def send(self, frame: npt.NDArray[np.uint8]) -> None:
        assert (frame.ndim, frame.dtype.name, frame.flags.c_contiguous) == (1, "uint8", True)
        order = BGR_ORDER[self._fourcc.to_bytes(4, "little").decode()]
        self.received.append(frame.reshape(self.size[1], self.size[0], 3)[..., order].copy())

    def close(self) -> None:
        self.closed += 1

    def device(self) -> str:
        return NAME

    def native_fourcc(self) -> None:
        return None


class BrokenCamera(CameraInMemory):
    def send(self, frame: npt.NDArray[np.uint8]) -> None:
        raise RuntimeError("The cable is cut.")


@pytest.fixture
def pyvirtualcam() -> Any:
    return pytest.importorskip("pyvirtualcam")


@pytest.fixture
def cameras(pyvirtualcam: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CameraInMemory]]:
    """The cameras that were opened. The only backend, so that a real device of this machine stays out of it."""
    monkeypatch.setattr("pyvirtualcam.camera.BACKENDS", {})
    pyvirtualcam.register_backend("memory", CameraInMemory)
    yield CameraInMemory.opened
    CameraInMemory.opened.clear()


def write_all(images: list[Image], device: str | None = None, rate: Fraction = NTSC, pace: bool = False) -> None:
    with VirtualCamera(device, rate, pace=pace) as sink:
        for index, image in enumerate(images):
            sink.write(image, index, index / rate)


def test_other_programs_get_square_pixels(cameras: list[CameraInMemory], tmp_path: Path) -> None:
    """320×240 with pixels of 64:45 is 455×240, and sides are even."""
    path = write_planes(tmp_path / "pal.mp4", [bars(320, 240)], "yuv420p", aspect=Fraction(64, 45))
    hand_over(path, lambda source: Outputs((), Encoding(), source, (DeviceOutput("virtual_camera"),)))
    assert [camera.size for camera in cameras] == [(456, 240), (456, 240)]


@pytest.mark.parametrize("device", [None, NAME])
def test_frames_arrive_in_order_with_their_colours(cameras: list[CameraInMemory], device: str | None) -> None:
    images = [indexed(number) for number in range(20)]
    write_all(images, device)
    (camera,) = cameras
    np.testing.assert_array_equal(camera.received, images)


def test_the_first_frame_decides_the_size_and_the_source_the_rate(cameras: list[CameraInMemory]) -> None:
    write_all([barcode(1), np.full((480, 640, 3), 200, np.uint8), barcode(3)])
    (camera,) = cameras
    assert camera.size == (320, 240)
    assert camera.fps == pytest.approx(29.97, abs=0.001)


def test_another_size_is_fitted_with_black_bars(cameras: list[CameraInMemory]) -> None:
    wide, tall = np.full((90, 320, 3), 200, np.uint8), np.full((480, 320, 3), 200, np.uint8)
    write_all([barcode(1), wide, tall, barcode(3, 640, 480)])
    first, second, third, last = cameras[0].received
    assert read_barcode(first) == 1
    assert second[:75].max() == second[165:].max() == 0  # 320×90 in the middle of 320×240
    assert second[75:165].min() == 200
    assert third[:, :80].max() == third[:, 240:].max() == 0  # 320×480 becomes 160×240
    assert third[:, 80:240].min() == 200
    assert read_barcode(last) == 3


@pytest.mark.parametrize(("width", "height"), [(321, 241), (320, 241), (321, 240), (1, 1)])
def test_odd_sizes_get_a_pixel_more(cameras: list[CameraInMemory], width: int, height: int) -> None:
    image = indexed(7, width, height)
    write_all([image, image])
    (camera,) = cameras
    assert camera.size == (width + width % 2, height + height % 2)
    for received in camera.received:
        np.testing.assert_array_equal(received[:height, :width], image)
        np.testing.assert_array_equal(received[-1, -1], image[-1, -1])


def test_a_view_into_a_larger_image_arrives_as_it_looks(cameras: list[CameraInMemory]) -> None:
    view = indexed(7)[::2, ::-2]
    write_all([view])
    np.testing.assert_array_equal(cameras[0].received, [view])


def test_the_device_in_use_is_logged(cameras: list[CameraInMemory], caplog: pytest.LogCaptureFixture) -> None:
    write_all([indexed(0), indexed(1)])
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.INFO, f"Virtual camera: {NAME}, 64×48")
    ]


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long pyvirtualcam would have slept, each time, until the next frame is due."""
    seconds: list[float] = []
    monkeypatch.setattr("pyvirtualcam.camera.time.sleep", seconds.append)
    return seconds


def test_frames_are_not_held_back(cameras: list[CameraInMemory], sleeps: list[float]) -> None:
    write_all([indexed(number) for number in range(5)], rate=Fraction(1))
    assert sleeps == []
    assert len(cameras[0].received) == 5


def test_paced_frames_come_at_the_rate(cameras: list[CameraInMemory], monkeypatch: pytest.MonkeyPatch) -> None:
    """pyvirtualcam waits, once after each frame, at the rate that it was told."""
    received: list[int] = []
    wait = "pyvirtualcam.Camera.sleep_until_next_frame"
    monkeypatch.setattr(wait, lambda camera: received.append(len(cameras[0].received)))
    write_all([indexed(number) for number in range(10)], rate=Fraction(50), pace=True)
    assert received == list(range(1, 11))
    assert cameras[0].fps == 50


def test_without_frames_no_camera_is_opened(cameras: list[CameraInMemory]) -> None:
    write_all([])
    assert cameras == []


def test_it_is_closed_once(cameras: list[CameraInMemory]) -> None:
    write_all([indexed(0)])
    assert [camera.closed for camera in cameras] == [1]


def test_it_is_closed_after_an_error_of_the_run(cameras: list[CameraInMemory]) -> None:
    def run() -> None:
        with VirtualCamera(None, NTSC) as sink:
            sink.write(indexed(0), 0, Fraction(0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert [camera.closed for camera in cameras] == [1]


def test_a_camera_that_breaks_is_named_and_closed(cameras: list[CameraInMemory], pyvirtualcam: Any) -> None:
    pyvirtualcam.register_backend("memory", BrokenCamera)
    with pytest.raises(SinkError) as caught:
        write_all([indexed(0)])
    assert str(caught.value) == f"virtual camera {NAME}: refuses the image (The cable is cut)"
    assert [camera.closed for camera in cameras] == [1]


@pytest.mark.parametrize(
    ("system", "remedy"),
    [
        ("Linux", "sudo modprobe v4l2loopback devices=1"),
        ("Windows", "install OBS (https://obsproject.com) and start its virtual camera once"),
        ("Darwin", "install OBS (https://obsproject.com) and start its virtual camera once"),
    ],
)
def test_an_unknown_device_is_named_with_the_remedy(
    cameras: list[CameraInMemory], pyvirtualcam: Any, monkeypatch: pytest.MonkeyPatch, system: str, remedy: str
) -> None:
    pyvirtualcam.register_backend("another", CameraInMemory)  # two backends: two lines from pyvirtualcam
    monkeypatch.setattr("platform.system", lambda: system)
    with pytest.raises(SinkError) as caught:
        write_all([indexed(0)], "/dev/video99")
    assert str(caught.value) == (
        "virtual camera /dev/video99: cannot be opened ('memory' backend: Device /dev/video99 does not exist.; "
        f"'another' backend: Device /dev/video99 does not exist). If there is none yet: {remedy}"
    )
    assert cameras == []


@pytest.mark.parametrize("device", [None, "no such device"])
def test_without_a_real_device_one_line_says_how_to_make_one(pyvirtualcam: Any, device: str | None) -> None:
    """With pyvirtualcam's own backends."""
    try:
        pyvirtualcam.Camera(64, 48, 30, device=device).close()
    except RuntimeError:
        with pytest.raises(SinkError) as caught:
            write_all([indexed(0)], device)
    else:
        pytest.skip("this machine has a virtual camera")
    assert str(caught.value).startswith(f"virtual camera{f' {device}' if device else ''}: cannot be opened (")
    assert str(caught.value).endswith(tuple(virtual_camera.HOW_TO_MAKE_ONE.values()))
    assert "\n" not in str(caught.value)


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(SinkError, match=r"pip install .*virtual.camera") as caught:
        VirtualCamera(None, NTSC)
    assert "\n" not in str(caught.value)
