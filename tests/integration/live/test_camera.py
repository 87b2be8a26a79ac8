"""Cameras that go away and come back, and virtual ones that nobody reads.

No camera is here. OpenCV's own capture plays a file in the place of a camera; everything else is real.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import pytest

from background_subtraction.cli.parse import parse_options
from background_subtraction.sinks import camera_readers
from background_subtraction.sinks.base import DeviceOutput
from background_subtraction.sinks.camera_readers import CameraReaders
from background_subtraction.sources import camera, camera_list
from background_subtraction.sources.camera import CameraSource, is_camera
from background_subtraction.sources.open import is_live
from background_subtraction.sources.reader_thread import Newest
from background_subtraction.sources.selection import Selection
from model_api.errors import OptionError, SourceError
from tests.conftest import COMMAND, DEMO, ROOT, RunDemo, one_line
from tests.support.command import run_command
from tests.support.media import barcode, read_barcode, write_video

TIMEOUT_S = 30
CLIP = 10
"""Frames that the stand-in gives before it is unplugged."""


class Unplugged:
    """An index that no camera has."""

    def read(self) -> tuple[bool, None]:
        return False, None

    def set(self, *_: object) -> bool:
        return False

    def get(self, _: int) -> float:
        return 0.0

    def release(self) -> None: ...


@pytest.fixture
def plugs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each opening of a camera finds in turn: "in" or "out". The last one holds. Retries do not wait."""
    found = ["in"]
    clip = write_video(tmp_path / "camera.mp4", (barcode(n) for n in range(CLIP)))
    real = cv2.VideoCapture

    def open_one(*_: object) -> Any:
        state = found.pop(0) if len(found) > 1 else found[0]
        return real(str(clip)) if state == "in" else Unplugged()

    monkeypatch.setattr("cv2.VideoCapture", open_one)
    monkeypatch.setattr(camera, "RETRY_S", 0.001)
    return found


def test_a_camera_that_comes_back_is_taken_up_again(plugs: list[str], caplog: pytest.LogCaptureFixture) -> None:
    plugs[:] = ["in", "out", "out", "in", "out", "in"]
    with CameraSource("0") as source:
        frames = list(islice(source, 3 * CLIP))
    assert [read_barcode(frame.image) for frame in frames] == [*range(CLIP)] * 3
    assert [frame.clip for frame in frames] == [0] * CLIP + [1] * CLIP + [2] * CLIP  # a new state after each pause
    assert [frame.index for frame in frames] == [*range(3 * CLIP)]
    times = [frame.timestamp_s for frame in frames]
    assert times == sorted(times)
    said = [record.getMessage() for record in caplog.records if record.levelname in ("INFO", "WARNING")]
    absent = "Camera 0 gives no image any more: unplugged, suspended, or in use. It is waited for"
    size = "Camera 0 gives 320×240; it was asked for 1280×720"
    assert said == [size, absent, "Camera 0 is back", absent, "Camera 0 is back"]


def test_the_end_of_the_run_does_not_wait_for_a_camera(plugs: list[str]) -> None:
    plugs[:] = ["in", "out"]
    with CameraSource("0") as source, Newest(source) as frames:
        next(iter(frames))


def test_a_camera_that_is_not_there_at_the_start_is_an_error(plugs: list[str]) -> None:
    plugs[:] = ["out"]
    with pytest.raises(SourceError, match=r"Camera 3 gives no image\. .* --list_cameras"):
        CameraSource("3")


