"""One side of a benchmark in a process of its own: a line of JSON in with the job, then one for each round.

A line of JSON comes out for each: {} for a side that is ready, a round, or an error and its message. At the end of its
input the process ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from importlib import import_module
from types import FrameType
from typing import Any, TextIO

from model_api.errors import BackgroundSubtractionError
from model_tools.benchmark.rounds import Job
from model_tools.benchmark.sides import Side

MODULES = {
    "raw": "networks",
    "network": "networks",
    "onnxruntime": "networks",
    "demo": "demo",
    "floor": "floor",
    "command": "external",
}
"""Kind -> where the function of this name opens it. Only that is imported, for the memory counts."""


def main() -> int:
    """Answer one process: measure a round for each line that comes in. Returns the exit code."""
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)  # whatever a side prints must not be taken for an answer
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            _serve(answers)
        except BackgroundSubtractionError as error:
            _answer(answers, {"error": type(error).__name__, "message": str(error)})
            return 1
        except ImportError as error:
            _answer(answers, {"error": "ImportError", "message": str(error), "library": error.name})
            return 1
        except KeyboardInterrupt:
            return 1
    return 0


def _serve(answers: TextIO) -> None:
    message = json.loads(sys.stdin.readline())
    side = message.pop("side")
    job = Job(side=Side(**{**side, "words": tuple(side["words"])}), **message)
    os.chdir(job.home)
    opened = getattr(import_module(f"model_tools.benchmark.{MODULES[job.side.kind]}"), job.side.kind)
    with opened(job) as play:
        _answer(answers, {})
        for _ in sys.stdin:
            _answer(answers, asdict(play()))


def _answer(answers: TextIO, what: dict[str, Any]) -> None:
    print(json.dumps(what), file=answers, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
