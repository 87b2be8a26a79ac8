"""A transparent .webm in a real browser: Chromium plays it over a red page, and the red shines through."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from background_subtraction.image_files import read_image
from tests.conftest import RunDemo
from tests.support.media import indexed, write_images

TIMEOUT_S = 30
CLIP_WH = (192, 144)
POINTS = [(32, 72), (96, 72), (160, 72)]
"""The middles of the three thirds of `indexed`: the person, a soft edge as wide as a third, the room."""
INDEXES = [*[0] * 6, *range(0, 128, 16), *[128] * 16]
"""The soft third's alpha grows from 0 to 128, so that it is seen that the clip was played. Before and after it rests:
which frame is on the screen when a busy browser looks, nobody can say exactly."""

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="neither chromium, chromium-browser nor google-chrome is here")

# The screenshot is taken at the page's load event, which waits for its images: the server holds one back until the
# page has reported what it measured.
PAGE = """<!doctype html>
<body style="margin: 0; background: #ff0000">
<video muted autoplay playsinline style="display: block"></video>
<img src="held" hidden>
<script>
const video = document.querySelector("video"), seen = {};
const report = () => fetch("report", {method: "POST", body: JSON.stringify(seen)});
function pixels() {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight), pen = canvas.getContext("2d");
    pen.drawImage(video, 0, 0);
    return POINTS.map(([x, y]) => Array.from(pen.getImageData(x, y, 1, 1).data));
}
video.onloadeddata = () => { seen.first = pixels(); };
video.requestVideoFrameCallback(function shown(_, frame) {
    if (frame.mediaTime < video.duration / 2) return video.requestVideoFrameCallback(shown);
    seen.last = pixels();
    report();
});
video.onerror = () => { seen.error = video.error.message; report(); };
video.src = "out.webm";
</script>
"""


class Site(ThreadingHTTPServer):
    """One folder's files on loopback, and what its page reports."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(SiteRequest, directory=str(folder)))
        self.report: dict[str, object] = {}
        self.reported = Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class SiteRequest(SimpleHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path != "/held":
            return super().do_GET()
        self.server.reported.wait(TIMEOUT_S / 2)
        return self.send_error(404)

    def do_POST(self) -> None:
        self.server.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reported.set()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """pytest's output is not the place."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def screenshot(address: str, folder: Path) -> Path:
    """The page as Chromium shows it when it has loaded."""
    picture, log = folder / "screenshot.png", folder / "chromium.log"
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--autoplay-policy=no-user-gesture-required", "--hide-scrollbars", "--force-device-scale-factor=1",
        "--force-color-profile=srgb", "--window-size=320,240", f"--user-data-dir={folder / 'profile'}",
        f"--screenshot={picture}", address,
    ]  # fmt: skip
    with log.open("wb") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
    assert picture.exists(), log.read_text(errors="replace")
    return picture


def near(expected: Sequence[tuple[int, ...]]) -> list[object]:
    """Within what the codec and 4:2:0 lose."""
    return [pytest.approx(levels, abs=5) for levels in expected]


def test_chromium_shows_the_page_through_a_transparent_video(
    models: Path, tmp_path: Path, run_demo: RunDemo, site: Site
) -> None:
    width, height = CLIP_WH
    write_images(tmp_path / "in", (indexed(n, width=width, height=height) for n in INDEXES))
    done = run_demo("-m", models / "red.onnx", "-i", tmp_path / "in", "--target_bgr", "transparent", "-o", "out.webm")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "index.html").write_text(PAGE.replace("POINTS", json.dumps(POINTS)), encoding="utf-8")

    image = read_image(screenshot(site.address, tmp_path))

    # RGBA as the canvas has it. Colours are straight: at half the alpha they are the frame's, not half of them.
    # Nothing is said of colours that cannot be seen; the canvas answers 0 for them.
    assert site.report.keys() == {"first", "last"}, site.report
    assert site.report["first"] == near([(255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 0)])
    assert site.report["last"] == near([(255, 0, 128, 255), (128, 0, 128, 128), (0, 0, 0, 0)])
    # BGR on the screen: the person, half of the soft edge on half of the page's red, and the page.
    shown = [tuple(map(int, image[y, x])) for x, y in [*POINTS, (width + 50, height + 50)]]
    assert shown == near([(128, 0, 255), (64, 0, 191), (0, 0, 255), (0, 0, 255)])
