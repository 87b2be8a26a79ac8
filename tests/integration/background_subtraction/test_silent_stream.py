"""A stream falls silent while it is read: the read cannot be broken off, and the process ends all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import COMMAND
from tests.support.net_camera import camera_on_the_net

FRAMES = 10
TIMEOUT_S = 60
LIBRARY = f"""
import sys, threading
from itertools import islice
from background_subtraction.sources.reader_thread import Prefetched
from background_subtraction.sources.video import VideoSource

with VideoSource(sys.argv[1]) as source, Prefetched(source) as reader:
    frames = list(islice(reader, {FRAMES}))
print(len(frames), [thread.name for thread in threading.enumerate() if thread.name == "decoding"])
"""


def test_a_python_program_that_leaves_it_ends_without_a_crash() -> None:
    with camera_on_the_net(FRAMES) as address:
        command = [sys.executable, "-c", LIBRARY, address]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{FRAMES} ['decoding']\n", "")


def test_the_command_ends_by_a_signal_soon(models: Path, tmp_path: Path, demo_environment: dict[str, str]) -> None:
    """FFmpeg gives a server ten seconds to answer, and connects again five times."""
    with camera_on_the_net(FRAMES) as address:
        command = [sys.executable, str(COMMAND), "-i", address, "-m", str(models / "red.onnx"), "--no_show"]
        outputs = ["-o", str(tmp_path / "%05d.png"), "--target_bgr", "none"]
        process = subprocess.Popen(
            [*command, *outputs], env=demo_environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while not list(tmp_path.glob("*.png")):
            assert process.poll() is None, process.communicate()
        time.sleep(2)  # all frames have come by then
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=8)
    assert process.returncode == 1
    assert stderr.startswith("background_subtraction_demo.py: error: interrupted after ")
