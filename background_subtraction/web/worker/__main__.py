"""The worker's process. It takes tasks from its standard input, and ends with it."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import IO

LOWER_PRIORITY = 5
"""As `nice` counts: the run beside it goes first."""
FIRST_TO_KILL = "1000"
"""Linux, when memory is short, ends this process and not the run (proc(5), oom_score_adj)."""
REPORT_S = 0.2


def main(largest_file: int) -> None:
    """Answer tasks until there are no more. largest_file: bytes that one may have which is written."""
    answers = _own_stdout()
    _be_modest(largest_file)
    logging.disable(logging.WARNING)
    from background_subtraction.report import Report
    from background_subtraction.web.worker.task import task_of
    from background_subtraction.web.worker.tasks import Models, done

    models = Models()
    for line in _lines():
        report, ended = Report(), threading.Event()
        telling = threading.Thread(target=_report, args=(report, ended, answers), daemon=True)
        telling.start()
        answer = done(task_of(line), models, report, lambda total: _say(answers, {"total": total}))
        ended.set()
        telling.join()
        _say(answers, answer)


def _own_stdout() -> IO[str]:
    """The pipe of the answers. What libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _be_modest(largest_file: int) -> None:
    for name in ("SIGINT", "SIGXFSZ"):  # Ctrl-C is for the server, which then ends this process
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(LOWER_PRIORITY)
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(FIRST_TO_KILL)


def _lines() -> list[str] | IO[str]:
    """The tasks. A thread watches for the end of the server, also in the middle of a task."""
    reading, writing = os.pipe()

    def hand_on() -> None:
        for line in sys.stdin:
            os.write(writing, line.encode())
        os._exit(0)

    threading.Thread(target=hand_on, daemon=True).start()
    return os.fdopen(reading, encoding="utf-8")


def _report(report: object, ended: threading.Event, answers: IO[str]) -> None:
    goes_on = True
    while goes_on:
        goes_on = not ended.wait(REPORT_S)
        _say(answers, {"frames": getattr(report, "frames", 0)})


_speaking = threading.Lock()


def _say(answers: IO[str], answer: dict[str, object]) -> None:
    with _speaking:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
