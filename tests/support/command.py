"""Runs a command in this process: as fast as a function call, with what a user would see of it.

A Python of its own takes more than a second to import OpenVINO, OpenCV and PyAV, most of what such a test would cost.
What belongs to a process (signals, limits, its environment, its pipes) needs a real one: `conftest.start_demo`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryFile
from typing import IO

Main = Callable[[Sequence[str]], int]
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run_command(main: Main, arguments: Sequence[object], folder: Path | None = None) -> CompletedProcess[str]:
    """Call `main` as the command would be called.

    Args:
        main: takes the words of the command line, returns the exit code or raises SystemExit.
        arguments: what follows the program's name; paths and numbers become words.
        folder: the current one meanwhile.

    Returns:
        The exit code, and what it and its libraries wrote to stdout and stderr.
    """
    words = [str(argument) for argument in arguments]
    with ExitStack() as stack:
        stack.enter_context(_current(folder or Path.cwd()))
        stdout, stderr = (stack.enter_context(_captured(name)) for name in ("stdout", "stderr"))
        stack.enter_context(_own_logging())
        stack.enter_context(_own_signals())
        try:
            code = main(words)
        except SystemExit as ended:  # argparse's way to end
            code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        return CompletedProcess(words, code, _text(stdout), _text(stderr))


@contextmanager
def _current(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _captured(name: str) -> Iterator[IO[bytes]]:
    """`sys.stdout` or `sys.stderr` and its file descriptor, which libraries in C write to, go to a temporary file."""
    number = {"stdout": 1, "stderr": 2}[name]
    before, kept = getattr(sys, name), os.dup(number)
    with TemporaryFile() as file:
        before.flush()
        os.dup2(file.fileno(), number)
        # Never closed: a library that is imported meanwhile may keep it.
        setattr(sys, name, open(number, "w", encoding="utf-8", buffering=1, closefd=False))  # noqa: SIM115
        try:
            yield file
        finally:
            getattr(sys, name).flush()
            setattr(sys, name, before)
            os.dup2(kept, number)
            os.close(kept)


def _text(file: IO[bytes]) -> str:
    sys.stdout.flush()
    sys.stderr.flush()
    file.seek(0)
    return file.read().decode()


@contextmanager
def _own_logging() -> Iterator[None]:
    """`logging.basicConfig` finds what it finds in a new process: no handler."""
    root = logging.getLogger()
    before = root.handlers, root.level, logging.raiseExceptions
    root.handlers = []
    try:
        yield
    finally:
        root.handlers, level, logging.raiseExceptions = before
        root.setLevel(level)


@contextmanager
def _own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
