"""Damage costs the frames that it hits, no others, and is said once."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Collection
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from background_subtraction.image_files import read_image
from background_subtraction.sources.demuxing.packets import decoded
from background_subtraction.sources.open import open_source
from model_api.errors import SourceError
from tests.support.media import barcode, read_barcode, write_video

FRAMES = 60
DAMAGED = (20, 21)


def damaged(clip: Path, name: str, packets: Collection[int]) -> Path:
    """The clip with noise in place of some packets."""
    noise = random.Random(1)
    path = clip.with_name(name)
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.dts is None:
                continue
            copy = av.Packet(noise.randbytes(packet.size) if number in packets else bytes(packet))
            copy.pts, copy.dts, copy.time_base, copy.duration = (
                packet.pts,
                packet.dts,
                packet.time_base,
                packet.duration,
            )
            copy.is_keyframe, copy.stream = packet.is_keyframe, stream
            container.mux(copy)
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("h264.mp4", "libx264"), ("hevc.mp4", "libx265"), ("vp9.webm", "libvpx-vp9"), ("mpeg4.avi", "mpeg4"),
    ],
)  # fmt: skip
def test_damaged_packets_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, codec: str) -> None:
    """The ffmpeg program gives 58 of 60 frames, 57 in VP9, where a damaged packet may look like several."""
    clip = write_video(tmp_path / name, (barcode(n) for n in range(FRAMES)), codec=codec)
    with open_source(str(damaged(clip, f"bad_{name}", DAMAGED))) as source:
        times_s = [frame.timestamp_s for frame in source]
    assert FRAMES - 2 * len(DAMAGED) <= len(times_s) <= FRAMES
    assert times_s == sorted(set(times_s))
    warnings = [message for message in caplog.messages if "damaged packets left out: " in message]
    assert len(warnings) == (len(times_s) < FRAMES)


def test_a_video_of_nothing_but_damage_is_refused(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", (barcode(n) for n in range(5)))
    bad = damaged(clip, "bad.mp4", range(5))
    with pytest.raises(SourceError, match=r"bad\.mp4: .*decoded"):
        open_source(str(bad))


def test_empty_packets_repeat_the_frame(tmp_path: Path) -> None:
    """Theora stores so what does not change."""
    clip = write_video(tmp_path / "clip.nut", (barcode(n) for n in range(8)), codec="ffvhuff")
    with av.open(str(clip)) as container:
        packets = [_emptied(packet) if n in (4, 5, 7) else packet for n, packet in enumerate(container.demux(video=0))]
        got = [(read_barcode(frame.to_ndarray(format="bgr24")), time) for frame, time in decoded(packets, "clip")]
    assert [index for index, _ in got] == [0, 1, 2, 3, 3, 3, 6, 6]
    assert [time for _, time in got] == [packet.pts for packet in packets[:-1]]


def _emptied(packet: av.Packet) -> av.Packet:
    empty = av.Packet()
    empty.pts, empty.dts, empty.time_base, empty.stream = packet.pts, packet.dts, packet.time_base, packet.stream
    return empty


def test_a_codec_that_nobody_knows_is_said(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", (barcode(n) for n in range(3)))
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(SourceError, match="FFmpeg knows no decoder for its video"):
        open_source(str(clip))


def test_tags_in_latin_1_do_not_cost_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "XXXX"
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(barcode(0), format="bgr24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"XXXX", "éèüß".encode("latin-1")))
    with open_source(str(path)) as source:
        assert len(list(source)) == 1


@pytest.mark.parametrize("ending", ["webp", "png"])
def test_animated_images_are_videos(tmp_path: Path, ending: str) -> None:
    if not hasattr(cv2, "Animation"):
        pytest.skip("OpenCV writes animations from 4.11 on")
    path = str(tmp_path / f"moving.{ending}")
    animation = cv2.Animation()
    animation.frames = [barcode(n) for n in range(5)]
    animation.durations = [100, 100, 200, 100, 100]
    assert cv2.imwriteanimation(path, animation)
    with open_source(path) as source:
        frames = list(source)
    assert [read_barcode(frame.image) for frame in frames] == list(range(5))
    assert [frame.timestamp_s for frame in frames] == [Fraction(n, 10) for n in (0, 1, 2, 4, 5)]


def test_the_larger_of_two_videos_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "two.ts"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg2video", rate=30) for _ in range(2)]
        for stream, (width, height) in zip(streams, [(64, 48), (320, 240)], strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for n in range(5):
            for stream in streams:
                image = barcode(n, stream.width, stream.height)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        for stream in streams:
            container.mux(stream.encode())
    with open_source(str(path)) as source:
        assert source.info.size == (320, 240)
        assert [read_barcode(frame.image) for frame in source] == list(range(5))


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(barcode(0, 64, 48), format="bgr24")))
        container.mux(cover.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 48000
        container.mux([*sound.encode(silence), *sound.encode()])
    with pytest.raises(SourceError, match="there is no video stream in it"):
        open_source(str(path))


def test_an_image_above_opencvs_limit_is_refused_in_one_line(tmp_path: Path) -> None:
    """40000×40000 pixels by its header (W3C, PNG, 11.2.1)."""
    path = tmp_path / "huge.png"
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(5001))), (b"IEND", b"")]
    data = [
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part)) for kind, part in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(data))
    with pytest.raises(SourceError, match="OPENCV_IO_MAX_IMAGE_PIXELS"):
        read_image(path)
