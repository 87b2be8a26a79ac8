"""The stack on which signals are handled.

OpenVINO's CPU plugin gives the thread that loads it a stack of its own for signals, of about 11 KiB. Python handles its
signals there, and three that come at once do not fit: the process ends with a segmentation fault.
"""

from __future__ import annotations

import ctypes
import sys

SS_DISABLE = 2
"""sigaltstack(2): signals are handled on the thread's own stack."""


class _Stack(ctypes.Structure):
    _fields_ = (("sp", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def signals_on_own_stack() -> None:
    """Let this thread handle signals on its own stack, which has room. Does nothing on other systems than Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).sigaltstack(ctypes.byref(_Stack(None, SS_DISABLE, 0)), None)
