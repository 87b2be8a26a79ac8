"""The processes that a benchmark's sides run in, seen from the one that asks them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from model_api import errors
from model_api.errors import BackgroundSubtractionError, OptionError
from model_tools.benchmark.rounds import Job, Play, Round

ROOT = Path(__file__).resolve().parents[2]
END_TIMEOUT_S = 20.0
"""A process that compiles hears of its end only afterwards."""
USAGE = 2
"""The exit code of argparse, which has said in its last line what was wrong."""


@contextmanager
def process_of(job: Job) -> Iterator[Play]:
    """A side that is ready to play rounds, in a process that lasts as long as the context.

    Raises what the side raises; BackgroundSubtractionError, with the last line that it wrote, if its process dies.
    """
    log = Path(job.folder, "log.txt")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "model_tools.benchmark.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            cwd=ROOT,
        )
    try:
        _ask(process, job, asdict(job))
        yield lambda: Round(**_ask(process, job, {}))
    except BaseException:
        process.terminate()
        raise
    finally:
        _end(process)


def _ask(process: subprocess.Popen[str], job: Job, question: dict[str, Any]) -> dict[str, Any]:
    with suppress(BrokenPipeError):  # it has died, as the missing answer shows
        print(json.dumps(question), file=process.stdin, flush=True)
    text = process.stdout.readline() if process.stdout else ""
    if not text:
        raise _died(process.wait(), job)
    answer: dict[str, Any] = json.loads(text)
    if answer.get("error") == "ImportError":
        raise ImportError(answer["message"], name=answer["library"])
    if "error" in answer:
        raise getattr(errors, answer["error"])(f"{job.side.name}: {answer['message']}")
    return answer


def _died(code: int, job: Job) -> BackgroundSubtractionError:
    written = Path(job.folder, "log.txt").read_text(encoding="utf-8", errors="replace")
    last = next((line.strip() for line in reversed(written.splitlines()) if line.strip()), "it wrote nothing")
    if code == USAGE:
        return OptionError(f"{job.side.name}: {last}")
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return BackgroundSubtractionError(f"{job.side.name}: its process ended {how}: {last}")


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        with suppress(BrokenPipeError):
            if pipe:
                pipe.close()
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
