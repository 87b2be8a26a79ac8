"""Ctrl-C and SIGTERM while somebody watches, uploads and waits: the real command ends in a line, and leaves nothing."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx
import psutil
import pytest

from tests.conftest import COMMAND, TIMEOUT_S
from tests.support.long_videos import long_video
from tests.support.media import barcode, write_video

END_S = 15
"""What is allowed beside other tests. Connections that go on are broken off after one second."""
STDERR = {"run": r"background_subtraction_demo.py: error: interrupted after \d+ frames\n", "serve": ""}
CODES = {"run": 1, "serve": 0}


@contextmanager
def started(
    words: list[object], environment: dict[str, str], port: int = 0
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command with a page. Yields it and the page's address."""
    command = [sys.executable, str(COMMAND), *map(str, words), "--web", str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            said = (re.search(r"Web page: (\S+)", line) for line in process.stdout)
            address = next((match[1] for match in said if match), None)
            assert address, process.communicate()
            yield process, address
        finally:
            process.kill()


def until(holds: Callable[[], bool]) -> None:
    end_s = monotonic() + TIMEOUT_S
    while not holds():
        assert monotonic() < end_s
        sleep(0.02)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["run", "serve"])
def test_the_end(
    models: Path, tmp_path: Path, demo_environment: dict[str, str], kind: str, number: signal.Signals
) -> None:
    clip = write_video(tmp_path / "in.mp4", map(barcode, range(12)))
    job = long_video(tmp_path / "job.avi", 20_000)
    words: dict[str, list[object]] = {
        "run": ["-m", models / "red.onnx", "-i", clip, "--loop", "--no_show"],
        "serve": ["serve"],
    }
    environment = {**demo_environment, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    with (
        started(words[kind], environment) as (process, url),
        httpx.Client(base_url=url, timeout=TIMEOUT_S) as client,
    ):
        begun = client.post("/api/videos", files={"file": job.read_bytes()}).json()["id"]
        until(lambda: client.get(f"/api/jobs/{begun}").json()["frames"] > 0)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        assert len(family) > 1
        with socket.create_connection((client.base_url.host, client.base_url.port), TIMEOUT_S) as upload:
            head = "POST /api/remove HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            upload.sendall(f"{head}Content-Length: 90000\r\n\r\n--x".encode())
            if kind == "run":
                with client.stream("GET", "/api/preview.mjpeg") as viewed:
                    next(viewed.iter_bytes())
                    process.send_signal(number)
                    stdout, stderr = process.communicate(timeout=END_S)
            else:
                process.send_signal(number)
                stdout, stderr = process.communicate(timeout=END_S)
    assert process.returncode == CODES[kind]
    assert re.fullmatch(STDERR[kind], stderr), stderr
    assert "Traceback" not in stdout
    assert not [line for line in stdout.splitlines() if line.startswith(("[ ERROR ]", "[ WARNING ]"))]
    assert not psutil.wait_procs(family, END_S)[1]
    assert not list(tmp_path.glob("background-subtraction-*"))
