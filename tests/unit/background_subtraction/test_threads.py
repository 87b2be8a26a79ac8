"""Cores shared with inference."""

from __future__ import annotations

import cv2

from background_subtraction.thread_budget import BESIDE_INFERENCE, cores, shared_cores


def test_opencv_has_its_threads_back_afterwards() -> None:
    before = cv2.getNumThreads()
    with shared_cores():
        assert cv2.getNumThreads() == BESIDE_INFERENCE <= max(1, cores() // 2)
    assert cv2.getNumThreads() == before
