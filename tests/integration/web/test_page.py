"""The page in a real Chromium: its controls are used, and pixels of what it shows are read through a canvas."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from background_subtraction.image_files import read_image
from background_subtraction.live.session import Session
from background_subtraction.live.settings import Settings, as_mapping
from background_subtraction.options import Options
from model_api.bundled import find_model
from tests.conftest import ROOT
from tests.integration.web.test_ending import started
from tests.support.browser import chromium, needs_chromium, page_at, wait_until
from tests.support.media import read_video, write_video
from tests.support.playing import played
from tests.support.web_runs import served, served_run

pytestmark = needs_chromium
CLIP = ROOT / "samples" / "astronaut.mp4"
"""NASA's portrait of Eileen Collins, in the public domain. The camera moves a little."""
FACE, SKY = (0.75, 0.36), (0.06, 0.12)
"""Shares of width and height. The sky is behind her, and smooth."""
MIDDLE = (0.5, 0.3)
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

    def settings(self) -> dict[str, Any]:
        return self.page.evaluate("fetch('/api/settings').then((answer) => answer.json())")

    def recorded_frames(self) -> int:
        return int(self.page.evaluate("fetch('/api/recording').then((a) => a.json()).then((state) => state.frames)"))

    def fingerprint(self) -> str:
        return str([self.colour((x, 0.5)) for x in (0.4, 0.6, 0.7, 0.8)])

    def later_fingerprint(self) -> str:
        self.page.wait_for_timeout(400)  # some frames of the camera
        return self.fingerprint()

    def colour_of_thumbnail(self, name: str) -> list[float]:
        return Seen(self.page, f"{self.panel} label[title='{name}'] img", self.panel).colour((0.5, 0.5))

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


def test_a_still_is_held(live: Seen) -> None:
    live.choose("Off: the camera as it is")
    live.switch("hold")
    live.until(lambda: live.settings()["hold"] is True)
    live.until(lambda: live.fingerprint() == live.later_fingerprint())
    live.switch("hold")
    live.until(lambda: live.fingerprint() != live.later_fingerprint())


def test_framing_and_edge(live: Seen) -> None:
    """The person is right of the middle; kept in the middle she covers it."""
    live.choose("Black")
    live.wait_for(SKY, BLACK)
    live.wait_for(MIDDLE, BLACK)
    live.switch("framing")
    live.wait_for_other(MIDDLE, BLACK)
    live.switch("framing")
    live.wait_for(MIDDLE, BLACK)
    for setting, value in {
        "mask.grow_px": 12,
        "mask.soften_px": 9,
        "mask.threshold": 0.5,
        "mask.steadiness": 0.4,
    }.items():
        live.slide(setting, value)
        group, name = setting.split(".")
        live.until(lambda: live.settings()[group][name] == value)  # noqa: B023
    live.page.click("#live [data-part=reset]")
    live.until(lambda: live.settings()["mask"] == as_mapping(Settings())["mask"])


def test_what_others_change_is_shown(live: Seen, run: tuple[str, Session]) -> None:
    run[1].change({"zoom_limit": 3.5, "mirror": True})
    live.until(lambda: live.page.input_value("#live [data-setting=zoom_limit]") == "3.5")
    assert live.page.is_checked("#live [data-setting=mirror]")
    run[1].change({"zoom_limit": 2.0, "mirror": False})
    live.until(lambda: not live.page.is_checked("#live [data-setting=mirror]"))


def test_a_refusal_is_told_and_taken_back(live: Seen) -> None:
    live.page.evaluate("document.querySelector('#live [data-setting=zoom_limit]').max = 9")
    live.slide("zoom_limit", 9)
    live.page.wait_for_selector("#problem:visible")
    assert "Expected a number from 1 to 4" in live.page.inner_text("#problem")
    live.until(lambda: live.page.input_value("#live [data-setting=zoom_limit]") == "2")


