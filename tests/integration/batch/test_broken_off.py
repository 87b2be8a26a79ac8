"""Workers that die, a command that is killed, and Ctrl-C: nothing half under a final name, and nothing lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import av
import psutil
import pytest

from model_tools.benchmark.scale.clusters import dask_cluster, ray_cluster
from tests.conftest import COMMAND, TIMEOUT_S, RunDemo
from tests.support.batches import contents, is_whole, last_events, write_clips
from tests.support.media import read_video

CLIPS, FRAMES = 3, 400
PLAYS_FROM = 2_000
"""Bytes of such a clip that hold its first frames."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(models: Path, tmp_path: Path, demo_environment: dict[str, str]) -> Iterator[Start]:
    """Starts a batch of clips that take a while. What is left of it is killed at the end of the test."""
    write_clips(tmp_path / "clips", CLIPS, FRAMES)
    processes: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(COMMAND), "-m", str(models / "red.onnx"), "-i", "clips", "-o", "out"]
        process = subprocess.Popen(
            [*command, "--target_bgr", "black", "--no_show", *words],
            cwd=tmp_path, env=demo_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def wait_until(reached: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not reached():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.glob("out/*.part.mp4") if path.exists() and path.stat().st_size > PLAYS_FROM]


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Its processes that convert clips, and not the one that looks after shared resources."""
    return [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]


def require_whole_under_final_names(folder: Path) -> None:
    for path in folder.glob("out/?.mp4"):
        assert is_whole(path, int(path.stem), FRAMES), path


def require_all_whole(folder: Path) -> None:
    assert [*contents(folder / "out")] == [f"{number}.mp4" for number in range(CLIPS)]
    require_whole_under_final_names(folder)


def test_a_worker_that_is_killed_costs_one_try(start: Start, tmp_path: Path) -> None:
    process = start("--workers", "2")
    wait_until(lambda: len(parts(tmp_path)) == 2)
    killed = workers_of(process)[0].pid
    os.kill(killed, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stderr) == (0, "")
    assert f"worker process {killed} died: it was killed" in stdout
    assert f"{CLIPS} of {CLIPS} clips done" in stdout
    require_all_whole(tmp_path)
    assert sorted(event["attempts"] for event in last_events(tmp_path / "out").values()) == [1] * (CLIPS - 1) + [2]


@pytest.mark.parametrize("words", [(), ("--jobs", "2"), ("--workers", "2")], ids=["serial", "jobs", "workers"])
def test_a_command_that_is_killed_is_resumed(
    start: Start, tmp_path: Path, words: tuple[str, ...], run_demo: RunDemo, models: Path
) -> None:
    process = start(*words)
    wait_until(lambda: bool([*tmp_path.glob("out/?.mp4")]) and bool(parts(tmp_path)))
    workers = workers_of(process)
    process.kill()
    process.communicate()
    psutil.wait_procs(workers, TIMEOUT_S)
    assert not [worker for worker in workers if worker.is_running()], "they end with the command"
    require_whole_under_final_names(tmp_path)
    assert all(read_video(path) for path in parts(tmp_path)), "what is not whole plays"
    again = run_demo(
        "-m", models / "red.onnx", "-i", "clips", "-o", "out", "--target_bgr", "black", "--resume", "--jobs", 2
    )
    assert (again.returncode, again.stderr) == (0, "")
    assert ", 0 skipped" not in again.stdout
    require_all_whole(tmp_path)


@pytest.mark.parametrize("words", [("--jobs", "2"), ("--workers", "2")], ids=["jobs", "workers"])
def test_ctrl_c_closes_what_is_being_written(start: Start, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A terminal sends it to all processes of the command; here its workers get it before it does."""
    process = start(*words)
    wait_until(lambda: len(parts(tmp_path)) == 2)
    for worker in workers_of(process):
        worker.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    (line,) = stderr.splitlines()
    assert "error: interrupted after " in line
    kept = sorted(tmp_path.glob("out/*.part.mp4"))
    assert kept
    assert all(f"out/{path.name}" in line for path in kept), line
    assert all(0 < len(read_video(path)) < FRAMES for path in kept)
    require_whole_under_final_names(tmp_path)
    events = last_events(tmp_path / "out")
    assert {name for name, event in events.items() if event["status"] == "interrupted"} == {
        f"{path.name.removesuffix('.part.mp4')}.mp4" for path in kept
    }
    assert f"{len(kept)} interrupted" in stdout


def require_gone(process: subprocess.Popen[str], address: str) -> None:
    """The command ends with one line about its cluster, and says nothing of each clip."""
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    (line,) = stderr.splitlines()
    assert f"error: --cluster: {address} is gone (" in line
    assert re.search(r"Not done: [123] clips?\. Start it again, or leave it out, and go on with --resume$", line)
    assert "Traceback" not in stdout
    assert "WARNING" not in stdout


@pytest.fixture
def resume(run_demo: RunDemo, models: Path) -> Callable[..., None]:
    """Does the rest of the batch."""

    def to_the_end(*words: object) -> None:
        batch = ("-m", models / "red.onnx", "-i", "clips", "-o", "out", "--target_bgr", "black", "--resume")
        again = run_demo(*batch, *words)
        assert (again.returncode, again.stderr) == (0, "")

    return to_the_end


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["a worker", "the scheduler"])
def test_dask_processes_that_are_killed(start: Start, tmp_path: Path, killed: str, resume: Callable[..., None]) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    with dask_cluster(2) as cluster:
        process = start("--cluster", cluster.address)
        wait_until(lambda: len(parts(tmp_path)) == 2)
        os.kill(cluster.processes[1 if killed == "a worker" else 0], signal.SIGKILL)
        if killed == "a worker":
            stdout, stderr = process.communicate(timeout=TIMEOUT_S)
            assert (process.returncode, stderr) == (0, ""), stdout
        else:
            require_gone(process, cluster.address)
    require_whole_under_final_names(tmp_path)
    resume()
    with suppress(FileNotFoundError):
        assert not parts(tmp_path)
    require_all_whole(tmp_path)


