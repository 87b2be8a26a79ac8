"""Ctrl-C, SIGTERM and SIGHUP end the real command in one line, whatever it is doing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import av
import numpy as np
import pytest

from tests.conftest import COMMAND, TIMEOUT_S
from tests.integration.media.test_side_tracks import flash_and_beep
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


def interrupted_after(stderr: str) -> int:
    """The frames that the command's last line counts."""
    counted = re.fullmatch(rf"{ERROR}interrupted after (\d+) frames; kept in \S+", stderr.splitlines()[-1])
    assert counted, stderr
    return int(counted[1])


@pytest.fixture(scope="module")
def a_minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with sound that no run comes to the end of before it is interrupted."""
    return flash_and_beep(tmp_path_factory.mktemp("a minute") / "in.mkv", seconds=60)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv", ".mov", ".avi"])
def test_signals_that_follow_do_not_spoil_the_file(
    start: Start, models: Path, tmp_path: Path, a_minute: Path, suffix: str
) -> None:
    """Three in a row, and then Ctrl-C by a nervous finger for as long as the program runs, but for the one too many."""
    process = start("-m", models / "red.onnx", "-i", a_minute, "-o", f"out{suffix}")
    output = tmp_path / f"out{suffix}"
    wait_until(lambda: output.exists() and output.stat().st_size > 30_000, process)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, *[signal.SIGINT] * 3):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    _, stderr = process.communicate(timeout=TIMEOUT_S)
    frames = interrupted_after(stderr)
    assert 0 < frames < 1800
    with av.open(str(output)) as container:
        shown = sum(1 for _ in container.decode(video=0))
        container.seek(0)
        sounds = [frame.pts * frame.time_base + frame.samples / 48_000 for frame in container.decode(audio=0)]
    assert shown - frames in (0, 1)  # an interruption comes between writing a frame and counting it, too
    assert max(sounds) == pytest.approx(shown / 30, abs=0.1)


@contextmanager
def closing_for_ever(start: Start, models: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], IO[bytes]]]:
    """A run that was interrupted while its output, a named pipe that holds no whole frame, waits for its reader."""
    fcntl = pytest.importorskip("fcntl")
    noise = np.random.default_rng(0).integers(0, 255, (3, 240, 320, 3), np.uint8)
    clip = write_video(tmp_path / "in.mp4", noise)
    pipe = tmp_path / "out.mkv"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(end, True)
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(end, "rb") as reader:
        process = start("-m", models / "red.onnx", "-i", clip, "--loop", "-o", pipe, "--codec", "vp9", "-r")
        assert process.stdout is not None
        next(line for line in process.stdout if "Frame 8:" in line)  # eight wait, and the first one is being written
        process.send_signal(signal.SIGINT)
        yield process, reader


def press(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C again, no faster than a finger."""
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)


def test_ctrl_c_while_a_file_is_closed(start: Start, models: Path, tmp_path: Path) -> None:
    """A second one is answered, a third one is held, and the file is whole."""
    with closing_for_ever(start, models, tmp_path) as (process, reader):
        press(process)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith(f"background_subtraction_demo.py: closing {tmp_path / 'out.mkv'}. Ctrl-C twice more ")
        press(process)
        data = reader.read()
    _, stderr = process.communicate(timeout=TIMEOUT_S)
    (tmp_path / "kept.mkv").write_bytes(data)
    with av.open(str(tmp_path / "kept.mkv")) as container:
        shown = sum(1 for _ in container.decode(video=0))
    assert stderr == f"{ERROR}interrupted after {shown} frames\n"


def test_the_hard_way_out(start: Start, models: Path, tmp_path: Path) -> None:
    """A closing that hangs for ever is ended by Ctrl-C four times, and never by SIGTERM."""
    with closing_for_ever(start, models, tmp_path) as (process, _):
        for number in (*[signal.SIGTERM, signal.SIGHUP] * 3, *[signal.SIGINT] * 2):
            process.send_signal(number)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)
        press(process)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    last = stderr.splitlines()[-1]
    assert last == f"{ERROR}stopped while {tmp_path / 'out.mkv'} was being closed: it may not play"


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