def test_recording_and_snapshot(live: Seen, tmp_path: Path) -> None:
    live.choose("White")
    live.wait_for(SKY, WHITE)
    with live.page.expect_download() as snapshot:
        live.page.click("#live [data-part=snapshot]")
    image = read_image(kept(snapshot.value, tmp_path / "snapshot.png"))
    assert image[:40, :60].mean() > 255 - NEAR
    live.page.click("#live [data-part=record]")
    live.until(lambda: live.page.inner_text("#live [data-part=record]") >= "Stop 00:01")
    live.page.click("#live [data-part=record]")
    with live.page.expect_download() as recording:
        live.page.click("#live [data-part=recording]")
    frames = read_video(kept(recording.value, tmp_path / "recording.mp4"))
    assert frames[0].shape == frames[-1].shape == image.shape
    assert min(frame[:40, :60].mean() for frame in frames) > 255 - NEAR


def test_a_meeting_is_recorded_while_it_is_changed(live: Seen, tmp_path: Path) -> None:
    """Each recorded frame is of one setting, and they come in the order in which they were made."""
    chosen = {"Black": BLACK, "White": WHITE, "Green": GREEN}
    live.choose("Black")
    live.wait_for(SKY, BLACK)
    live.page.click("#live [data-part=record]")
    for name, colour in chosen.items():
        live.choose(name)
        live.wait_for(SKY, colour)
        begun = live.recorded_frames()
        live.until(lambda: live.recorded_frames() > begun + 3)  # noqa: B023
    live.page.click("#live [data-part=record]")
    with live.page.expect_download() as recording:
        live.page.click("#live [data-part=recording]")
    frames = read_video(kept(recording.value, tmp_path / "meeting.mp4"))
    y, x = round(SKY[1] * frames[0].shape[0]), round(SKY[0] * frames[0].shape[1])
    seen = np.array([frame[y, x, ::-1] for frame in frames], int)
    near = [np.abs(seen - colour).max(1) <= NEAR for colour in chosen.values()]
    assert np.sum(near, axis=0).tolist() == [1] * len(frames)
    places = np.argmax(near, axis=0).tolist()
    assert places == sorted(places)
    assert set(places) == {0, 1, 2}


def kept(download: Any, path: Path) -> Path:
    download.save_as(path)
    return path


def test_without_webrtc_pictures_come_one_by_one(browser: Any, run: tuple[str, Session]) -> None:
    with page_at(browser, run[0], script="delete window.RTCPeerConnection") as page:
        seen = Seen(page, "#live img[data-part=mjpeg]", "#live")
        assert page.inner_text("#live [data-part=way]") == "MJPEG"
        seen.choose("Green")
        seen.wait_for(SKY, GREEN)
        seen.choose("Black")
        seen.wait_for(SKY, BLACK)
        page.click("#tab-files")
        seen.until(lambda: len(run[1].frames) == 0)


def test_the_keyboard_reaches_everything(live: Seen) -> None:
    """The tabs by arrows (WAI-ARIA Authoring Practices, Tabs), and each control has a name."""
    page = live.page
    page.focus("#tab-live")
    for key, tab in [
        ("ArrowRight", "camera"),
        ("End", "files"),
        ("ArrowRight", "live"),
        ("ArrowLeft", "files"),
        ("Home", "live"),
    ]:
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == f"tab-{tab}"
        assert page.is_visible(f"#{tab}")
    page.focus("#live input[value='none']")
    page.keyboard.press("ArrowRight")
    live.wait_for(SKY, GREEN)
    page.focus("#live [data-setting=blur_bgr], #live [data-setting=zoom_limit]:enabled")
    assert not page.evaluate(NAMELESS)