@pytest.mark.slow
def test_ctrl_c_ends_what_dask_workers_do(start: Start, tmp_path: Path) -> None:
    """What they wrote stays under its part name and plays; they are there for the next batch."""
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    with dask_cluster(2) as cluster:
        process = start("--cluster", cluster.address)
        wait_until(lambda: len(parts(tmp_path)) == 2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, stderr.count("\n")) == (1, 1)
        assert "error: interrupted after 0 frames" in stderr
        assert "Traceback" not in stdout
        kept = parts(tmp_path)
        wait_until(lambda: all(0 < len(frames_of(path)) < FRAMES for path in kept))
        again = start("--cluster", cluster.address, "--resume")
        again.communicate(timeout=TIMEOUT_S)
        assert again.returncode == 0
    require_all_whole(tmp_path)


def frames_of(path: Path) -> list[object]:
    """Those that play, none while the file is being closed."""
    with suppress(av.error.FFmpegError):
        return [*read_video(path)]
    return []


@pytest.mark.slow
def test_a_ray_head_that_is_killed(
    start: Start, tmp_path: Path, resume: Callable[..., None], demo_environment: dict[str, str]
) -> None:
    """With a shorter wait for its return than Ray's own 30 s."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    demo_environment["RAY_CLIENT_RECONNECT_GRACE_PERIOD"] = "1"
    with ray_cluster(2) as cluster:
        process = start("--cluster", cluster.address, "--workers", "2")
        wait_until(lambda: len(parts(tmp_path)) == 2)
        head = psutil.Process(cluster.processes[0])
        for each in [head, *head.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        require_gone(process, cluster.address)
    require_whole_under_final_names(tmp_path)
    with ray_cluster(2) as cluster:
        resume("--cluster", cluster.address, "--workers", "2")
    require_all_whole(tmp_path)
