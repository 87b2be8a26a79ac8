"""Clusters on this machine, for as long as they are measured: a real scheduler and real workers, over loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from model_api.errors import BackgroundSubtractionError
from model_tools.benchmark.process import ROOT

START_TIMEOUT_S = 120
END_TIMEOUT_S = 20.0
LOOK_EVERY_S = 0.05
RAY_ENVIRONMENT = {"RAY_worker_niceness": "0", "RAY_AUTH_MODE": "disabled"}
"""Unless told otherwise, its workers are as nice as they can be, and it asks for a token where one lies in ~/.ray."""
OBJECT_STORE_BYTES = 80_000_000
"""The least that Ray takes. Clips do not go through it."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs.

    Attributes:
        address: as --cluster takes it.
        processes: numbers of those that it was started with. They have children.
        start_s: seconds until it was ready.
    """

    address: str
    processes: tuple[int, ...]
    start_s: float


@contextmanager
def dask_cluster(workers: int) -> Iterator[Cluster]:
    """A Dask scheduler and workers with a thread each. Raises BackgroundSubtractionError if they do not start."""
    port, quiet = _free_port(), ("--no-dashboard", "--host", "127.0.0.1")
    begun_s = time.perf_counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dask-")))
        own = {"DASK_TEMPORARY_DIRECTORY": str(folder)}
        scheduler = (sys.executable, "-m", "distributed.cli.dask_scheduler", *quiet, "--port", str(port))
        first = stack.enter_context(_running(scheduler, folder / "scheduler.log", "Scheduler at:", own))
        worker = (
            sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", *quiet, "--nthreads", "1",
            "--no-nanny",
        )  # fmt: skip
        others = [
            stack.enter_context(_running(worker, folder / f"{number}.log", "Registered to:", own))
            for number in range(workers)
        ]
        yield Cluster(f"dask://127.0.0.1:{port}", (first, *others), time.perf_counter() - begun_s)


@contextmanager
def ray_cluster(workers: int) -> Iterator[Cluster]:
    """A Ray head with so many cores. Raises BackgroundSubtractionError if it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # its sockets lie there, and their names may not be long
    port, client_port = _free_port(), _free_port()
    head = (
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address=127.0.0.1",
        f"--port={port}", f"--num-cpus={workers}", f"--ray-client-server-port={client_port}",
        "--include-dashboard=false", "--disable-usage-stats", f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--temp-dir={folder}", "--min-worker-port=0", "--max-worker-port=0",
    )  # fmt: skip
    begun_s = time.perf_counter()
    try:
        with _running(head, folder / "head.log", "Ray runtime started", RAY_ENVIRONMENT) as started:
            yield Cluster(f"ray://127.0.0.1:{client_port}", (started,), time.perf_counter() - begun_s)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


CLUSTERS: Mapping[str, Callable[[int], AbstractContextManager[Cluster]]] = {"dask": dask_cluster, "ray": ray_cluster}
LIBRARIES: Mapping[str, str] = {"dask": "distributed", "ray": "ray"}


def installed() -> list[str]:
    """The engines that can be measured here."""
    return [name for name, library in LIBRARIES.items() if find_spec(library)]


@contextmanager
def _running(
    words: Sequence[str], log: Path, ready: str, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A process that finds this program, from the moment when it has printed `ready` until it is ended."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    own = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", **(environment or {})}
    with log.open("wb") as file:
        process = subprocess.Popen(words, cwd=log.parent, env=own, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        _wait_for(process, log, ready)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)  # it ends its own processes
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_TIMEOUT_S)
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], log: Path, ready: str) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while ready not in (text := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline_s:
            last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
            raise BackgroundSubtractionError(f"{process.args!s:.80}: does not start: {last}")
        time.sleep(LOOK_EVERY_S)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
