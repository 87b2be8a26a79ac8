"""The times of frames, where a file tells them badly. The right ones follow from how the file was made."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from background_subtraction.sources.demuxing.timeline import continuous, measured_rate
from background_subtraction.sources.open import open_source
from background_subtraction.sources.selection import Selection
from model_api.types import Frame
from tests.support.media import barcode, read_barcode, write_video


def timed_video(path: Path, times_ms: list[int], codec: str = "libx264", **options: str) -> Path:
    """Frame n carries n, at its time."""
    with av.open(str(path), "w", container_options={}) as container:
        stream = container.add_stream(codec, rate=1000, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for n, ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(barcode(n), format="bgr24")
            frame.pts, frame.time_base = ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read(path: Path, selection: Selection = Selection()) -> tuple[Fraction, list[Frame]]:
    with open_source(str(path), selection=selection) as source:
        return source.info.rate, list(source)


@pytest.mark.parametrize("first_s", [0, 3600], ids=["back to the beginning", "an hour forward"])
def test_recordings_joined_end_to_end_go_on(tmp_path: Path, first_s: int) -> None:
    one = write_video(tmp_path / "one.ts", (barcode(n) for n in range(30)))
    second = tmp_path / "second.ts"
    with (
        av.open(str(one)) as source,
        av.open(str(second), "w", options={"output_ts_offset": str(first_s)}) as container,
    ):
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    (tmp_path / "joined.ts").write_bytes(one.read_bytes() + second.read_bytes())
    _, frames = read(tmp_path / "joined.ts")
    assert [read_barcode(frame.image) for frame in frames] == [*range(30), *range(30)]
    assert [float(frame.timestamp_s) for frame in frames] == pytest.approx([n / 30 for n in range(60)], abs=0.001)


def test_the_part_behind_a_joint_is_found(tmp_path: Path) -> None:
    one = write_video(tmp_path / "one.ts", (barcode(n) for n in range(30)))
    (tmp_path / "joined.ts").write_bytes(2 * one.read_bytes())
    _, frames = read(tmp_path / "joined.ts", Selection(start_s=Fraction(3, 2)))
    assert [read_barcode(frame.image) for frame in frames] == list(range(15, 30))


@pytest.mark.parametrize("start", [1, 7, 12])
def test_seeking_finds_the_key_frame_before(tmp_path: Path, start: int) -> None:
    """MPEG-TS has no index, and here one key frame in ten seconds."""
    path = tmp_path / "long.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "250", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for n in range(14 * 25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(barcode(n), format="bgr24")))
        container.mux(stream.encode())
    _, frames = read(path, Selection(start_s=Fraction(start), end_s=Fraction(start + 1)))
    assert [read_barcode(frame.image) for frame in frames] == list(range(25 * start, 25 * start + 25))


@pytest.mark.parametrize(("name", "codec"), [("b.avi", "libx264"), ("b4.avi", "mpeg4")])
def test_frames_of_avi_that_were_reordered(tmp_path: Path, name: str, codec: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for n in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(barcode(n), format="bgr24")))
        container.mux(stream.encode())
    with open_source(str(path)) as source:
        frames = list(source)
    assert source.info.rate == 30
    assert source.info.begin_s == 0
    assert [read_barcode(frame.image) for frame in frames] == list(range(20))
    assert [frame.timestamp_s for frame in frames] == [Fraction(n, 30) for n in range(20)]


@pytest.mark.parametrize(("name", "codec"), [("r.h264", "libx264"), ("r.hevc", "libx265"), ("r.m2v", "mpeg2video")])
def test_bare_streams_have_the_rate_that_the_codec_tells(tmp_path: Path, name: str, codec: str) -> None:
    """FFmpeg's demuxers believe in 25 frames per second."""
    clip = write_video(tmp_path / name, (barcode(n) for n in range(24)), Fraction(24), codec)
    rate, frames = read(clip)
    assert rate == 24
    assert [read_barcode(frame.image) for frame in frames] == list(range(24))
    assert [frame.timestamp_s for frame in frames] == [Fraction(n, 24) for n in range(24)]


def test_a_browsers_recording_has_the_rate_of_its_times(tmp_path: Path) -> None:
    """Whole milliseconds, uneven, and no rate in the header: MediaRecorder."""
    times_ms = [n * 1000 // 30 + (n * 5 % 17 - 8) * (n > 0) for n in range(60)]
    path = timed_video(tmp_path / "rec.webm", times_ms, "libvpx", **{"deadline": "realtime", "cpu-used": "8"})
    rate, frames = read(path)
    assert rate == 30
    assert [round(frame.timestamp_s * 1000) for frame in frames] == times_ms


def test_times_before_zero(tmp_path: Path) -> None:
    path = timed_video(tmp_path / "early.mkv", [-100, -67, -33, 0, 33], bf="0")
    _, frames = read(path)
    assert [read_barcode(frame.image) for frame in frames] == list(range(5))
    assert frames[0].timestamp_s == 0


@pytest.mark.parametrize(
    ("times_ms", "rate"),
    [
        ([0, 33, 67, 100, 133], Fraction(30)),
        ([0, 42, 83, 125, 167, 208], Fraction(24)),
        ([0, 33, 67, 200, 233, 267, 300], Fraction(30)),  # two were left out
        ([0], Fraction(30)),
        ([0, 7000, 14000], Fraction(1, 7)),
    ],
)
def test_the_rate_that_follows_from_times(times_ms: list[int], rate: Fraction) -> None:
    assert measured_rate([Fraction(ms, 1000) for ms in times_ms]) == rate


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 3600, 3601], [0, 1, 2, 3]),
        ([None, None, 2, 3], [0, 1, 2, 3]),
        ([None, 0, 1, 2], [-1, 0, 1, 2]),
        ([None] * 10, list(range(10))),
        ([0, 1, 1, 2], [0, 1, 1.5, 2]),
        ([0, 1, 5, 6], [0, 1, 5, 6]),
    ],
)
def test_time_only_goes_forward(times: list[int | None], expected: list[float]) -> None:
    """One frame a second; more than ten seconds without one are a joint."""
    timed = [(None, None if time is None else Fraction(time)) for time in times]
    got = [float(time_s) for _, time_s in continuous(timed, Fraction(1), Fraction(10))]
    assert got == expected
