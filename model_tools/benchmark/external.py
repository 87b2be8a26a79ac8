"""Another program as one side of a benchmark: it is run once a round."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from model_api.errors import BackgroundSubtractionError
from model_tools.benchmark.rounds import Job, Play, Round, megabytes

NUMBER = r"\s*(\d+(?:\.\d+)?)"
FPS = rf"\bFPS:{NUMBER}|\bThroughput:{NUMBER} FPS"
FRAMES = rf"\bFrames:{NUMBER}|\bCount:{NUMBER} iterations"
"""As this demo and the Open Model Zoo's print them, and as benchmark_app, behind whatever a logger puts before."""


@contextmanager
def command(job: Job) -> Iterator[Play]:
    """Another program as a side, started once a round."""
    yield lambda: _round(job)


def _round(job: Job) -> Round:
    """FPS as the program prints it, else its frames divided by its time from start to end."""
    begun_s = perf_counter()
    text, cpu_s, peak_mb = _run(job)
    seconds = perf_counter() - begun_s
    frames = int(_figure(FRAMES, text) or job.frames)
    return Round(frames, _figure(FPS, text) or frames / seconds, cpu_s=cpu_s, peak_mb=peak_mb)


def _run(job: Job) -> tuple[str, float | None, float | None]:
    """What it printed, its seconds of CPU and its peak memory. Raises BackgroundSubtractionError if it fails."""
    output = Path(job.folder, "output.txt")
    process = start(job.side.words, output)
    cpu_s, peak_mb = wait_for(process)
    text = output.read_text(encoding="utf-8", errors="replace")
    require_success(job.side.words[0], process, text)
    return text, cpu_s, peak_mb


def start(words: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start a program that prints into a file. Raises BackgroundSubtractionError."""
    with output.open("wb") as file:
        try:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        except OSError as error:
            raise BackgroundSubtractionError(f"{words[0]} cannot be run ({error.strerror})") from error


def wait_for(process: subprocess.Popen[bytes]) -> tuple[float | None, float | None]:
    """Wait for its end: its seconds of CPU and its peak memory in MB. An interruption ends it."""
    try:
        return _wait(process)
    except BaseException:
        process.kill()
        process.wait()
        raise


def require_success(name: str, process: subprocess.Popen[bytes], output: str) -> None:
    """Raise BackgroundSubtractionError with the last line that a program printed, if it failed. name: for people."""
    if process.returncode:
        last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "it printed nothing")
        raise BackgroundSubtractionError(f"{name} ended with exit code {process.returncode}: {last}")


def _wait(process: subprocess.Popen[bytes]) -> tuple[float | None, float | None]:
    if sys.platform == "win32":
        process.wait()
        return None, None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, megabytes(usage.ru_maxrss)


def _figure(pattern: str, text: str) -> float:
    """The last one in the text, 0 if there is none."""
    figures = ["".join(groups) for groups in re.findall(pattern, text)]
    return float(figures[-1]) if figures else 0.0
