"""What every sink promises."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from background_subtraction.compositing.composite import CompositeFrame, view_at_size
from background_subtraction.compositing.media_backgrounds import StillBackground
from background_subtraction.image_files import read_image
from background_subtraction.sinks.base import Encoding, Output, Sink
from background_subtraction.sinks.open import open_sink
from background_subtraction.sinks.outputs import Outputs
from background_subtraction.sources.base import SourceInfo
from model_api.errors import SinkError
from model_api.mattes.matte import DenseMatte
from model_api.pictures.picture import size_of
from model_api.results import Result, StageTimes
from model_api.types import Frame, Image
from tests.support.media import barcode, read_barcode, read_video

FRAMES = 20
NTSC = Fraction(30000, 1001)


def write_all(path: Path, images: list[Image], rate: Fraction = NTSC, limit: int = 0) -> None:
    source = SourceInfo("test", (320, 240), rate, len(images))
    with Outputs((Output(path),), Encoding(limit=limit), source) as outputs:
        for index, image in enumerate(images):
            outputs.write(picture(image, index, index / rate))


def picture(image: Image, index: int, timestamp_s: Fraction) -> CompositeFrame:
    """A picture whose composite is the image."""
    matte = DenseMatte(image, np.ones(image.shape[:2], np.float32), image)
    return CompositeFrame(
        Result(Frame(index, image, timestamp_s), matte, StageTimes(0, 0, 0), 0.0), StillBackground(image)
    )


@pytest.mark.parametrize(("view", "resolution", "size"), [
    ("composite", None, (1024, 576)), ("alpha", (512, 512), (512, 288)), ("side by side", None, (2048, 576)),
])  # fmt: skip
def test_screens_show_square_pixels(view: str, resolution: tuple[int, int] | None, size: tuple[int, int]) -> None:
    """720×576 with pixels of 64:45, as PAL's wide screen."""
    frame = replace(picture(np.zeros((576, 720, 3), np.uint8), 0, Fraction(0)), pixel_aspect=Fraction(64, 45))
    assert size_of(view_at_size(frame, view, resolution, square=True)) == size


def sink_for(path: Path, source: SourceInfo) -> Sink:
    return open_sink(Output(path), Encoding(), source)


@pytest.mark.parametrize("name", ["out.mp4", "out.avi", "naïve name.MP4"])
def test_a_video_holds_every_frame_at_the_exact_rate(tmp_path: Path, name: str) -> None:
    write_all(tmp_path / name, [barcode(n) for n in range(FRAMES)])
    assert [read_barcode(image) for image in read_video(tmp_path / name)] == list(range(FRAMES))
    with av.open(str(tmp_path / name)) as container:
        assert container.streams.video[0].average_rate == NTSC
        assert container.duration == pytest.approx(FRAMES / NTSC * av.time_base, rel=1e-3)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_a_video_may_be_shorter_than_what_its_encoder_holds_back(tmp_path: Path, codec: str) -> None:
    """x265's times of decoding are random then: several times, so that one of them is wrong."""
    path = tmp_path / "out.mp4"
    for frames in (1, 2, 1, 2, 1, 2, 3):
        with open_sink(Output(path), Encoding(codec=codec), SourceInfo("test", (64, 48), Fraction(25), frames)) as sink:
            for index in range(frames):
                sink.write(barcode(index, 64, 48), index, Fraction(index, 25))
        with av.open(str(path)) as container:
            shown = [
                (read_barcode(frame.to_ndarray(format="bgr24")), frame.time) for frame in container.decode(video=0)
            ]
        assert shown == [(index, index / 25) for index in range(frames)]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_images_are_named_by_their_index(tmp_path: Path, suffix: str) -> None:
    write_all(tmp_path / f"out_%03d.{suffix}", [barcode(n) for n in range(FRAMES)])
    for index in range(FRAMES):
        assert read_barcode(read_image(tmp_path / f"out_{index:03d}.{suffix}")) == index


def test_one_image_has_its_plain_name(tmp_path: Path) -> None:
    write_all(tmp_path / "out.png", [barcode(5)])
    np.testing.assert_array_equal(read_image(tmp_path / "out.png"), barcode(5))


