"""Cores shared with inference."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sinks.open import open_sink
from background_subtraction.sources.base import SourceInfo
from background_subtraction.thread_budget import BESIDE_INFERENCE, shared_cores
from model_api.adapters.cores import cores, quota_cores


def test_opencv_has_its_threads_back_afterwards() -> None:
    before = cv2.getNumThreads()
    with shared_cores():
        assert cv2.getNumThreads() == BESIDE_INFERENCE <= max(1, cores() // 2)
    assert cv2.getNumThreads() == before


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no scheduling policies")
def test_the_encoder_of_av1_leaves_threads_what_they_are(tmp_path: Path) -> None:
    """SVT-AV1 makes every thread a real-time one where it may, as root."""
    source = SourceInfo("in", (64, 48), Fraction(30))
    with open_sink(Output(tmp_path / "out.mp4"), Encoding(codec="av1"), source) as sink:
        sink.write(np.zeros((48, 64, 3), np.uint8), 0, Fraction(0))
        policies = {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").glob("*")}
    assert policies == {os.sched_getscheduler(0)} == {os.SCHED_OTHER}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200000 100000\n", 2),  # docker run --cpus 2
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("max 100000\n", None),
        ("-1\n 100000\n", None),  # version 1: no limit
        ("400000\n 100000\n", 4),
        ("", None),
    ],
)
def test_a_containers_quota_is_worth_some_cores(text: str, expected: int | None) -> None:
    assert quota_cores(text) == expected


def test_no_more_cores_than_this_process_may_run_on() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
