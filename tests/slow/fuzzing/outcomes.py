"""What came of a command that was given a damaged file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ERROR = ("background-subtraction: error: ", "background_subtraction_demo.py: error: ", "model_tools ")
OUTCOMES = ("clean", "one line", "noise", "traceback", "crash", "hang", "over 2 GB", "odd code")
GOOD = ("clean", "one line")
MEMORY_LIMIT_KB = 2_000_000


@dataclass(frozen=True)
class Run:
    """A command that ended, by itself or not.

    Attributes:
        code: its exit code; below 0 the signal that ended it; None: it had to be ended, for it took too long.
        stderr: all of it.
        peak_kb: the most memory that it held.
    """

    code: int | None
    stderr: str
    peak_kb: int


def outcome_of(run: Run) -> str:
    """One of OUTCOMES."""
    return next(name for name, applies in RULES.items() if applies(run))


def _is_one_line(run: Run) -> bool:
    lines = run.stderr.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith(ERROR)


RULES: dict[str, Callable[[Run], bool]] = {
    "over 2 GB": lambda run: run.peak_kb > MEMORY_LIMIT_KB,
    "hang": lambda run: run.code is None,
    "crash": lambda run: run.code is not None and (run.code < 0 or run.code > 128),
    "traceback": lambda run: "Traceback" in run.stderr,
    "odd code": lambda run: run.code not in (0, 1, 2),
    "clean": lambda run: run.code == 0 and not run.stderr.strip(),
    "one line": lambda run: run.code in (1, 2) and _is_one_line(run),
    "noise": lambda run: True,
}
"""Outcome -> whether a run is one. The first that applies counts."""
