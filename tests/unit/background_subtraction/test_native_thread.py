"""A thread in native code when the process ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGINNING = """
import atexit, sys, time
from background_subtraction.native_thread import NativeThread, end_process_if_one_hangs

def work():
    time.sleep(1)
    print("answered", flush=True)

thread = NativeThread(work, name="decoding")
thread.start()
print("written")
"""
LIBRARY = "print(thread.joined(0.1))"
COMMAND = "atexit.register(print, 'Python is taken down'); end_process_if_one_hangs(3)"
COMMAND_AFTER_IT = "print(thread.joined(30)); end_process_if_one_hangs(3)"


@pytest.mark.parametrize(
    ("ending", "printed", "code"),
    [
        (LIBRARY, ["written", "False", "answered"], 0),
        (COMMAND, ["written"], 3),
        (COMMAND_AFTER_IT, ["written", "answered", "True"], 0),
    ],
    ids=["Python waits for it", "the command does not", "it has ended"],
)
def test_python_is_never_taken_down_beside_it(ending: str, printed: list[str], code: int) -> None:
    command = [sys.executable, "-c", f"{BEGINNING}\n{ending}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, sorted(done.stdout.split()), done.stderr) == (code, sorted(printed), "")
