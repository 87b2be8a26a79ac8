"""Cores shared with inference."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from threading import Thread, get_native_id
from time import sleep

import cv2
import numpy as np
import pytest

from background_subtraction.sinks.base import Encoding, Output, Sink
from background_subtraction.sinks.open import open_sink
from background_subtraction.sinks.writer_thread import NewestWriterThread, WriterThread
from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.reader_thread import Prefetched
from background_subtraction.thread_budget import BESIDE_INFERENCE, DECODING, ENCODING, shared_cores
from model_api import Frame
from model_api.adapters.cores import cores, quota_cores
from model_api.pictures.picture import Picture
from model_api.types import Size


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


class Watched(Sink):
    """Notes how nice the thread is that writes it, and one that this thread starts, as encoders do."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def check(self, size: Size) -> None:
        """Take all sizes."""

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        encoder = Thread(target=lambda: self.seen.append(own_niceness()))
        encoder.start()
        encoder.join()
        self.seen.append(own_niceness())


def own_niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="nice is of the whole process on this system")
@pytest.mark.parametrize(("kind", "steps"), [(WriterThread, ENCODING), (NewestWriterThread, 0)])
def test_encoding_gives_way_to_the_frames_that_are_computed(kind: type[WriterThread], steps: int) -> None:
    before, sink = own_niceness(), Watched()
    with kind(sink, Fraction(30)) as writer:
        writer.write(np.zeros((4, 4, 3), np.uint8), 0, Fraction(0))
        while len(sink.seen) < 2:
            sleep(0.01)
    assert sink.seen == [min(before + steps, 19)] * 2
    assert own_niceness() == before


@pytest.mark.skipif(sys.platform != "linux", reason="nice is of the whole process on this system")
@pytest.mark.parametrize(("live", "steps"), [(False, DECODING), (True, 0)])
def test_reading_ahead_gives_way_too(live: bool, steps: int) -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(own_niceness(), np.zeros((4, 4, 3), np.uint8))

    before = own_niceness()
    with Prefetched(frames(), live=live) as reader:
        assert [frame.index for frame in reader] == [min(before + steps, 19)]
    assert own_niceness() == before


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
