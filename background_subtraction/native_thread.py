"""Threads that wait in native code, for a network, a driver or a compilation, which nothing can break off."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

LONGEST_WAIT_S = 15.0
"""What a network is given to answer, and some seconds more."""


class NativeThread(threading.Thread):
    """A thread that may outlive the run.

    Python ends the process with a segmentation fault when such a thread comes back from native code after Python has
    been taken down. So who leaves one behind says so.
    """

    def __init__(self, target: Callable[..., None], args: tuple[object, ...] = (), *, name: str) -> None:
        """Start nothing yet. The arguments are those of threading.Thread."""
        super().__init__(target=target, args=args, name=name, daemon=True)

    def joined(self, timeout_s: float) -> bool:
        """Wait for the end. False: it hangs, and Python waits for it at its own end, for as long as a network may."""
        self.join(timeout_s)
        if not self.is_alive():
            return True
        atexit.register(self.join, LONGEST_WAIT_S)
        return False


def end_process_if_one_hangs(code: int) -> None:
    """End the process at once, with this exit code, if a NativeThread still runs: everything has been written."""
    if not any(isinstance(thread, NativeThread) for thread in threading.enumerate()):
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads
            stream.flush()
    os._exit(code)
