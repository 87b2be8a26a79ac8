"""Ctrl-C, SIGTERM and SIGHUP end the command in one line, whatever it is doing.

Until outputs are open, a signal ends the process at once. From then on the first one ends the run, and outputs are
closed, which later ones do not break off: only Ctrl-C, pressed three times more, stops the process where it is.

The command calls this first, so this module imports next to nothing.
"""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows has no SIGHUP."""
OUTPUTS_OPEN = 0
"""What follows in the pipe comes when there are outputs to close. It is the number of no signal."""
PRESSED_AGAIN, PRESSED_ENOUGH = 2, 4
"""How often Ctrl-C was pressed when a line tells how to stop at once, and when that is done."""
BURST_S = 0.1
"""Signals at shorter distances count as one: a key that is held down sends thirty a second."""


class Signals:
    """What signals do, by how far the command is."""

    def __init__(self, program: str, writing: int | None) -> None:
        """Begin without outputs.

        Args:
            program: the command's name in messages.
            writing: the pipe to the thread that watches. None where no signals come.
        """
        self.program = program
        self.outputs = ""
        self._writing = writing

    def raise_interrupt(self, outputs: str) -> None:
        """From now on the first signal raises KeyboardInterrupt, so that outputs are closed.

        Args:
            outputs: their names, for people.
        """
        self.outputs = outputs
        if self._writing is not None:
            _handle(_interrupt)
            os.write(self._writing, bytes([OUTPUTS_OPEN]))


@contextmanager
def ending_at_once(program: str, *, last: bool) -> Iterator[Signals]:
    """A signal ends the process with one line and exit code 1: nothing has been written yet that could be lost.

    A thread does it, because Python runs its signal handlers between instructions only, and a model may compile for a
    minute. Signals that the parent process ignores, as `nohup` does, stay ignored.

    Args:
        program: its name in the line.
        last: whether the process ends with this block: later signals are ignored. If not, the handlers are restored.

    Yields:
        What tells that there are outputs to close.
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
        yield Signals(program, None)
        return
    # The thread is woken before the handlers that do nothing are there: no signal is lost between them.
    _handle(_nothing)
    signals = Signals(program, writing)
    _thread.start_new_thread(_watch, (reading, signals))
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last else handler)
        signal.set_wakeup_fd(waking)
        os.close(writing)


def _watch(reading: int, signals: Signals) -> None:
    """Wait for the numbers of signals, and for the end of the block."""
    while (number := os.read(reading, 1)) and number[0] != OUTPUTS_OPEN:
        _stop(f"{signals.program}: error: interrupted")
    for presses in _presses(reading):
        if presses == PRESSED_AGAIN:
            _say(f"{signals.program}: closing {signals.outputs}. Ctrl-C twice more stops at once: it may not play then")
        if presses == PRESSED_ENOUGH:
            _stop(f"{signals.program}: error: stopped while {signals.outputs} was being closed: it may not play")
    os.close(reading)


def _presses(reading: int) -> Iterator[int]:
    """Count Ctrl-C. SIGTERM and SIGHUP come from programs, which may send them again and again."""
    presses, last_s = 0, -BURST_S
    while number := os.read(reading, 1):
        if number[0] != signal.SIGINT:
            continue
        now_s = monotonic()
        if now_s - last_s > BURST_S:
            presses += 1
            yield presses
        last_s = now_s


def _say(line: str) -> None:
    with suppress(OSError):  # nobody reads
        os.write(2, f"{line}\n".encode())


def _stop(line: str) -> None:
    _say(line)
    os._exit(1)


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
