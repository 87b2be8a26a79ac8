"""Clusters and storages on this machine, real ones, started once and stopped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT, TIMEOUT_S

DASK_WORKERS = 2


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(
    words: Sequence[object], folder: Path, ready: Callable[[str], bool], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that finds this program, from the moment when its log says that it is ready until it is ended."""
    log = folder / f"{len([*folder.glob('*.log')])}.log"
    own = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
    with log.open("wb") as file:
        process = subprocess.Popen([*map(str, words)], cwd=folder, env=own, stdout=file, stderr=file)
    try:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not ready(log.read_text(errors="replace")):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def dask_scheduler(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler with workers. Gives the address for --cluster, and the processes, the scheduler's first."""
    port = free_port()
    quiet = ("--no-dashboard", "--host", "127.0.0.1")
    with ExitStack() as stack:
        scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", *quiet, "--port", port]
        processes = [stack.enter_context(running(scheduler, folder, lambda log: "Scheduler at:" in log))]
        for _ in range(DASK_WORKERS):
            worker = [
                sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", *quiet, "--nthreads", 1,
                "--no-nanny", "--local-directory", folder / "scratch",
            ]  # fmt: skip
            processes.append(stack.enter_context(running(worker, folder, lambda log: "Registered to:" in log)))
        yield f"dask://127.0.0.1:{port}", processes


@pytest.fixture(scope="session")
def dask_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Dask scheduler with two workers."""
    if find_spec("distributed") is None:
        pytest.skip("the extra dask is not installed")
    with dask_scheduler(tmp_path_factory.mktemp("dask")) as (address, _):
        yield address


@contextmanager
def ray_head() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Ray head with two cores. Gives the address for --cluster, and the process, which starts all others."""
    program = Path(sys.executable).with_name("ray")
    if find_spec("ray") is None or not program.exists():
        pytest.skip("the extra ray is not installed")
    # Its sockets lie in this folder, and their names may not be long.
    folder = Path(tempfile.mkdtemp(prefix="ray"))
    port, client_port = free_port(), free_port()
    head = [
        program, "start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2",
        f"--ray-client-server-port={client_port}", "--include-dashboard=false", "--disable-usage-stats",
        "--object-store-memory=80000000", f"--temp-dir={folder}", "--min-worker-port=0", "--max-worker-port=0",
    ]  # fmt: skip
    # Its workers are as nice as they can be, unless told otherwise: all else on this machine would come first.
    environment = {"RAY_worker_niceness": "0"}
    try:
        with running(head, folder, lambda log: "Ray runtime started" in log, **environment) as process:
            yield f"ray://127.0.0.1:{client_port}", process
            process.terminate()  # it ends its own processes
            process.wait(TIMEOUT_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """The address of a Ray head."""
    with ray_head() as (address, _):
        yield address


@pytest.fixture(scope="session")
def s3_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What programs must have in their environment to find an S3 server on this machine."""
    program = Path(sys.executable).with_name("moto_server")
    if find_spec("s3fs") is None or not program.exists():
        pytest.skip("s3fs or moto, an S3 server, is not installed")
    port = free_port()
    words = [program, "-H", "127.0.0.1", "-p", port]
    with running(words, tmp_path_factory.mktemp("s3"), lambda log: "Running on" in log):
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
