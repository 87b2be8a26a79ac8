"""The worker as the server sees it: a process that is started when it is needed and stopped when it takes too long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Timer
from typing import Any

from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.limits import Limits
from background_subtraction.web.worker.task import Task
from model_api.pictures.encoded import LIMIT_VARIABLE

ROOT = Path(__file__).resolve().parents[3]
"""What holds the package: an installed one and a checkout."""


class Worker:
    """A process that does one task at a time."""

    def __init__(self, limits: Limits) -> None:
        """Start nothing yet."""
        self._limits = limits
        self._process: subprocess.Popen[str] | None = None
        self._starting = Lock()
        self._closed = False

    def do(self, task: Task, limit_s: float, tell: Callable[[dict[str, int]], None] = lambda progress: None) -> str:
        """Do a task, in the thread that calls: one at a time.

        Args:
            task: what.
            limit_s: after so many seconds it is stopped.
            tell: is told {"frames": …} and {"total": …}.

        Returns:
            The name of the file that was made, in the task's folder.

        Raises:
            RequestError: it cannot be done, or took too long.
        """
        process = self._started()
        late = Event()
        timer = Timer(limit_s, _stop, (process, late))
        timer.daemon = True
        timer.start()
        try:
            answer = _answer(process, task, tell)
        finally:
            timer.cancel()
        if late.is_set():
            raise RequestError(422, f"It takes longer than the {limit_s:g} seconds that are allowed", "file")
        if answer is None and self._closed:
            raise RequestError(503, "The server ends")
        if answer is None:
            raise RequestError(500, "The process that works on uploads has ended before this one was done", "file")
        if "error" in answer:
            raise RequestError(answer["status"], answer["error"], answer["parameter"])
        return str(answer["result"])

    def stop(self) -> None:
        """End the task that is done, if there is one. The next one gets a new process."""
        with self._starting:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self.stop()
        with self._starting:
            if self._process is not None:
                _release(self._process)

    def _started(self) -> subprocess.Popen[str]:
        with self._starting:
            if self._closed:
                raise RequestError(503, "The server ends")
            if self._process is None or self._process.poll() is not None:
                if self._process is not None:
                    _release(self._process)
                self._process = _start(self._limits)
            return self._process


def _start(limits: Limits) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-m", "background_subtraction.web.worker", str(limits.result_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path, LIMIT_VARIABLE: str(limits.pixels)},
    )


def _stop(process: subprocess.Popen[str], late: Event) -> None:
    late.set()
    process.kill()


def _answer(
    process: subprocess.Popen[str], task: Task, tell: Callable[[dict[str, int]], None]
) -> dict[str, Any] | None:
    """The last line of the answer. None: the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError, ValueError):  # it has ended
        process.stdin.write(task.line + "\n")
        process.stdin.flush()
        for line in process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "result" in answer or "error" in answer:
                return answer
            tell({name: value for name, value in answer.items() if isinstance(value, int)})
    return None


def _release(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
    process.wait()
