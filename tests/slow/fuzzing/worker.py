"""Runs commands of ours one after another in this process: a case a line on stdin, what came of it a line on stdout.

`python -m tests.slow.fuzzing.worker`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from background_subtraction.cli.main import main as demo
from model_tools.__main__ import main as tools
from tests.support.command import run_command

if sys.platform == "linux":
    import resource

PROGRAMS = {"demo": demo, "tools": tools}
STATUS = Path("/proc/self/status")


ADDRESSES_BYTES = 16 << 30
"""The last line of defence, for a case that takes memory faster than the watch looks."""


def main() -> None:
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_BYTES, ADDRESSES_BYTES))
    # The descriptor 1 is the commands' own while they run.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        for line in sys.stdin:
            case = json.loads(line)
            before_kb = _start_peak()
            try:
                run = run_command(PROGRAMS[case["program"]], case["words"], Path(case["folder"]))
                answer = {"code": run.returncode, "stdout": run.stdout, "stderr": run.stderr}
            except BaseException:  # a command never raises but SystemExit
                import traceback

                answer = {"code": 70, "stdout": "", "stderr": traceback.format_exc()}
            answer["grown_kb"] = _peak_kb() - before_kb
            print(json.dumps(answer), file=answers, flush=True)


def _start_peak() -> int:
    """Forget the largest size so far. Returns the size now in KiB."""
    if STATUS.is_file():
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak
    return _kb("VmRSS")


def _peak_kb() -> int:
    return _kb("VmHWM")


def _kb(name: str) -> int:
    text = STATUS.read_text() if STATUS.is_file() else ""
    match = re.search(rf"{name}:\s*(\d+) kB", text)
    return int(match[1]) if match else 0


if __name__ == "__main__":
    main()
