"""Whether somebody reads a virtual camera, where the system tells: v4l2loopback since 0.13 does.

v4l2loopback.c: V4L2_EVENT_PRI_CLIENT_USAGE comes when a program begins or ends to read. Numbers and structures are
those of linux/videodev2.h.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from importlib import import_module
from time import monotonic

CLIENT_USAGE = 0x08000000 + 0x08E00000 + 1
"""V4L2_EVENT_PRIVATE_START + V4L2LOOPBACK_EVENT_OFFSET + 1."""
SUBSCRIPTION = struct.Struct("@III20x")
"""struct v4l2_event_subscription: type, id, flags."""
SEND_INITIAL = 1
"""V4L2_EVENT_SUB_FL_SEND_INITIAL."""
EVENT = struct.Struct("@I0qI60xIIllI32x0q")
"""struct v4l2_event: type, the first number of its data, pending, sequence, time, id."""
SUBSCRIBE = 1 << 30 | SUBSCRIPTION.size << 16 | ord("V") << 8 | 90
"""VIDIOC_SUBSCRIBE_EVENT."""
DEQUEUE = 2 << 30 | EVENT.size << 16 | ord("V") << 8 | 89
"""VIDIOC_DQEVENT."""
LOOK_EVERY_S = 0.5
IDLE_S = 10.0
"""Nobody must have read for so long: programs that look for cameras open and close each."""


class CameraReaders:
    """Watches one device. Made, it is watched; `close` ends it."""

    def __init__(self, device: str) -> None:
        """device: the path of the virtual camera."""
        self._file: int | None = None
        self._are_there: bool | None = None
        self._looked_s = self._last_read_s = monotonic()
        with suppress(OSError, ImportError):
            self._file = os.open(device, os.O_RDWR | os.O_NONBLOCK)
            self._ioctl(SUBSCRIBE, bytearray(SUBSCRIPTION.pack(CLIENT_USAGE, 0, SEND_INITIAL)))
            self._look()

    @property
    def are_there(self) -> bool | None:
        """Whether somebody reads, or did a moment ago. None: the system does not tell."""
        now_s = monotonic()
        if self._file is not None and now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._look()
        if self._are_there:
            self._last_read_s = now_s
        return self._are_there if self._are_there is None else now_s - self._last_read_s < IDLE_S

    def close(self) -> None:
        """End to watch."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _look(self) -> None:
        """Take all events that wait; the last one holds."""
        with suppress(OSError):  # none waits any more
            while True:
                event = bytearray(EVENT.size)
                self._ioctl(DEQUEUE, event)
                kind, count, *_ = EVENT.unpack(event)
                if kind == CLIENT_USAGE:
                    self._are_there = count > 0

    def _ioctl(self, request: int, argument: bytearray) -> None:
        import_module("fcntl").ioctl(self._file, request, argument)
