"""A pipe that can be given up while it says nothing."""

from __future__ import annotations

import os
import select
import sys
from threading import Event

SLICE_S = 0.1
STDIN = 0


class Pipe:
    """The standard input as PyAV reads it. FFmpeg's own reading could not be broken off before the next data came."""

    name = "pipe:0"

    def __init__(self) -> None:
        """Begin to read when it is asked for data."""
        self._stopped = Event()

    def read(self, size: int) -> bytes:
        """Wait for data, at most `size` bytes. b"" is the end."""
        while not self._stopped.is_set():
            # Windows waits for sockets only: there a silent pipe ends with the program.
            if sys.platform == "win32" or select.select([STDIN], [], [], SLICE_S)[0]:
                return os.read(STDIN, size)
        return b""

    def stop(self) -> None:
        """End the pipe here, in whichever thread it is being read."""
        self._stopped.set()
