"""The preview: a real window under Xvfb, real keys, and what is on the screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import pytest
import Xlib.display
import Xlib.protocol.event
import Xlib.X

from model_api.types import Image
from tests.conftest import COMMAND
from tests.support.colours import write_planes
from tests.support.media import write_images
from tests.support.net_camera import PERSON, ROOM, SIZE, camera_on_the_net

WINDOW = "Background subtraction"
SCREEN = (1200, 700)
TIMEOUT_S = 30

missing = [program for program in ("Xvfb", "xdotool") if shutil.which(program) is None]
pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Xvfb is for Linux"),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    read, write = os.pipe()
    size = "x".join(map(str, SCREEN))
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


@dataclass
class Desk:
    """A screen with the demo on it."""

    display: str
    process: subprocess.Popen[str]
    folder: Path
    printed: Path

    def screen(self) -> Image:
        connection = Xlib.display.Display(self.display)
        width, height = SCREEN
        pixels = connection.screen().root.get_image(0, 0, width, height, Xlib.X.ZPixmap, 0xFFFFFFFF).data
        connection.close()
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 4)[..., :3]

    def press(self, *keys: str) -> None:
        """Without a window manager the keys go to the window under the pointer."""
        command = ["xdotool", "mousemove", "100", "100", "key", *keys]
        subprocess.run(command, env={**os.environ, "DISPLAY": self.display}, check=True)

    def map_again(self) -> bool:
        """Where no window manager is, Qt misses the order to paint about once in ten starts: its window is there,
        and stays black. A window manager would have it painted when it frames it.

        Answers whether there is a window yet."""
        command = ["xdotool", "search", "--name", WINDOW, "windowunmap", "--sync", "windowmap"]
        environment = {**os.environ, "DISPLAY": self.display}
        return not subprocess.run(command, env=environment, check=False, timeout=TIMEOUT_S).returncode

    def close_window(self) -> None:
        """As a window manager does it: by asking the program (ICCCM 4.2.8.1)."""
        connection = Xlib.display.Display(self.display)
        (window,) = [child for child in connection.screen().root.query_tree().children if child.get_wm_name() == WINDOW]
        protocols, delete = (connection.intern_atom(name) for name in ("WM_PROTOCOLS", "WM_DELETE_WINDOW"))
        event = Xlib.protocol.event.ClientMessage(window=window, client_type=protocols, data=(32, [delete, 0, 0, 0, 0]))
        window.send_event(event)
        connection.sync()
        connection.close()

    def wait_for(self, seen: Callable[[Image], bool], what: str) -> Image:
        deadline_s = time.monotonic() + TIMEOUT_S
        map_again_s = time.monotonic() + 4
        while time.monotonic() < deadline_s:
            assert self.process.poll() is None, self.process.communicate()
            image = self.screen()
            # Twice: the first time the window may be half drawn.
            if seen(image) and seen(image := self.screen()):
                cv2.imwrite(str(self.folder / f"{what}.png"), image)
                return image
            if time.monotonic() > map_again_s and not image.any():
                map_again_s = deadline_s if self.map_again() else time.monotonic() + 1
            time.sleep(0.05)
        cv2.imwrite(str(self.folder / f"not {what}.png"), image)
        raise AssertionError(f"{what} never came; see {self.folder}")

    def end(self) -> str:
        _, stderr = self.process.communicate(timeout=TIMEOUT_S)
        assert (self.process.returncode, stderr) == (0, "")
        return self.printed.read_text(encoding="utf-8")


def colour_at(image: Image, x: int, y: int) -> tuple[int, int, int]:
    blue, green, red = (int(level) for level in image[y, x])
    return blue, green, red


@pytest.fixture
def start(
    display: str, models: Path, tmp_path: Path, demo_environment: dict[str, str]
) -> Iterator[Callable[..., Desk]]:
    """The demo on frames whose left half is a red person and whose right half is a blue room."""
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    image[:, : SIZE[0] // 2] = (40, 0, 255)
    image[:, SIZE[0] // 2 :] = (200, 0, 0)
    write_images(tmp_path / "in", [image] * 3)
    desks: list[Desk] = []

    def begin(*arguments: object) -> Desk:
        environment = {**demo_environment, "DISPLAY": display, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        command = [sys.executable, str(COMMAND), "-i", str(tmp_path / "in"), "--target_bgr", "0,255,0"]
        model = [] if "-m" in arguments else ["-m", str(models / "red.onnx")]
        printed = tmp_path / "stdout.txt"
        with printed.open("wb") as stdout:
            process = subprocess.Popen(
                [*command, *model, *map(str, arguments)], cwd=tmp_path, env=environment, text=True,
                stdout=stdout, stderr=subprocess.PIPE,
            )  # fmt: skip
        desks.append(Desk(display, process, tmp_path, printed))
        return desks[-1]

    yield begin
    for desk in desks:
        desk.process.kill()
        desk.process.communicate()


GREEN, BLACK, WHITE = (0, 255, 0), (0, 0, 0), (255, 255, 255)


def shows(left: tuple[int, int, int], right: tuple[int, int, int]) -> Callable[[Image], bool]:
    def near(a: tuple[int, int, int], b: tuple[int, int, int]) -> bool:
        return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= 6

    return lambda image: near(colour_at(image, 60, 150), left) and near(colour_at(image, 340, 150), right)


def test_every_view_every_key_and_a_clean_end(start: Callable[..., Desk]) -> None:
    desk = start("--loop")
    composite = desk.wait_for(shows(PERSON, GREEN), "composite")
    assert figures(composite) > 30
    desk.press("v")
    desk.wait_for(shows(WHITE, BLACK), "alpha")
    desk.press("v")
    desk.wait_for(shows(PERSON, BLACK), "foreground")
    desk.press("v")
    wide = desk.wait_for(shows(PERSON, ROOM), "side by side")
    assert colour_at(wide, SIZE[0] + 340, 150) == GREEN
    desk.press("v")
    desk.wait_for(shows(PERSON, GREEN), "composite again")

    for key in "cdm":
        more_than = partial(has_more_graphs, graphs(desk.screen()))
        desk.press(key)
        desk.wait_for(more_than, f"graph {key}")
    desk.press("h")
    desk.wait_for(lambda image: graphs(image) == 0, "no graphs")

    desk.press("s")
    desk.press("space")
    desk.wait_for(lambda image: figures(image) > figures(composite), "paused")
    desk.press("space")
    desk.press("q")
    said = desk.end()
    saved = list(desk.folder.glob("composite_*.png"))
    assert len(saved) == 1
    assert str(saved[0]) in said
    assert "Metrics report" in said


def figures(image: Image) -> int:
    """Pixels of the white figures at the top left."""
    return int((image[5:70, 5:180] > 220).all(axis=2).sum())


def graphs(image: Image) -> int:
    """Columns that hold pixels of the graphs' grey frames."""
    return int((np.abs(image[240:295, :400].astype(int) - 90).max(axis=2) <= 2).any(axis=0).sum())


