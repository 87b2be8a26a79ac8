"""A camera in the place of OpenCV's, in the process of this program or of the Open Model Zoo's demo.

One side of `live_latency`, which starts it:

    python benchmarks/camera_stand_in.py ours|DEMO.py FOLDER RATE SECONDS LOG -- options of the command

It behaves as Video4Linux does with one buffer, which both programs ask for: a frame comes to a program that waits for
it, and is lost otherwise. Its pictures are JPEGs, decoded by OpenCV when they are read, as those of cameras in MJPG.
Each carries its number in its corner. LOG gets a line for each delivered frame: its number, and the seconds from the
moment when it was due to the moment when its composite was ready to be shown and written.

Both sides are measured in their own process by the same clock. Needs OpenCV and NumPy alone: the demo has its own
Python.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import cv2
import numpy as np

BITS, SIDE_PX = 20, 4


class Camera:
    """cv2.VideoCapture of a camera. Every instance shows the same frames at the same time."""

    images: tuple[Any, ...] = ()
    rate = 30.0
    seconds = 30.0
    over: Callable[[], None] = sys.exit
    begun_s = 0.0

    def __init__(self, *_: object) -> None:
        """Begin with the first one that is opened."""
        Camera.begun_s = Camera.begun_s or perf_counter()

    def open(self, address: object, *_: object) -> bool:
        """The demo tries a file of this name first."""
        return isinstance(address, int)

    def isOpened(self) -> bool:  # noqa: N802
        """It is."""
        return True

    def set(self, *_: object) -> bool:
        """Nothing is changed."""
        return True

    def get(self, name: int) -> float:
        """The rate is known."""
        return self.rate if name == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, Any]:
        """Wait for the next frame."""
        number = math.floor((perf_counter() - self.begun_s) * self.rate) + 1
        if number > self.seconds * self.rate:
            type(self).over()
        sleep(max(0.0, self.begun_s + number / self.rate - perf_counter()))
        image = cv2.imdecode(self.images[number % len(self.images)], cv2.IMREAD_COLOR)
        _paint(image, number)
        return True, image

    def release(self) -> None:
        """Nothing is open."""


class Log:
    """What was delivered."""

    def __init__(self, path: Path) -> None:
        """path: of the file."""
        self._path = path
        self._lines: list[str] = []

    def add(self, image: Any, now_s: float) -> None:
        """Note a frame as it came from the camera. now_s: when its composite was ready."""
        number = _painted(image)
        self._lines.append(f"{number} {now_s - Camera.begun_s - number / Camera.rate}\n")

    def close(self) -> None:
        """Write it, and end the process: a camera has no end."""
        self._path.write_text("".join(self._lines))
        os._exit(0)


def ours(words: list[str], log: Log) -> None:
    """This program, from its command line on."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from background_subtraction.cli.parse import parse_options
    from background_subtraction.report import Report
    from background_subtraction.run import prepare

    with prepare(parse_options(words), Report()) as run, run.session.frames.subscribe() as frames:

        def watch() -> None:
            while not frames.ended:
                delivered = frames.next()
                if delivered is not None:
                    log.add(delivered.plan.source.picture, delivered.plan.frame.arrived_s + delivered.latency_s)

        Thread(target=watch, daemon=True).start()
        run()


def parent(demo: str, words: list[str], log: Log) -> None:
    """The Open Model Zoo's demo, whose function `render_results` returns the composite of a frame."""
    specification = importlib.util.spec_from_file_location("demo", demo)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    render = module.render_results

    def rendered(frame: Any, *others: Any, **named: Any) -> Any:
        composite = render(frame, *others, **named)
        log.add(frame, perf_counter())
        return composite

    module.render_results = rendered
    sys.argv = [demo, *words]
    module.main()


def _paint(image: Any, number: int) -> None:
    for bit in range(BITS):
        image[:SIDE_PX, bit * SIDE_PX : (bit + 1) * SIDE_PX] = 255 * (number >> bit & 1)


def _painted(image: Any) -> int:
    return sum(1 << bit for bit in range(BITS) if image[SIDE_PX // 2, bit * SIDE_PX + SIDE_PX // 2, 0] > 127)


def main() -> None:
    """Read the words, and run a side until the camera's end."""
    side, folder, rate, seconds, log_path, _, *words = sys.argv[1:]
    log = Log(Path(log_path))
    Camera.images = tuple(np.fromfile(path, np.uint8) for path in sorted(Path(folder).glob("*.jpg")))
    Camera.rate, Camera.seconds, Camera.over = float(rate), float(seconds), staticmethod(log.close)
    cv2.VideoCapture = Camera  # type: ignore[misc, assignment]
    if side == "ours":
        ours(words, log)
    else:
        parent(side, words, log)


if __name__ == "__main__":
    main()
