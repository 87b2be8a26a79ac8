"""Ctrl-C, SIGTERM and SIGHUP end the real command in one line, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from tests.conftest import COMMAND, TIMEOUT_S
from tests.support.media import barcode, write_video

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
STUBBORN = """
import pathlib
while True:
    try:
        pathlib.Path("importing").touch()
    except BaseException:
        pass
"""
ERROR = "background_subtraction_demo.py: error: "

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, demo_environment: dict[str, str]) -> Iterator[Start]:
    """Starts the command in an empty folder. It is killed at the end of the test if it still runs."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: object, stdin: IO[bytes] | None = None, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(COMMAND), *map(str, arguments), "--no_show"]
        own = {**demo_environment, **environment}
        pipe = subprocess.PIPE
        processes.append(
            subprocess.Popen(command, cwd=tmp_path, env=own, stdin=stdin, stdout=pipe, stderr=pipe, text=True)
        )
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not reached():
        assert time.monotonic() < deadline_s
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def handles_signals(process: subprocess.Popen[str]) -> bool:
    """Whether the program has come to its first line. Before that, signals belong to the Python interpreter."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))
    return all(caught >> (number - 1) & 1 for number in SIGNALS)


@contextmanager
def writer_of(pipe: Path, process: subprocess.Popen[str]) -> Iterator[None]:
    """Wait until the process reads the named pipe, and keep it open."""
    ends: list[int] = []

    def has_reader() -> bool:
        with suppress(OSError):  # without a reader
            ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(ends)

    wait_until(has_reader, process)
    yield
    os.close(ends[0])


def one_line_of(process: subprocess.Popen[str]) -> str:
    _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1, stderr
    (line,) = stderr.splitlines()
    assert line.startswith(ERROR)
    return line.removeprefix(ERROR)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("moment_s", [0.05, 0.15, 0.4, 1.0])
def test_at_any_moment_after_the_start(
    start: Start, models: Path, tmp_path: Path, number: signal.Signals, moment_s: float
) -> None:
    """The input never ends, so the command still runs then, wherever it is on this machine."""
    clip = write_video(tmp_path / "in.mp4", map(barcode, range(12)))
    started_s = time.monotonic()
    process = start("-m", models / "red.onnx", "-i", clip, "--loop", "-o", "out.mp4")
    wait_until(lambda: time.monotonic() - started_s > moment_s and handles_signals(process), process)
    process.send_signal(number)
    assert one_line_of(process).startswith("interrupted")


@pytest.mark.parametrize("number", SIGNALS)
def test_while_the_options_are_parsed(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    """It reads a file of labels whose writer never ends."""
    labels = tmp_path / "labels"
    os.mkfifo(labels)
    process = start("-i", "in.mp4", "--labels", labels)
    with writer_of(labels, process):
        process.send_signal(number)
        assert one_line_of(process) == "interrupted"


@pytest.mark.parametrize("number", SIGNALS)
def test_while_libraries_are_imported(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    """A library that catches everything while it is imported, in a loop that only a signal from outside ends."""
    (tmp_path / "cv2.py").write_text(STUBBORN)
    process = start("-i", "in.mp4", PYTHONPATH=str(tmp_path))
    wait_until((tmp_path / "importing").exists, process)
    process.send_signal(number)
    assert one_line_of(process) == "interrupted"


def test_a_second_signal_does_not_break_off_the_closing(start: Start, models: Path, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "in.mp4", map(barcode, range(12)))
    process = start("-m", models / "red.onnx", "-i", clip, "--loop", "-o", "out.avi")
    output = tmp_path / "out.avi"
    wait_until(lambda: output.exists() and output.stat().st_size > 50_000, process)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    assert one_line_of(process).startswith("interrupted after ")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_pipe_that_says_nothing(start: Start, models: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Frames came, and then none, from a writer that stays. What is waited for is the end, never more frames."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    with pipe.open("rb") as reader:
        process = start(
            "-m", models / "red.onnx", "-i", "-", "--raw_size", "16x8", "-o", "o_%d.png", "-r", stdin=reader
        )
    os.write(end, bytes(16 * 8 * 3 * 12))
    wait_until((tmp_path / "o_2.png").exists, process)
    process.send_signal(number)
    assert one_line_of(process).startswith("interrupted after ")
    os.close(end)


def test_an_ignored_signal_stays_ignored(start: Start, models: Path, tmp_path: Path) -> None:
    """As under nohup."""
    clip = write_video(tmp_path / "in.mp4", map(barcode, range(12)))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start("-m", models / "red.onnx", "-i", clip, "--loop", "-o", "o_%d.png")
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_until((tmp_path / "o_3.png").exists, process)
    process.send_signal(signal.SIGHUP)
    wait_until((tmp_path / "o_30.png").exists, process)
    process.send_signal(signal.SIGTERM)
    assert one_line_of(process).startswith("interrupted after ")