def has_more_graphs(count: int, image: Image) -> bool:
    return graphs(image) > count


def test_keys_change_the_settings(start: Callable[..., Desk]) -> None:
    """The person is the left half and stays the frame's own; the background is not mirrored with it."""
    desk = start("--loop")
    plain = desk.wait_for(shows(PERSON, GREEN), "composite")
    desk.press("x")
    desk.wait_for(shows(GREEN, PERSON), "mirrored")
    desk.press("e")
    desk.wait_for(shows(ROOM, PERSON), "effect off")
    desk.press("x")
    desk.wait_for(shows(PERSON, ROOM), "not mirrored")
    desk.press("e")
    desk.wait_for(shows(PERSON, GREEN), "effect on")
    desk.press("n")
    desk.wait_for(shows(PERSON, ROOM), "blurred")  # of one colour, it looks as it is
    desk.press("n")
    time.sleep(2)  # OpenCV keeps one key only until it is asked for
    assert shows(PERSON, ROOM)(desk.screen())
    desk.press("n")
    desk.wait_for(shows(PERSON, GREEN), "first background")
    desk.press("question")
    desk.wait_for(lambda image: white(image) > 3 * white(plain), "help")
    desk.press("question")
    desk.wait_for(lambda image: white(image) < 2 * white(plain), "no help")
    desk.press("p")
    desk.press("q")
    assert "P: There are no presets" in desk.end()


def white(image: Image) -> int:
    return int((image[:300, :400] > 220).all(axis=2).sum())


def test_space_stops_the_frames(start: Callable[..., Desk], tmp_path: Path) -> None:
    """The number of frames in the report tells: none are counted while it is paused."""
    desk = start("--loop", "-o", tmp_path / "out_%05d.png")
    composite = desk.wait_for(shows(PERSON, GREEN), "composite")
    desk.press("space")
    desk.wait_for(lambda image: figures(image) > figures(composite), "paused")
    views = cycle([shows(WHITE, BLACK), shows(PERSON, BLACK), shows(PERSON, ROOM), shows(PERSON, GREEN)])

    def frames_of_a_view() -> int:
        """Files that are written until the next view is on the screen, which takes several frames' time."""
        before = len(list(tmp_path.glob("out_*.png")))
        desk.press("v")
        desk.wait_for(next(views), "next view")
        return len(list(tmp_path.glob("out_*.png"))) - before

    frames_of_a_view()  # the writer may be some frames behind
    assert [frames_of_a_view() for _ in range(3)] == [0, 0, 0]
    desk.press("space")
    written = len(list(tmp_path.glob("out_*.png")))
    desk.wait_for(lambda image: len(list(tmp_path.glob("out_*.png"))) > written, "more frames")
    desk.press("q")
    desk.end()


