"""Uneven times in containers that know even ones, and how late encoders are."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from background_subtraction.sinks.formats import CODECS, video_format
from background_subtraction.sinks.pictures import joined_options
from background_subtraction.sinks.timing import HELD_S, EvenTimes, GifTimes, prompt_options
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sources.base import SourceInfo
from background_subtraction.thread_budget import same_scheduling
from tests.support.media import barcode, read_barcode

RATE = Fraction(30)


def shown(path: Path) -> list[tuple[float, int]]:
    """The time and the number of each frame."""
    with av.open(str(path)) as container:
        return [(float(frame.time), read_barcode(frame.to_ndarray(format="bgr24"))) for frame in container.decode()]


def write(path: Path, times: list[Fraction], rate: Fraction = RATE, codec: str | None = None) -> None:
    with VideoSink(path, video_format(path, codec), SourceInfo("test", (320, 240), rate)) as sink:
        for index, time_s in enumerate(times):
            sink.write(barcode(index), index, time_s)


@pytest.mark.parametrize("codec", ["mjpeg", "png", "h264"])
def test_missing_frames_are_repeated(tmp_path: Path, codec: str) -> None:
    """A clip of 60 frames without the frames 20 to 23 and every seventh: each of the others at its own time."""
    kept = [n for n in range(60) if n not in range(20, 24) and n % 7 != 3]
    write(tmp_path / "out.avi", [n / RATE for n in kept], codec=codec)
    numbers = [max(index for index, n in enumerate(kept) if n <= tick) for tick in range(kept[-1] + 1)]
    assert [number for _, number in shown(tmp_path / "out.avi")] == numbers
    for tick, (time_s, _) in enumerate(shown(tmp_path / "out.avi")):
        # FFmpeg's reader of H.264 in AVI guesses times from the order, a frame late.
        assert time_s == pytest.approx(tick / 30, abs=(codec == "h264") / 30 + 1e-3)


def test_times_that_tremble_repeat_and_lose_none() -> None:
    timing = EvenTimes(RATE)
    times = [max(Fraction(0), n / RATE + Fraction((n * 7) % 17 - 8, 1000)) for n in range(300)]
    placed = [timing.place(time_s) for time_s in times]
    assert [one.pts for one in placed] == list(range(300))
    assert not any(one.repeated for one in placed)


def test_twice_the_rate_leaves_half_of_the_frames_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "out.avi", [n / 60 for n in map(Fraction, range(60))])
    frames = shown(tmp_path / "out.avi")
    assert len(frames) in (30, 31)  # the last frame ends half a frame late
    assert max(abs(time_s - number / 60) for time_s, number in frames) <= 1 / 30
    assert caplog.text.count("frames are left out") == 1


@pytest.mark.parametrize(("rate", "count"), [(25, 50), (30, 60), (50, 100), (60, 100), (100, 100), (240, 100)])
def test_a_gif_shows_fifty_frames_a_second_at_most(rate: int, count: int) -> None:
    """Two seconds. None is more than a hundredth late."""
    timing = GifTimes(Fraction(rate))
    times = [Fraction(n, rate) for n in range(2 * rate)]
    placed = [(pts, time_s * 100) for time_s in times if (pts := timing.place(time_s).pts) is not None]
    assert len(placed) == pytest.approx(count, abs=1)
    assert min(b[0] - a[0] for a, b in itertools.pairwise(placed)) >= 2
    assert max(abs(pts - time) for pts, time in placed) <= 1


def test_a_gif_keeps_uneven_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    times = [Fraction(n, 100) for n in (0, 4, 50, 53, 120)]
    write(tmp_path / "out.gif", times)
    assert [time_s for time_s, _ in shown(tmp_path / "out.gif")] == pytest.approx(list(map(float, times)))
    assert not caplog.text


@pytest.mark.parametrize(("codec", "rate"), [
    *((codec, rate) for codec in ("h264", "hevc", "vp9") for rate in (1, 5, 12, 20, 24, 30)),
    *(("av1", rate) for rate in (1, 5, 12)),  # at higher rates SVT-AV1 gives frames out when it has time
])  # fmt: skip
def test_encoders_hold_little_back(codec: str, rate: int) -> None:
    """Frames that went in without having come out: what a run that is killed loses. One is always being encoded."""
    known = CODECS[codec]
    context = av.CodecContext.create(known.encoder, "w")
    context.width, context.height, context.pix_fmt = 64, 64, known.pixel_format
    context.time_base, context.framerate = Fraction(1, rate), Fraction(rate)
    context.options = joined_options(known.options, prompt_options(known.encoder, Fraction(rate)))
    with same_scheduling():
        context.open(strict=False)
    picture = av.VideoFrame.from_ndarray(np.full((96, 64), 128, np.uint8), format="yuv420p")
    held, most_held = 0, 0
    for index in range(50):
        picture.pts, picture.time_base = index, Fraction(1, rate)
        held += 1 - len(context.encode(picture))
        most_held = max(most_held, held)
    assert most_held <= max(1, round(rate * HELD_S))