NAMELESS = """
[...document.querySelectorAll("button, a[href], input, select, video, [role=radiogroup]")].filter((element) => {
  const label = element.closest("label");
  return !(element.ariaLabel || element.textContent.trim() || label?.textContent.trim());
}).map((element) => element.outerHTML)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_cut_off_and_text_has_contrast(browser: Any, server: str, scheme: str, width: int) -> None:
    """Contrast of 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    with page_at(browser, server, viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        for tab in ("live", "camera", "files"):
            page.click(f"#tab-{tab}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for ink, paper in INK_ON_PAPER:
            assert contrast(*page.evaluate(COLOURS, [ink, paper])) >= 4.5, (ink, paper)


INK_ON_PAPER = [
    *[("--ink", paper) for paper in ("--page", "--card", "--field", "--picked")],
    *[("--soft", paper) for paper in ("--page", "--card", "--field")],
    *[("--on-accent", "--accent"), ("--danger", "--danger-wash"), ("--danger", "--card")],
]
COLOURS = """(names) => names.map((name) => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
})"""


def contrast(*colours: list[int]) -> float:
    """WCAG 2.2, "contrast ratio" and "relative luminance"."""
    light = [value / 255 for colour in colours for value in colour]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in light]
    first, second = (float(np.dot(linear[i : i + 3], (0.2126, 0.7152, 0.0722))) for i in (0, 3))
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def test_another_model(live: Seen, run: tuple[str, Session]) -> None:
    live.choose("Black")
    live.wait_for(SKY, BLACK)
    live.page.select_option("#live [data-setting=model]", "portrait")
    live.until(lambda: run[1].statistics().model == "portrait")
    live.wait_for(SKY, BLACK)
    assert is_skin(live.colour(FACE))
    live.page.select_option("#live [data-setting=model]", "")
    live.until(lambda: run[1].statistics().model == "")


def test_an_uploaded_picture_becomes_the_background(live: Seen, orange: Path) -> None:
    live.choose("Black")
    live.wait_for(SKY, BLACK)
    live.page.set_input_files("#live .add input", str(orange))
    live.wait_for(SKY, ORANGE)
    assert is_skin(live.colour(FACE))
    chosen = live.settings()["target_bgr"]
    live.choose("Black")
    live.wait_for(SKY, BLACK)
    live.choose("orange.png")
    live.wait_for(SKY, ORANGE)
    assert live.settings()["target_bgr"] == chosen
    assert live.colour_of_thumbnail("orange.png") == pytest.approx(ORANGE, abs=NEAR)
    live.choose("Black")
    live.page.click("#live button[aria-label='Delete orange.png']", force=True)
    live.until(lambda: not live.page.query_selector("#live input[aria-label='orange.png']"))


def test_a_preset_is_kept_and_used(live: Seen) -> None:
    live.choose("White")
    live.wait_for(SKY, WHITE)
    live.page.fill("#live [data-part=preset-name]", "For calls")
    live.page.keyboard.press("Enter")
    live.until(lambda: live.page.input_value("#live [data-part=preset]") == "For calls")
    live.choose("Black")
    live.wait_for(SKY, BLACK)
    live.page.click("#live [data-part=use-preset]")
    live.wait_for(SKY, WHITE)
    assert live.page.is_checked("#live input[aria-label='White']")


def dropped(page: Any, file: Path, kind: str) -> None:
    """Drop a file on the page, as a hand would."""
    data = base64.b64encode(file.read_bytes()).decode()
    page.evaluate(DROP, [data, file.name, kind])
    page.wait_for_selector("#files li:first-child [data-part=download]:visible")


DROP = """([data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


def downloaded(page: Any, path: Path) -> Path:
    with page.expect_download() as download:
        page.click("#files li:first-child [data-part=download]")
    return kept(download.value, path)


def test_a_picture_is_dropped_and_downloaded(browser: Any, server: str, tmp_path: Path) -> None:
    """Over a colour, then transparent, then the mask alone; beside it, the picture as it was."""
    picture = tmp_path / "astronaut.png"
    cv2.imwrite(str(picture), read_video(CLIP)[0])
    with page_at(browser, server) as page:
        page.click("#tab-files")
        page.check("#files input[aria-label='White']", force=True)
        dropped(page, picture, "image/png")
        composite = read_all(downloaded(page, tmp_path / "composite.png"))
        assert composite.shape == (360, 640, 3)
        assert composite[at(SKY)].tolist() == [255, 255, 255]
        before = Seen(page, "#files .before", "#files")
        assert before.colour(SKY) == pytest.approx(read_all(picture)[at(SKY)][::-1], abs=NEAR)
        assert Seen(page, "#files .after", "#files").colour(SKY) == [255, 255, 255]
        page.fill("#files .compare input", "80")
        assert page.evaluate("document.querySelector('.compare').style.getPropertyValue('--cut')") == "80%"
        for view, channels in {"transparent": 4, "alpha": None}.items():
            page.check(f"#files input[value={view}]", force=True)
            page.click("#files [data-part=again]")
            page.wait_for_selector("#files li:first-child [data-part=download]:visible")
            result = read_all(downloaded(page, tmp_path / f"{view}.png"))
            levels = result[..., 3] if channels else result
            assert (int(levels[at(SKY)]), int(levels[at(FACE)])) == (0, 255)


def test_a_video_is_dropped_followed_and_downloaded(browser: Any, server: str, tmp_path: Path) -> None:
    with page_at(browser, server) as page:
        page.click("#tab-files")
        page.check("#files input[aria-label='White']", force=True)
        page.click("#tab-camera")
        dropped(page, CLIP, "video/mp4")
        assert page.is_visible("#files")  # it opens by itself
        result = read_video(downloaded(page, tmp_path / "result.mp4"))
        assert len(result) == len(read_video(CLIP))
        assert min(frame[at(SKY)].min() for frame in result) > 255 - NEAR
        after = Seen(page, "#files .after", "#files")
        after.wait_for(SKY, WHITE)
        page.click("#files [data-part=remove]")
        assert not page.query_selector("#files li")


@pytest.mark.parametrize("name", ["broken.png", "broken.mp4"])
def test_what_cannot_be_read_says_so_on_its_card(browser: Any, server: str, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither a picture nor a video" * 40)
    with page_at(browser, server) as page:
        page.click("#tab-files")
        page.set_input_files("#files [data-part=files]", str(tmp_path / name))
        page.wait_for_selector("#files .job-problem:visible")
        problem = page.inner_text("#files .job-problem")
        assert len(problem) > 10
        assert "\n" not in problem
        assert str(tmp_path) not in problem


@pytest.mark.parametrize("way", ["WebRTC", "MJPEG"])
def test_the_preview_comes_back_with_the_server(
    browser: Any, models: Path, tmp_path: Path, demo_environment: dict[str, str], way: str
) -> None:
    """Another server at the same address shows another colour. Before, settings are shown from the first moment on."""
    nobody = write_video(tmp_path / "nobody.mp4", [np.full((360, 640, 3), (60, 100, 0), np.uint8)] * 12)
    words = ["-m", models / "red.onnx", "-i", nobody, "--loop", "--no_show", "--target_bgr"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    script = "delete window.RTCPeerConnection;" if way == "MJPEG" else ""
    selector = LIVE if way == "WebRTC" else "#live [data-part=mjpeg]"
    with started([*words, "black"], demo_environment, port) as (first, url), page_at(browser, url, script) as page:
        seen = Seen(page, selector, "#live")
        assert page.is_checked("#live input[aria-label='Black']")
        assert page.input_value("#live [data-setting='blur_bgr']") == "0"
        seen.wait_for(SKY, BLACK)
        assert page.inner_text("#live [data-part=way]") == way
        first.kill()
        page.wait_for_selector("#problem:visible")
        assert "The server does not answer" in page.inner_text("#problem")
        with started([*words, "white"], demo_environment, port):
            seen.wait_for(SKY, WHITE)
            assert page.is_hidden("#problem")


def read_all(path: Path) -> Any:
    """All channels that a PNG has."""
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def at(place: tuple[float, float]) -> tuple[int, int]:
    """Row and column in the clip's size."""
    return round(place[1] * 360), round(place[0] * 640)
