"""Discs, tapes, lists of parts and cameras of the network; sound, subtitles and transparency that come with them."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from background_subtraction.sources.open import open_source
from tests.conftest import RunDemo
from tests.integration.media.test_damaged_videos import DAMAGED, FRAMES, damaged
from tests.integration.media.test_side_tracks import beep_s, everything_is_person, flash_and_beep, flash_s
from tests.support.media import barcode, read_barcode, read_video
from tests.support.rtsp import rtsp_server
from tests.support.web import answering

DV_RATE, DV_SIZE = 25, (720, 576)


def write_clip(path: Path, codec: str, **options: Any) -> Path:
    """FRAMES frames. options: of av.open and of the stream: rate, size, pixel_format, encoder, container, format."""
    width, height = options.get("size", (320, 240))
    settings = options.get("container", {})
    with av.open(str(path), "w", format=options.get("format"), options=settings) as container:
        stream: Any = container.add_stream(codec, rate=options.get("rate", 30), options=options.get("encoder", {}))
        stream.width, stream.height = width, height
        stream.pix_fmt = options.get("pixel_format", "yuv420p")
        for number in range(FRAMES):
            image = barcode(number, width, height)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def numbers_of(address: object) -> list[int]:
    with open_source(str(address)) as source:
        assert not source.info.live
        return [read_barcode(frame.image) for frame in source]


def test_a_disc(tmp_path: Path) -> None:
    assert numbers_of(write_clip(tmp_path / "in.vob", "mpeg2video")) == list(range(FRAMES))


def test_a_tape(tmp_path: Path) -> None:
    """IEC 61834: 720×576 with pixels of 16:15, 25 pictures a second."""
    path = write_clip(tmp_path / "in.dv", "dvvideo", rate=DV_RATE, size=DV_SIZE)
    with open_source(str(path)) as source:
        frames = list(source)
    assert (source.info.size, source.info.rate) == (DV_SIZE, Fraction(DV_RATE))
    assert source.info.form.pixel_aspect == Fraction(16, 15)
    assert [read_barcode(frame.image) for frame in frames] == list(range(FRAMES))
    assert [frame.timestamp_s for frame in frames] == [Fraction(number, DV_RATE) for number in range(FRAMES)]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), [
    ("prores.mov", "prores_ks", "yuv422p10le"), ("mjpeg.mov", "mjpeg", "yuvj420p"), ("mjpeg.avi", "mjpeg", "yuvj420p"),
])  # fmt: skip
def test_damage_where_every_frame_is_for_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, codec: str, pixel_format: str
) -> None:
    """It costs just the frames that it hits: the others are there, at their own times."""
    clip = write_clip(tmp_path / name, codec, pixel_format=pixel_format)
    with open_source(str(damaged(clip, f"bad_{name}", DAMAGED))) as source:
        shown = {round(frame.timestamp_s * 30): read_barcode(frame.image) for frame in source}
    whole = [number for number in range(FRAMES) if number not in DAMAGED]
    assert [shown[number] for number in whole] == whole
    missing = FRAMES - len(shown)
    said = [f"{clip.with_name(f'bad_{name}')}: damaged packets left out: {missing}"] if missing else []
    assert caplog.messages == said


@contextmanager
def folder_on_the_web(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(folder))
    with answering(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as address:
        yield address


def as_parts(clip: Path, path: Path, kind: str) -> Path:
    """HTTP Live Streaming (RFC 8216). kind: of the parts, mpegts or fmp4."""
    settings = {"hls_time": "0.5", "hls_list_size": "0", "hls_segment_type": kind}
    with av.open(str(clip)) as source, av.open(str(path), "w", format="hls", options=settings) as container:
        lanes = {stream.index: container.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = lanes[packet.stream.index]
                container.mux(packet)
    assert len([*path.parent.glob(f"{path.stem}*.*")]) > 3
    return path


@pytest.mark.parametrize("place", ["disk", "web"])
@pytest.mark.parametrize("kind", ["mpegts", "fmp4"])
def test_a_list_of_parts_is_one_video_with_its_sound(
    models: Path, tmp_path: Path, run_demo: RunDemo, monkeypatch: pytest.MonkeyPatch, kind: str, place: str
) -> None:
    (tmp_path / "parts").mkdir()
    monkeypatch.chdir(tmp_path / "parts")  # where FFmpeg writes init.mp4
    clip = as_parts(flash_and_beep(tmp_path / "in.mp4"), tmp_path / "parts" / "in.m3u8", kind)
    with folder_on_the_web(clip.parent) as address:
        source = f"{address}/in.m3u8" if place == "web" else clip
        done = run_demo("-m", models / "red.onnx", "-i", source, "-o", "out.mp4", "--blur_bgr", 3)
    assert (done.returncode, done.stderr) == (0, "")
    output = tmp_path / "out.mp4"
    assert len(read_video(output)) == 60
    assert [flash_s(output), beep_s(output)] == pytest.approx([1, 1], abs=0.05)


def test_a_camera_of_the_network(tmp_path: Path) -> None:
    """It never ends of itself: what it sent before it hung up is there, in order and at its own times."""
    settings = {"bf": "0", "g": "10", "tune": "zerolatency"}
    clip = write_clip(tmp_path / "in.ts", "libx264", encoder=settings)
    with rtsp_server(clip) as address, open_source(address) as source:
        assert (source.info.live, source.info.size, source.info.sound) == (True, (320, 240), None)
        assert "geheim" not in source.info.name
        frames = list(islice(source, FRAMES - 5))
    assert [read_barcode(frame.image) for frame in frames] == list(range(FRAMES - 5))
    assert [frame.timestamp_s for frame in frames] == [Fraction(number, 30) for number in range(FRAMES - 5)]


def _disc_picture(number: int) -> bytes:
    """A DVD's: nobody but a player looks into it."""
    return b"picture %d" % number * 9