def test_space_stops_the_window_alone_where_frames_come_by_themselves(
    start: Callable[..., Desk], tmp_path: Path
) -> None:
    """What is written, as what a call sees, goes on."""
    with camera_on_the_net() as address:
        desk = start("-i", address, "--target_bgr", "none", "-o", tmp_path / "out_%05d.png")
        desk.wait_for(shows(ROOM, ROOM), "room")
        person = desk.wait_for(shows(PERSON, PERSON), "person")
        desk.press("space")
        still = desk.wait_for(lambda image: figures(image) > 1.2 * figures(person), "paused")
        written = len(list(tmp_path.glob("out_*.png")))
        desk.wait_for(lambda image: len(list(tmp_path.glob("out_*.png"))) > written + 40, "goes on")
        assert colour_at(desk.screen(), 340, 150) == colour_at(still, 340, 150)
        desk.press("space")
        desk.wait_for(lambda image: figures(image) < 1.2 * figures(person), "window goes on")
        desk.press("q")
        desk.end()


def test_keys_are_obeyed_while_no_frame_comes(start: Callable[..., Desk], tmp_path: Path) -> None:
    with camera_on_the_net(10) as address:
        desk = start("-i", address, "--target_bgr", "none", "-o", tmp_path / "out_%05d.png")
        desk.wait_for(shows(PERSON, PERSON), "last frame")
        desk.press("q")
        desk.end()


@pytest.mark.parametrize("key", ["Escape", "Q"])
def test_keys_that_end(start: Callable[..., Desk], key: str) -> None:
    desk = start("--loop")
    desk.wait_for(shows(PERSON, GREEN), "composite")
    desk.press(key)
    desk.end()


def test_closing_the_window_ends(start: Callable[..., Desk]) -> None:
    desk = start("--loop")
    desk.wait_for(shows(PERSON, GREEN), "composite")
    desk.close_window()
    desk.end()


def test_a_still_image_stays_until_a_key(start: Callable[..., Desk], tmp_path: Path) -> None:
    desk = start("-i", tmp_path / "in" / "frame 0.png", "-u", "cdm")
    desk.wait_for(shows(PERSON, GREEN), "still")
    desk.press("v")
    desk.wait_for(shows(WHITE, BLACK), "alpha, and it is still there")
    desk.press("q")
    desk.end()


def test_b_captures_the_empty_scene(start: Callable[..., Desk], models: Path) -> None:
    """Without a plate the first frame is it, so nobody is there; the frames do not change, so B keeps it so."""
    desk = start("-m", models / "difference.onnx", "--loop")
    desk.wait_for(shows(GREEN, GREEN), "nobody")
    desk.press("b")
    desk.wait_for(lambda image: "is the empty scene from now on" in desk.printed.read_text(), "captured")
    desk.press("q")
    said = desk.end()
    assert "the first frame is the empty scene until B captures another" in said
    assert "is the empty scene from now on" in said


def test_a_result_beside_the_input_within_a_size(start: Callable[..., Desk]) -> None:
    desk = start("--loop", "--show_with_original_frame", "--output_resolution", "400x400")
    image = desk.wait_for(lambda image: colour_at(image, 30, 75) == PERSON, "small")
    assert [colour_at(image, x, 75) for x in (150, 230, 350)] == [ROOM, PERSON, GREEN]
    assert colour_at(image, 600, 75) == BLACK  # the empty screen
    desk.press("q")
    desk.end()


def test_pixels_on_the_screen_are_square(start: Callable[..., Desk], tmp_path: Path) -> None:
    """A red clip of 400×300 whose pixels are twice as wide as high is 800×300 on the screen. Red: BT.601's codes."""
    planes = [np.full((SIZE[1] // n, SIZE[0] // n), code, np.uint8) for n, code in ((1, 81), (2, 90), (2, 240))]
    clip = write_planes(tmp_path / "wide.mp4", [planes] * 3, "yuv420p", aspect=Fraction(2))
    desk = start("-i", clip, "--loop")
    image = desk.wait_for(lambda image: min(colour_at(image, 790, 290)[2], colour_at(image, 600, 150)[2]) > 240, "wide")
    assert [colour_at(image, x, y) for x, y in ((815, 150), (600, 310))] == [BLACK, BLACK]
    desk.press("q")
    desk.end()