def test_what_a_camera_is_asked_for(plugs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As the Open Model Zoo's demo asks (images_capture.py, CameraCapWrapper): one buffer, 30 frames a second,
    1280×720, autofocus, MJPG. The format comes first, because drivers have other sizes for other formats."""
    asked: list[tuple[int, float]] = []
    play = cv2.VideoCapture

    def recording(*words: object) -> Any:
        capture = play(*words)

        class Recorded:
            def set(self, key: int, value: float) -> bool:
                asked.append((key, value))
                return True

            def __getattr__(self, name: str) -> Any:
                return getattr(capture, name)

        return Recorded()

    monkeypatch.setattr("cv2.VideoCapture", recording)
    CameraSource("0").close()
    mjpg = cv2.VideoWriter.fourcc(*"MJPG")
    assert dict(asked) == {
        cv2.CAP_PROP_BUFFERSIZE: 1, cv2.CAP_PROP_FPS: 30, cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_FRAME_HEIGHT: 720, cv2.CAP_PROP_AUTOFOCUS: 1, cv2.CAP_PROP_FOURCC: mjpg,
    }  # fmt: skip
    keys = [key for key, _ in asked]
    assert keys.index(cv2.CAP_PROP_FOURCC) < keys.index(cv2.CAP_PROP_FRAME_WIDTH)
    asked.clear()
    CameraSource("0", Selection(camera_size=None, camera_format="", rate=Fraction(15))).close()
    assert dict(asked) == {cv2.CAP_PROP_BUFFERSIZE: 1, cv2.CAP_PROP_FPS: 15, cv2.CAP_PROP_AUTOFOCUS: 1}


@pytest.mark.parametrize("address", ["0", "12", "/dev/video0", "/dev/v4l/by-id/usb-Cam-video-index0"])
def test_addresses_of_cameras(address: str) -> None:
    assert is_camera(address)
    assert is_live(address)


@pytest.mark.parametrize("address", ["", "-1", "/dev/null", "/dev/video", "video0", "a/dev/video0"])
def test_addresses_of_others(address: str) -> None:
    assert not is_camera(address)


STAND_INS = f"""
import sys, time
from pathlib import Path
import cv2, pyvirtualcam, pyvirtualcam.camera
sys.path.insert(0, {str(ROOT)!r})
from background_subtraction.cli.main import main
from background_subtraction.sinks import camera_readers, virtual_camera
from background_subtraction.sources import camera
from tests.contract.test_virtual_camera import CameraInMemory
from tests.support.media import barcode, read_barcode

PLUGGED, WATCHED, RECEIVED = Path("plugged"), Path("watched"), Path("received")

class Camera:  # gives 1, 2, 3, ... while its file is there; its numbers go on wherever it is opened again
    shown = 0
    def __init__(self, *_):
        print("opened", flush=True)
    def read(self):
        time.sleep(0.005)
        Camera.shown += 1
        return (True, barcode(Camera.shown % 1000)) if PLUGGED.exists() else (False, None)
    def set(self, *_):
        return True
    def get(self, _):
        return 30.0
    def release(self):
        print("released", flush=True)

class Readers:  # of the virtual camera: some program reads it while its file is there
    def __init__(self, device): pass
    @property
    def are_there(self):
        return WATCHED.exists()
    def close(self): pass

class Virtual(CameraInMemory):
    def send(self, frame):
        super().send(frame)
        with RECEIVED.open("a") as file:
            print(read_barcode(self.received.pop()), file=file)

cv2.VideoCapture = Camera
camera.RETRY_S = camera.POLL_S = 0.01
virtual_camera.CameraReaders = Readers
virtual_camera.REPEAT_EVERY_S = 0.01
pyvirtualcam.camera.BACKENDS.clear()
pyvirtualcam.register_backend("memory", Virtual)
sys.exit(main(sys.argv[1:], "background_subtraction_demo.py"))
"""


def test_a_meeting_with_pauses(models: Path, tmp_path: Path, demo_environment: dict[str, str]) -> None:
    """The reader of the virtual camera goes away and comes back, then the camera itself; Ctrl-C ends it all."""
    pytest.importorskip("pyvirtualcam")
    plugged, watched, received = (tmp_path / name for name in ("plugged", "watched", "received"))
    plugged.touch()
    watched.touch()
    command = ["-m", models / "red_dynamic.onnx", "-i", "0", "--no_show", "--virtual_camera", "--target_bgr", "none"]
    printed = tmp_path / "stdout.txt"

    def said() -> str:
        return printed.read_text(encoding="utf-8")

    def numbers() -> list[int]:
        return [int(line) for line in received.read_text().splitlines()] if received.exists() else []

    def stands_still() -> bool:
        """It goes on receiving, and always the same image."""
        first = len(numbers())
        wait_for(lambda: len(numbers()) > first + 20)
        return len({*numbers()[first + 5 :]}) == 1

    def moves() -> None:
        last = numbers()[-1]
        wait_for(lambda: len({*numbers()[-10:]} - {last}) > 3)

    with printed.open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-c", STAND_INS, *map(str, command)], cwd=tmp_path, env=demo_environment, text=True,
            stdout=stdout, stderr=subprocess.PIPE,
        )  # fmt: skip
    try:
        wait_for(lambda: len(numbers()) > 5)
        moves()
        watched.unlink()
        wait_for(lambda: "Nobody reads the virtual camera: camera 0 is released" in said())
        wait_for(lambda: said().count("released\n") >= 2)  # the log's line, and the camera itself
        assert stands_still()
        watched.touch()
        wait_for(lambda: said().count("Camera 0 is back") == 1)
        moves()
        plugged.unlink()
        wait_for(lambda: "Camera 0 gives no image any more" in said())
        assert stands_still()
        plugged.touch()
        wait_for(lambda: said().count("Camera 0 is back") == 2)
        moves()
        plugged.unlink()
        wait_for(lambda: said().count("It is waited for") == 2)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert re.fullmatch(r"background_subtraction_demo\.py: error: interrupted after \d+ frames\n", stderr)
    assert re.search(r"From arrival to delivery: median [\d.]+ ms, 99th percentile [\d.]+ ms", said())


def wait_for(seen: Callable[[], object]) -> None:
    tries = Event()
    for _ in range(TIMEOUT_S * 100):
        if seen():
            return
        tries.wait(0.01)
    raise AssertionError("it never came")


def test_a_device_that_tells_nothing_is_never_rested_for(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    for device in (tmp_path / "video0", tmp_path / "missing", "camera in memory"):
        readers = CameraReaders(str(device))
        assert readers.are_there is None
        readers.close()


def test_readers_are_missed_after_a_while(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Events as v4l2loopback sends them (V4L2_EVENT_PRI_CLIENT_USAGE with the number of readers), times by hand."""
    waiting, now_s = [1], [100.0]

    def ioctl(_: int, request: int, argument: bytearray) -> int:
        if request == camera_readers.SUBSCRIBE:
            assert camera_readers.SUBSCRIPTION.unpack(argument) == (0x10E00001, 0, 1)
        elif waiting:
            argument[:] = camera_readers.EVENT.pack(0x10E00001, waiting.pop(0), 0, 0, 0, 0, 0)
        else:
            raise OSError("no event")
        return 0

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    monkeypatch.setattr(camera_readers, "monotonic", lambda: now_s[0])
    (tmp_path / "video0").touch()
    readers = CameraReaders(str(tmp_path / "video0"))
    assert readers.are_there
    waiting.append(0)
    seen = []
    for _ in range(14):
        now_s[0] += 1
        seen.append(readers.are_there)
    assert seen == [True] * 9 + [False] * 5
    waiting[:] = [0, 1]
    now_s[0] += 1
    assert readers.are_there
    readers.close()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.skipif(not Path("/usr/include/linux/videodev2.h").is_file(), reason="the kernel's headers are not here")
def test_numbers_and_structures_are_those_of_linux(tmp_path: Path) -> None:
    program = tmp_path / "numbers.c"
    program.write_text("""
        #include <linux/videodev2.h>
        #include <stddef.h>
        #include <stdio.h>
        int main(void) {
            printf("%lu %lu %lu %zu %zu %zu %zu %zu %u\\n", VIDIOC_QUERYCAP, VIDIOC_SUBSCRIBE_EVENT, VIDIOC_DQEVENT,
                sizeof(struct v4l2_capability), sizeof(struct v4l2_event_subscription), sizeof(struct v4l2_event),
                offsetof(struct v4l2_event, u), offsetof(struct v4l2_capability, device_caps),
                V4L2_EVENT_PRIVATE_START);
            return 0;
        }
    """)
    subprocess.run(["cc", "-o", str(tmp_path / "numbers"), str(program)], check=True)
    said = subprocess.run([str(tmp_path / "numbers")], check=True, capture_output=True, text=True).stdout
    assert [int(number) for number in said.split()] == [
        camera_list.QUERY_CAPABILITIES, camera_readers.SUBSCRIBE, camera_readers.DEQUEUE,
        camera_list.CAPABILITIES.size, camera_readers.SUBSCRIPTION.size, camera_readers.EVENT.size,
        8, 88, camera_readers.CLIENT_USAGE - 0x08E00000 - 1,
    ]  # fmt: skip


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the list is Linux's")
def test_cameras_are_listed_by_name_and_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree as sysfs has it. Number 1 is the metadata of number 0, 2 is a device for output, as its driver says."""
    capabilities = {"video0": 0x04200001, "video1": 0x04A00000, "video2": 0x05200002, "video10": 0x05200001}
    for name in capabilities:
        folder = tmp_path / "sys" / name
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"HD Cam of {name}\n")
        (tmp_path / "dev" / "v4l" / "by-id").mkdir(parents=True, exist_ok=True)
        (tmp_path / "dev" / name).touch()
    (tmp_path / "dev" / "v4l" / "by-id" / "usb-HD-index0").symlink_to(tmp_path / "dev" / "video0")

    def ioctl(file: int, request: int, answer: bytearray) -> int:
        assert request == camera_list.QUERY_CAPABILITIES
        name = Path(os.readlink(f"/proc/self/fd/{file}")).name
        answer[:] = camera_list.CAPABILITIES.pack(b"uvcvideo", b"HD Cam", b"usb-1", 0, 0x84A00001, capabilities[name])
        return 0

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    dev = tmp_path / "dev"
    assert [str(listed) for listed in camera_list.cameras(tmp_path / "sys", dev)] == [
        f"-i 0  HD Cam of video0  {dev}/video0  {dev}/v4l/by-id/usb-HD-index0",
        f"-i 10  HD Cam of video10  {dev}/video10",
    ]


def test_a_machine_without_a_camera_says_so(run_demo: RunDemo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("background_subtraction.cli.cameras.cameras", list)
    done = run_demo("--list_cameras")
    assert (done.returncode, done.stdout) == (0, "This machine has no camera that can be used\n")


@pytest.mark.parametrize("value", ["MJP", "MJPEG", "MJ\n G", 4, None])
def test_formats_have_four_characters(value: object) -> None:
    with pytest.raises(OptionError, match="Expected four characters, such as MJPG or YUYV"):
        Selection(camera_format=value)  # type: ignore[arg-type]


def test_the_files_for_a_linux_machine_are_printed(run_demo: RunDemo, tmp_path: Path, models: Path) -> None:
    (tmp_path / "my beach.jpg").touch()
    done = main_in(tmp_path, "camera-setup", "-i", "0", "--target_bgr", "my beach.jpg", "--mask_grow", "-2")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'options v4l2loopback devices=1 exclusive_caps=1 card_label="Background subtraction"\n' in done.stdout
    (command,) = re.findall(r"^ExecStart=(.*)$", done.stdout, re.MULTILINE)
    expected = f'-i 0 --target_bgr "{tmp_path}/my beach.jpg" --mask_grow -2 --no_show --virtual_camera'
    assert command == f"{sys.executable} {COMMAND} {expected}"
    assert not list(tmp_path.rglob("*.service"))
    unit = tmp_path / "background-subtraction.service"
    unit.write_text(done.stdout[done.stdout.index("[Unit]") :])
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True, check=False
        )
        assert unit.name not in checked.stderr, checked.stderr


@pytest.mark.parametrize(
    "words", ["--input=1 --virtual_camera=/dev/video9", "--input-source 1 --no_show --virtual-camera /dev/video9"]
)
def test_the_camera_of_a_setup_is_the_one_that_is_named(tmp_path: Path, words: str) -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", main_in(tmp_path, "camera-setup", *words.split()).stdout, re.MULTILINE)
    options = parse_options(command.split(f"{COMMAND} ")[1].split())
    assert options.devices == (DeviceOutput("virtual_camera", "/dev/video9"),)
    assert (options.inputs, options.window) == (("1",), None)


def main_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command(DEMO, words, folder)


def test_options_that_the_program_does_not_take_are_no_setup(tmp_path: Path) -> None:
    assert "unrecognized arguments: --bogus" in one_line(main_in(tmp_path, "camera-setup", "-i", "0", "--bogus"))
