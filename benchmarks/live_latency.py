"""The latency of live frames: a clip comes in real time over HTTP, as a network camera sends it (MJPEG).

    python -m benchmarks.live_latency samples/astronaut.mp4 --seconds 30 -- --no_show --blur_bgr 60

What follows -- are options of the program, which runs in a process of its own. Its report tells the median and the 99th
percentile of the time from a frame's arrival to its delivery, and how many frames were dropped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep

import av
import cv2

ROOT = Path(__file__).resolve().parents[1]
FRAMES = 150
"""Frames of the clip that are sent over and over."""


@contextmanager
def camera(images: list[bytes], rate: float, seconds: float) -> Iterator[str]:
    """A camera on the network. Each frame is sent when it is due."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--part")
            self.end_headers()
            begun_s = perf_counter()
            with suppress(OSError):  # the program has gone
                for number, image in enumerate(islice(cycle(images), int(seconds * rate))):
                    sleep(max(0.0, begun_s + number / rate - perf_counter()))
                    head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
                    self.wfile.write(head.encode() + image + b"\r\n")

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/camera"
        server.shutdown()


def images_of(clip: str, size: tuple[int, int]) -> list[bytes]:
    """The first frames of a clip as JPEGs of this (width, height)."""
    with av.open(clip) as container:
        frames = (frame.to_ndarray(format="bgr24") for frame in islice(container.decode(video=0), FRAMES))
        return [cv2.imencode(".jpg", cv2.resize(frame, size))[1].tobytes() for frame in frames]


def main() -> int:
    """Send the clip to the program, and return its exit code: 1, because the camera stops at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--size", default="1280x720")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    args = parser.parse_args(words[:end])
    width, height = map(int, args.size.split("x"))
    with camera(images_of(args.clip, (width, height)), args.rate, args.seconds) as address:
        command = [
            sys.executable,
            str(ROOT / "background_subtraction_demo.py"),
            "-i",
            address,
            *(words[end + 1 :] or ["--no_show"]),
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
