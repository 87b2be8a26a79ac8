"""Clusters and storages on this machine, real ones, started once and stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from model_tools.benchmark.scale.clusters import CLUSTERS, installed
from tests.conftest import ROOT, TIMEOUT_S


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


@pytest.fixture(scope="session")
def dask_cluster() -> Iterator[str]:
    """The address of a Dask scheduler with two workers."""
    yield from _address_of("dask")


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """The address of a Ray head with two cores."""
    yield from _address_of("ray")


def _address_of(engine: str) -> Iterator[str]:
    if engine not in installed():
        pytest.skip(f"the extra {engine} is not installed")
    with CLUSTERS[engine](2) as cluster:
        yield cluster.address


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
