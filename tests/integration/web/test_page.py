"""The page in a real Chromium: its controls are used, and pixels of what it shows are read through a canvas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from background_subtraction.live.session import Session
from background_subtraction.options import Options
from model_api.bundled import find_model
from tests.conftest import ROOT
from tests.support.browser import chromium, needs_chromium, page_at, wait_until
from tests.support.playing import played
from tests.support.web_runs import served, served_run

pytestmark = needs_chromium
CLIP = ROOT / "samples" / "astronaut.mp4"
"""NASA's portrait of Eileen Collins, in the public domain. The camera moves a little."""
FACE, SKY = (0.75, 0.36), (0.06, 0.12)
"""Shares of width and height. The sky is behind her, and smooth."""
MIRRORED_FACE = (1 - FACE[0], FACE[1])
TOWER_X, TOWER_Y = (0.34, 0.46), 0.5
"""Where the rocket stands: edges, which blurring takes away."""
BLACK, WHITE, GREEN, ORANGE = (0, 0, 0), (255, 255, 255), (120, 255, 155), (240, 140, 20)
NEAR = 16
"""Levels, after VP8."""
LIVE, CAMERA = "#live video", "#camera [data-part=video]"


@dataclass(frozen=True)
class Seen:
    """A page, and where on it the picture is."""

    page: Any
    selector: str
    panel: str

    def colour(self, at: tuple[float, float]) -> list[float]:
        return self.page.evaluate("([s, x, y]) => colourAt(s, x, y)", [self.selector, *at]) or [-1000, -1000, -1000]

    def is_near(self, at: tuple[float, float], colour: Sequence[float], by: int = NEAR) -> bool:
        return bool(np.abs(np.subtract(self.colour(at), colour)).max() <= by)

    def wait_for(self, at: tuple[float, float], colour: Sequence[float], by: int = NEAR) -> None:
        self.until(lambda: self.is_near(at, colour, by))

    def wait_for_other(self, at: tuple[float, float], colour: Sequence[float]) -> None:
        self.until(lambda: not self.is_near(at, colour, 40))

    def until(self, holds: Callable[[], bool]) -> None:
        """Playwright's own wait_for_function evaluates text, which the page's rules forbid."""
        wait_until(self.page, holds)

    def edge(self) -> float:
        """How sharp the rocket's left side is: the largest difference between two points beside each other."""
        across = [self.colour((x, TOWER_Y)) for x in np.linspace(*TOWER_X, 40)]
        return float(np.abs(np.diff(across, axis=0)).sum(1).max())

    def choose(self, background: str) -> None:
        self.page.check(f"{self.panel} input[aria-label='{background}']", force=True)

    def switch(self, setting: str) -> None:
        self.page.click(f"{self.panel} [data-setting='{setting}']")

    def slide(self, setting: str, value: float) -> None:
        self.page.fill(f"{self.panel} [data-setting='{setting}']", str(value))


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip as Chromium's fake camera takes it: YUV4MPEG2."""
    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    with av.open(str(CLIP)) as clip, av.open(f"file:{path}", "w", format="yuv4mpegpipe") as out:
        stream = out.add_stream("wrapped_avframe", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for frame in clip.decode(video=0):
            frame.pts = None
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def browser(camera_file: Path) -> Iterator[Any]:
    with chromium(camera_file) as started:
        yield started


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Session]]:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch, played(CLIP, folder / "camera") as camera:
        for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder))
        options = Options(model=find_model(None), inputs=(camera.address,), window=None, progress=False)
        with served_run(options, camera.stop) as started:
            yield started


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def live(browser: Any, run: tuple[str, Session]) -> Iterator[Seen]:
    with page_at(browser, run[0]) as page:
        wait_until(page, lambda: page.inner_text("#live [data-part=way]") == "WebRTC")
        yield Seen(page, LIVE, "#live")


@pytest.fixture
def own(browser: Any, server: str) -> Iterator[Seen]:
    with page_at(browser, server) as page:
        page.click("#camera [data-part=start]")
        page.wait_for_selector(f"{CAMERA}:visible")
        yield Seen(page, CAMERA, "#camera")


@pytest.fixture
def orange(tmp_path: Path) -> Path:
    path = tmp_path / "orange.png"
    cv2.imwrite(str(path), np.full((90, 160, 3), ORANGE[::-1], np.uint8))
    return path


def is_skin(colour: list[float]) -> bool:
    red, green, blue = colour
    return bool(red > 140 and red > green > blue)


def uses_every_background(seen: Seen) -> None:
    """Colours, the scene blurred, and the camera as it is."""
    seen.choose("Green")
    seen.wait_for(SKY, GREEN)
    seen.choose("Black")
    seen.wait_for(SKY, BLACK)
    assert is_skin(seen.colour(FACE))
    seen.choose("White")
    seen.wait_for(SKY, WHITE)
    seen.choose("Off: the camera as it is")
    seen.wait_for_other(SKY, WHITE)
    as_it_is = seen.colour(SKY)
    seen.choose("Black")
    seen.wait_for(SKY, BLACK)
    seen.switch("effect")
    seen.wait_for(SKY, as_it_is, 30)
    seen.switch("effect")
    seen.wait_for(SKY, BLACK)
    seen.switch("mirror")
    seen.wait_for_other(MIRRORED_FACE, BLACK)
    assert is_skin(seen.colour(MIRRORED_FACE))
    seen.wait_for(FACE, BLACK)
    seen.switch("mirror")
    seen.wait_for(MIRRORED_FACE, BLACK)


def blurs_the_scene(seen: Seen) -> None:
    seen.choose("Off: the camera as it is")
    seen.wait_for_other(SKY, BLACK)
    sharp = seen.edge()
    seen.choose("Blur")
    seen.slide("blur_bgr", 150)
    seen.until(lambda: seen.edge() < sharp / 2)
    assert is_skin(seen.colour(FACE))


def test_backgrounds_effect_and_mirror(live: Seen) -> None:
    uses_every_background(live)


def test_the_scene_is_blurred(live: Seen) -> None:
    blurs_the_scene(live)


def test_my_camera_there_and_back(own: Seen) -> None:
    uses_every_background(own)
    blurs_the_scene(own)
    own.page.click("#camera [data-part=start]")
    assert own.page.is_hidden(CAMERA)


def test_another_model(live: Seen, run: tuple[str, Session]) -> None:
    live.choose("Black")
    live.wait_for(SKY, BLACK)
    live.page.select_option("#live [data-setting=model]", "portrait")
    live.until(lambda: run[1].statistics().model == "portrait")
    live.wait_for(SKY, BLACK)
    assert is_skin(live.colour(FACE))
    live.page.select_option("#live [data-setting=model]", "")
    live.until(lambda: run[1].statistics().model == "")
