"""Signals that come at once, in a program of one's own that has loaded a model."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

SIX_AT_ONCE = """
import signal, threading
from model_api import create_model

model = create_model("video")
model.compile_for((320, 180))
come = []
names = "SIGINT SIGTERM SIGHUP SIGUSR1 SIGUSR2 SIGALRM"
numbers = [getattr(signal, name) for name in names.split()]
for number in numbers:
    signal.signal(number, lambda number, frame: come.append(number))
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
for number in numbers:
    signal.pthread_kill(threading.get_ident(), number)
signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
print(len(come))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_six_signals_at_once_find_room() -> None:
    command = [sys.executable, "-c", SIX_AT_ONCE]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "6")