def _blu_ray_picture(number: int) -> bytes:
    """An empty screen: a presentation composition segment of 1920×1080, and the end of the display set."""
    screen = struct.pack(">HHBHBBBB", 1920, 1080, 16, number, 128, 0, 0, 0)
    return struct.pack(">BH", 0x16, len(screen)) + screen + b"\x80\0\0"


PICTURES = {"dvd_subtitle": _disc_picture, "hdmv_pgs_subtitle": _blu_ray_picture}
BEGINS_S = [Fraction(number, 2) for number in range(4)]


def with_pictures(path: Path, codec: str) -> Path:
    with av.open(str(flash_and_beep(path.with_name("plain.mkv")))) as source, av.open(str(path), "w") as container:
        lanes = {stream.index: container.add_stream_from_template(stream) for stream in source.streams}
        words = container.add_mux_stream(codec)
        words.time_base = Fraction(1, 1000)
        words.metadata["language"] = "ger"
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = lanes[packet.stream.index]
                container.mux(packet)
        for number, begin_s in enumerate(BEGINS_S):
            picture: Any = av.Packet(PICTURES[codec](number))
            picture.stream, picture.time_base = words, Fraction(1, 1000)
            picture.pts = picture.dts = int(begin_s * 1000)
            picture.duration = 400
            container.mux(picture)
    return path


@pytest.mark.parametrize("codec", ["dvd_subtitle", "hdmv_pgs_subtitle"])
def test_subtitles_that_are_pictures(models: Path, tmp_path: Path, run_demo: RunDemo, codec: str) -> None:
    """Copied where the container takes them, else left out with a line. The picture and the sound are whole."""
    source = with_pictures(tmp_path / "in.mkv", codec)
    everything_is_person(models, run_demo, source, "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        (words,) = container.streams.subtitles
        assert words.metadata["language"] == "ger"
        packets = [packet for packet in container.demux(words) if packet.size]
    assert [(bytes(packet), packet.pts * packet.time_base) for packet in packets] == [
        (PICTURES[codec](number), begin_s) for number, begin_s in enumerate(BEGINS_S)
    ]
    for name in ("out.mp4", "out.webm", "out.avi"):
        said = everything_is_person(models, run_demo, source, name)
        assert said.count(f"subtitle track 2 ({codec}, ger) is left out: {Path(name).suffix} does not hold it") == 1
        assert len(read_video(tmp_path / name)) == 60
        assert beep_s(tmp_path / name) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
def test_several_sound_tracks_keep_their_order_and_their_sound(
    models: Path, tmp_path: Path, run_demo: RunDemo, suffix: str
) -> None:
    source = flash_and_beep(tmp_path / "in.mkv", tracks=3)
    everything_is_person(models, run_demo, source, f"out{suffix}")
    output = tmp_path / f"out{suffix}"
    with av.open(str(output)) as container:
        assert len(container.streams.audio) == 3
    assert [beep_s(output, track) for track in range(3)] == pytest.approx([1] * 3, abs=0.05)


def test_alphas_are_multiplied(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """The picture's own alpha by that of the network, which is its red: 128/255 of 200/255 is 100/255."""
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[..., 2], picture[..., 3] = 200, 128
    picture[:24, :, 3] = 255
    assert cv2.imwrite(str(tmp_path / "in.png"), picture)
    done = run_demo("-m", models / "red.onnx", "-i", "in.png", "-o", "out.png", "--target_bgr", "transparent")
    assert (done.returncode, done.stderr) == (0, "")
    written = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert written is not None
    assert abs(int(written[4, 32, 3]) - 200) <= 2
    assert abs(int(written[44, 32, 3]) - 100) <= 2
