"""What viewers of the page cost a run: its frames a second and CPU time with none, one and three of them, in turns.

    python -m benchmarks.viewers --clip talk.mp4 -- -m video --blur_bgr 60

What follows -- are options of the run, which is a process of its own: once as fast as it can be, over a looped clip,
and once in real time, as a network camera sends it (MJPEG over HTTP, 30 frames a second). Viewers are Chromium tabs
(playwright) on this machine, by WebRTC and by MJPEG. It takes CPU time as well, so that frames a second fall for two
reasons; the CPU time is that of the run's process alone. Prints tables in Markdown. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, islice
from pathlib import Path
from statistics import mean
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import av
import cv2
import httpx
import psutil

from model_tools.benchmark.machine import this_machine

ROOT = Path(__file__).resolve().parents[1]
SIZE_WH, RATE, FRAMES = (1280, 720), 30, 90
WAYS = {"WebRTC": "", "MJPEG": "delete window.RTCPeerConnection;"}
"""How a tab sees the run -> what its page is told before."""
TIMEOUT_MS = 30_000
SETTLE_S = 2.0
SEEN = "document.querySelector('#live video').getVideoPlaybackQuality().totalVideoFrames"


@dataclass(frozen=True)
class Figures:
    """One measurement. fps: of the run. cpu_ms: of its process for a frame. seen_fps: of the tabs, 0 for unknown."""

    fps: float
    cpu_ms: float
    seen_fps: float


def main() -> None:
    """Measure, and print the tables."""
    args = _arguments()
    from playwright.sync_api import sync_playwright

    print("\n".join(this_machine().lines()))
    cases = [("nobody", 0), *((way, number) for way in WAYS for number in args.viewers)]
    with tempfile.TemporaryDirectory(prefix="viewers-") as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        clip = _cut(args.clip, Path(folder, "clip.mp4"))
        with _camera(_images(clip)) as address:
            inputs = {"as fast as it can": ("-i", str(clip), "--loop"), "30 frames a second": ("-i", address)}
            for name, words in inputs.items():
                with _run([*words, *args.words]) as (process, url):
                    measured: dict[tuple[str, int], list[Figures]] = {case: [] for case in cases}
                    for _ in range(args.rounds):
                        for case in cases:
                            measured[case].append(_measured(browser, process, url, *case, args.seconds))
                _print_table(name, measured)
        browser.close()


def _print_table(name: str, measured: dict[tuple[str, int], list[Figures]]) -> None:
    print(f"\n### {name}, {SIZE_WH[0]}×{SIZE_WH[1]}\n")
    print("| viewers | FPS of the run | CPU ms a frame | FPS that each sees |", "|---|---|---|---|", sep="\n")
    for (way, number), rounds in measured.items():
        fps, cpu_ms, seen = (mean(getattr(each, field) for each in rounds) for field in ("fps", "cpu_ms", "seen_fps"))
        who = f"{number} by {way}" if number else way
        print(f"| {who} | {fps:.1f} | {cpu_ms:.1f} | {f'{seen:.1f}' if seen else '–'} |", flush=True)


def _measured(browser: Any, process: psutil.Process, url: str, way: str, number: int, seconds: float) -> Figures:
    contexts = [browser.new_context() for _ in range(number)]
    try:
        pages = [_watching(context, url, way) for context in contexts]
        sleep(SETTLE_S)
        begun = _state(process, url, pages)
        end_s = begun[0] + seconds
        while (left_s := end_s - perf_counter()) > 0:
            if pages:
                pages[0].wait_for_timeout(min(left_s * 1000, 500))  # playwright's own events go on meanwhile
            else:
                sleep(left_s)
        ended = _state(process, url, pages)
    finally:
        for context in contexts:
            context.close()
    took_s, frames, cpu_s, seen = (after - before for before, after in zip(begun, ended, strict=True))
    return Figures(frames / took_s, cpu_s * 1000 / max(frames, 1), seen / took_s)


def _watching(context: Any, url: str, way: str) -> Any:
    context.set_default_timeout(TIMEOUT_MS)
    context.add_init_script(WAYS[way])
    page = context.new_page()
    page.goto(f"{url}#/live")
    page.wait_for_selector(f"#live [data-part=way]:has-text('{way}')")
    return page


def _state(process: psutil.Process, url: str, pages: Sequence[Any]) -> tuple[float, float, float, float]:
    """The time, and the run's frames, CPU seconds and frames that a tab has seen until then."""
    frames = httpx.get(f"{url}api/session").json()["frames"]
    times = process.cpu_times()
    seen = [float(page.evaluate(SEEN)) for page in pages]
    return perf_counter(), float(frames), times.user + times.system, mean(seen) if seen else 0.0


@contextmanager
def _run(words: Sequence[str]) -> Iterator[tuple[psutil.Process, str]]:
    """The command with a page. Yields its process and the page's address, when frames come."""
    command = [sys.executable, str(ROOT / "background_subtraction_demo.py"), *words, "--no_show", "--web", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while not (said := re.search(r"Web page: (\S+)", lines[-1] if lines else "")):
                lines.append(process.stdout.readline())
                if not lines[-1]:
                    sys.exit(f"The run has ended\n{''.join(lines)}")
            Thread(target=process.stdout.read, daemon=True).start()  # or the pipe would be full one day
            while not httpx.get(f"{said[1]}api/session").json()["frames"]:
                sleep(0.1)
            yield psutil.Process(process.pid), said[1]
        finally:
            process.terminate()


@contextmanager
def _camera(images: Sequence[bytes]) -> Iterator[str]:
    """A camera on the network. Each frame is sent when it is due. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--part")
            self.end_headers()
            begun_s = perf_counter()
            with suppress(OSError):  # the program has gone
                for number in count():
                    sleep(max(0.0, begun_s + number / RATE - perf_counter()))
                    image = images[number % len(images)]
                    head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
                    self.wfile.write(head.encode() + image + b"\r\n")

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/camera"
        server.shutdown()


def _cut(clip: Path, target: Path) -> Path:
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE_WH, "yuv420p"
        for number, frame in enumerate(islice(source.decode(video=0), FRAMES)):
            frame = frame.reformat(*SIZE_WH, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return target


def _images(clip: Path) -> list[bytes]:
    with av.open(str(clip)) as container:
        frames = (frame.to_ndarray(format="bgr24") for frame in container.decode(video=0))
        return [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]


def _chromium() -> str | None:
    """This machine's, None for playwright's own."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _arguments(words: Sequence[str] = tuple(sys.argv[1:])) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--clip", type=Path, default=ROOT / "samples" / "astronaut.mp4", help="A video of a person.")
    add("--viewers", type=int, nargs="+", default=[1, 3], help="How many, besides none. Default: 1 3.")
    add("--seconds", type=float, default=6.0, help="Of a measurement. Default: 6.")
    add("--rounds", type=int, default=2, help="Default: 2.")
    end = words.index("--") if "--" in words else len(words)
    args = parser.parse_args(words[:end])
    args.words = words[end + 1 :]
    return args


if __name__ == "__main__":
    main()