@pytest.mark.parametrize("name", ["out.mp4", "out_%02d.png"])
def test_a_limit_keeps_the_first_frames(tmp_path: Path, name: str) -> None:
    write_all(tmp_path / name, [barcode(n) for n in range(FRAMES)], limit=7)
    count = len(read_video(tmp_path / name)) if name == "out.mp4" else len(list(tmp_path.glob("out_*.png")))
    assert count == 7


@pytest.mark.parametrize(("width", "height"), [(321, 241), (1, 1), (16, 9), (320, 241)])
@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_odd_sizes_are_written_with_at_most_a_pixel_more(tmp_path: Path, suffix: str, width: int, height: int) -> None:
    path = tmp_path / f"out.{suffix}"
    write_all(path, [np.full((height, width, 3), 90, np.uint8)] * 3)
    for image in read_video(path):
        assert 0 <= image.shape[1] - width <= 1
        assert 0 <= image.shape[0] - height <= 1
        assert np.abs(image.astype(int) - 90).max() <= 4


def test_a_size_that_changes_is_fitted_into_the_first(tmp_path: Path) -> None:
    write_all(tmp_path / "out.mp4", [barcode(1), np.full((480, 640, 3), 200, np.uint8), barcode(3)])
    frames = read_video(tmp_path / "out.mp4")
    assert [frame.shape for frame in frames] == [(240, 320, 3)] * 3
    assert read_barcode(frames[0]) == 1
    assert read_barcode(frames[2]) == 3


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
@pytest.mark.parametrize("height", [480, 720])
def test_colours_survive(tmp_path: Path, suffix: str, height: int) -> None:
    """Bars of pure colours, SD and HD: read back by another library they are the same within a few levels."""
    colours = [(b, g, r) for b in (16, 235) for g in (16, 235) for r in (16, 235)]
    bars = np.repeat(np.array([colours], np.uint8), 80, axis=1).repeat(height, axis=0)
    write_all(tmp_path / f"out.{suffix}", [bars] * 3)
    capture = cv2.VideoCapture(str(tmp_path / f"out.{suffix}"))
    read, image = capture.read()
    assert read
    for number, colour in enumerate(colours):
        middle = image[height // 2, number * 80 + 40].astype(int)
        assert np.abs(middle - colour).max() <= 4, (suffix, height, colour, middle)


def test_colours_are_labelled(tmp_path: Path) -> None:
    write_all(tmp_path / "hd.mp4", [np.zeros((720, 1280, 3), np.uint8)])
    write_all(tmp_path / "sd.mp4", [np.zeros((480, 640, 3), np.uint8)])
    matrices = {}
    for name in ("hd", "sd"):
        with av.open(str(tmp_path / f"{name}.mp4")) as container:
            context = container.streams.video[0].codec_context
            matrices[name] = (context.colorspace, context.color_range)
    assert matrices == {"hd": (1, 1), "sd": (6, 1)}  # BT.709 and BT.601, both 16..235


def test_live_frames_are_shown_at_their_own_time(tmp_path: Path) -> None:
    source = SourceInfo("camera", (320, 240), Fraction(30), live=True)
    times = [Fraction(0), Fraction(1, 30), Fraction(1, 2), Fraction(1)]
    with sink_for(tmp_path / "out.mp4", source) as sink:
        for index, time_s in enumerate(times):
            sink.write(barcode(index), index, time_s)
    with av.open(str(tmp_path / "out.mp4")) as container:
        shown = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert shown == times


def test_without_frames_no_file_is_left(tmp_path: Path) -> None:
    write_all(tmp_path / "out.mp4", [])
    assert not (tmp_path / "out.mp4").exists()


def test_an_error_of_the_run_is_not_hidden_by_closing(tmp_path: Path) -> None:
    def run() -> None:
        with sink_for(tmp_path / "out.mp4", SourceInfo("test", (320, 240), Fraction(30), 3)) as sink:
            sink.write(barcode(0), 0, Fraction(0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert len(read_video(tmp_path / "out.mp4")) == 1


@pytest.mark.parametrize(("name", "message"), [("out", "a name without an ending"), ("out_%d_%d.png", "not a pattern")])
def test_names_without_a_format_are_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(SinkError, match=message):
        sink_for(tmp_path / name, SourceInfo("test", (320, 240), Fraction(30), 3))
