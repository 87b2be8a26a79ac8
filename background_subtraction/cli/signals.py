"""Ctrl-C, SIGTERM and SIGHUP end the command in one line, whatever it is doing.

The command calls this first, so this module imports next to nothing.
"""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows has no SIGHUP."""


@contextmanager
def ending_at_once(program: str, *, last: bool) -> Iterator[None]:
    """A signal ends the process with one line and exit code 1: nothing has been written yet that could be lost.

    A thread does it, because Python runs its signal handlers between instructions only, and a model may compile for a
    minute. Signals that the parent process ignores, as `nohup` does, stay ignored.

    Args:
        program: its name in the line.
        last: whether the process ends with this block: later signals are ignored. If not, the handlers are restored.
    """
    before = {number: signal.getsignal(number) for number in _numbers()}
    reading, writing = os.pipe()
    if hasattr(os, "set_blocking"):  # not on Windows before Python 3.12, and not needed there
        os.set_blocking(writing, False)
    try:
        waking = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    except ValueError:  # not in the main thread, which alone gets signals
        os.close(reading)
        os.close(writing)
        yield
        return
    # The thread is woken before the handlers that do nothing are there: no signal is lost between them.
    _handle(_nothing)
    _thread.start_new_thread(_end_when_woken, (reading, f"{program}: error: interrupted\n".encode()))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last else handler)
        signal.set_wakeup_fd(waking)
        os.close(writing)


def raise_interrupt() -> None:
    """From now on the first signal raises KeyboardInterrupt, so that outputs are closed. Later ones do nothing."""
    if any(signal.getsignal(number) is _nothing for number in _numbers()):
        _handle(_interrupt)
        signal.set_wakeup_fd(-1)


def _end_when_woken(reading: int, line: bytes) -> None:
    """Wait for the number of a signal, or for the end of the block."""
    if os.read(reading, 1):
        os.write(2, line)
        os._exit(1)
    os.close(reading)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _handle(_nothing)
    raise KeyboardInterrupt


def _nothing(number: int, frame: FrameType | None) -> None:
    """Closing goes on when another signal comes."""


def _handle(handler: signal._HANDLER) -> None:
    for number in _numbers():
        signal.signal(number, handler)


def _numbers() -> list[signal.Signals]:
    known = [signal.Signals[name] for name in NAMES if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
