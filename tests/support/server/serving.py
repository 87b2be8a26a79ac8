"""A real model server of KServe v2 on this machine's loopback, for as long as a test needs it."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_api import InferenceOptions, MattingModel, create_model
from model_api.preprocessing import Override
from tests.support.environments import environment

HERE = Path(__file__).resolve().parent
LARGEST_MESSAGE = 2**31 - 1
START_S = 180
PATHS = {"grpc": "models", "http": "v2/models"}


@dataclass(frozen=True)
class Server:
    """ports: by protocol, "grpc" and "http"."""

    process: subprocess.Popen[bytes]
    ports: dict[str, int]

    def address(self, model: str, protocol: str = "grpc") -> str:
        return f"127.0.0.1:{self.ports[protocol]}/{PATHS[protocol]}/{model}"

    def model(self, name: str, protocol: str = "grpc", override: Override = Override(), **options: Any) -> MattingModel:
        inference = InferenceOptions(**options)
        return create_model(self.address(name, protocol), inference=inference, override=override, adapter="ovms")

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """The system still takes connections for it, but nobody answers."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def serving(folder: Path, log: Path) -> Iterator[Server]:
    """folder: of networks. log: where the server writes what it has to say."""
    ports = {protocol: free_port() for protocol in PATHS}
    command: list[str | Path] = [
        environment(HERE / "kserve.txt") / "python", HERE / "openvino_runtime.py", folder,
        f"--http_port={ports['http']}", f"--grpc_port={ports['grpc']}",
        f"--grpc_max_send_message_length={LARGEST_MESSAGE}", f"--grpc_max_receive_message_length={LARGEST_MESSAGE}",
    ]  # fmt: skip
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=folder) as process:
        try:
            for port in ports.values():
                _wait_for(port, process, log)
            yield Server(process, ports)
        finally:
            process.kill()


def free_port() -> int:
    """Below the ports that systems hand out themselves: nobody else takes it until the server does."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"the model server did not start:\n{log.read_text(encoding='utf-8')[-4000:]}")
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
