# ruff: noqa: PT012 - what is left out after the interruption is what is tested
"""Signals that come while something is closed."""

from __future__ import annotations

import os
import signal
import sys
from threading import Thread

import pytest

from model_api.interruptible import HeldInterruption

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_what_is_closed_is_closed_to_its_end() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), HeldInterruption() as held:
        held.begin()
        press_ctrl_c()
        press_ctrl_c()
        done.append("closed")
    assert done == ["closed"]
    with pytest.raises(KeyboardInterrupt):  # as before
        press_ctrl_c()


def test_an_interruption_before_is_not_held() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), HeldInterruption() as held:
        try:
            press_ctrl_c()
            done.append("went on")
        finally:
            held.begin()
            press_ctrl_c()
            done.append("closed")
    assert done == ["closed"]


def test_an_error_does_not_hide_the_interruption() -> None:
    with pytest.raises(KeyboardInterrupt), HeldInterruption() as held:
        held.begin()
        press_ctrl_c()
        raise ValueError


def test_other_threads_hold_nothing() -> None:
    held = HeldInterruption()
    thread = Thread(target=held.begin)
    thread.start()
    thread.join()
    with pytest.raises(KeyboardInterrupt), held:
        press_ctrl_c()
        pytest.fail("held")
