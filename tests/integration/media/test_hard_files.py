"""Files that break other programs."""

from __future__ import annotations

import select
import socket
import struct
import threading
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import PIL.Image
import pytest

from background_subtraction.image_files import read_image
from background_subtraction.sources.open import open_source
from tests.conftest import RunDemo, one_line
from tests.support.media import barcode, indexed, read_barcode, read_video, write_images, write_video
from tests.support.web import server_that_breaks_off


@pytest.mark.parametrize("size", [(711, 397), (1, 1), (2, 1), (397, 711), (3840, 2160)])
@pytest.mark.parametrize("model", ["red_dynamic.onnx", "counting_dynamic.onnx"])
def test_every_size_goes_through(
    models: Path, tmp_path: Path, run_demo: RunDemo, size: tuple[int, int], model: str
) -> None:
    write_images(tmp_path / "in", [np.full((size[1], size[0], 3), (9, 0, 255), np.uint8)] * 2)
    done = run_demo(
        "-m", models / model, "-i", tmp_path / "in", "-o", "out.mp4", "--output_alpha", "pha_%d.png",
        "--blur_bgr", 21,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert read_image(tmp_path / "pha_1.png").shape[:2] == (size[1], size[0])
    frames = read_video(tmp_path / "out.mp4")
    assert len(frames) == 2
    assert 0 <= frames[0].shape[1] - size[0] <= 1


@pytest.mark.parametrize("kind", ["16 bit", "grey", "grey 16 bit", "alpha", "palette", "cmyk"])
def test_images_of_every_kind_are_bgr(tmp_path: Path, kind: str) -> None:
    """A gradient, whose level is known at every column."""
    levels = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    path = tmp_path / ("image.jpg" if kind == "cmyk" else "image.png")
    if kind == "cmyk":
        path.write_bytes(cmyk_jpeg(levels))
    else:
        image = {
            "16 bit": np.repeat(levels[..., None].astype(np.uint16) * 257, 3, axis=2),
            "grey": levels,
            "grey 16 bit": levels.astype(np.uint16) * 257,
            "alpha": np.dstack([levels] * 3 + [np.full_like(levels, 255)]),
            "palette": np.repeat(levels[..., None], 3, axis=2),
        }[kind]
        assert cv2.imwrite(str(path), image)
    with open_source(str(path)) as source:
        (frame,) = source
    assert frame.image.shape == (16, 256, 3)
    assert frame.image.dtype == np.uint8
    assert np.abs(frame.image.astype(int) - levels[..., None]).max() <= (3 if kind == "cmyk" else 0)


def cmyk_jpeg(levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Black ink alone, in a printer's JPEG of four channels."""
    buffer = BytesIO()
    inks = np.zeros((*levels.shape, 4), np.uint8)
    inks[..., 3] = 255 - levels
    PIL.Image.frombytes("CMYK", (levels.shape[1], levels.shape[0]), inks.tobytes()).save(buffer, "JPEG", quality=98)
    return buffer.getvalue()


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    """EXIF orientation 6: the camera was held on its side."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    lying = PIL.Image.new("RGB", (80, 40))
    lying.paste((255, 0, 0), (0, 0, 40, 40))
    lying.save(tmp_path / "photo.jpg", exif=exif, quality=98)
    image = read_image(tmp_path / "photo.jpg")
    assert image.shape == (80, 40, 3)
    assert image[10, 20, 2] > 200  # its left half is the upper one
    assert image[70, 20, 2] < 50


def a_clip(folder: Path, name: str = "in.mp4", count: int = 60, codec: str = "libx264") -> Path:
    return write_video(folder / name, (barcode(n) for n in range(count)), codec=codec)


def test_a_truncated_file_gives_what_it_holds(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """A download that broke off: a transport stream holds good frames up to the break."""
    clip = a_clip(tmp_path, "in.ts")
    data = clip.read_bytes()
    (tmp_path / "half.ts").write_bytes(data[: len(data) * 6 // 10])
    done = run_demo("-m", models / "red.onnx", "-i", "half.ts", "-o", "out.mp4")
    frames = len(read_video(tmp_path / "out.mp4"))
    assert 10 < frames < 60
    assert done.returncode in (0, 1)
    assert f"Frames: {frames}" in done.stdout


def test_a_truncated_mp4_is_told(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    data = a_clip(tmp_path).read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[: len(data) // 2])
    assert "half.mp4: cannot be decoded" in one_line(run_demo("-m", models / "red.onnx", "-i", "half.mp4"))


@pytest.mark.parametrize("claim", [5, 5000])
def test_a_header_that_lies_about_the_length(models: Path, tmp_path: Path, run_demo: RunDemo, claim: int) -> None:
    """AVI's header has a count of frames (at dwTotalFrames and dwLength): the frames themselves are what counts."""
    data = bytearray(a_clip(tmp_path, "in.avi", codec="mpeg4").read_bytes())
    for field, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):
        start = data.index(field) + offset
        assert int.from_bytes(data[start : start + 4], "little") == 60
        data[start : start + 4] = claim.to_bytes(4, "little")
    (tmp_path / "liar.avi").write_bytes(data)
    done = run_demo("-m", models / "red.onnx", "-i", "liar.avi", "-o", "out.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_video(tmp_path / "out.mp4")) == 60


def test_a_video_that_changes_its_size_midway(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """Two transport streams one after the other, as a broadcast changes."""
    parts = [
        write_video(tmp_path / f"{n}.ts", (barcode(n * 10 + k, *size) for k in range(10)), codec="mpeg2video")
        for n, size in enumerate([(320, 240), (640, 480)])
    ]
    (tmp_path / "both.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    done = run_demo(
        "-m", models / "counting_dynamic.onnx", "-i", "both.ts", "-o", "out.mp4", "--output_alpha", "p_%02d.png",
        "--target_bgr", "black",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    sizes = [read_image(path).shape[:2] for path in sorted(tmp_path.glob("p_*.png"))]
    assert set(sizes) == {(240, 320)}  # as ffmpeg does, to the first one's
    assert done.stdout.count("have another size, 640×480") == 1
    frames = read_video(tmp_path / "out.mp4")
    assert len(frames) == len(sizes) >= 19
    assert {frame.shape for frame in frames} == {(240, 320, 3)}


def test_one_frame(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    a_clip(tmp_path, count=1)
    assert run_demo("-m", models / "red.onnx", "-i", "in.mp4", "-o", "out.mp4").returncode == 0
    assert len(read_video(tmp_path / "out.mp4")) == 1


def test_a_video_without_a_frame(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    (tmp_path / "none.y4m").write_bytes(b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n")
    line = one_line(run_demo("-m", models / "red.onnx", "-i", "none.y4m", "-o", "out.mp4"))
    assert "none.y4m" in line
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("name", ["with space.mp4", "Ünïcödé 日本.mp4", "a'quote.mp4", "100%d.mp4", "-dash.mp4"])
def test_names(models: Path, tmp_path: Path, run_demo: RunDemo, name: str) -> None:
    a_clip(tmp_path, name, 5)
    done = run_demo("-m", models / "red.onnx", "-i", tmp_path / name, "-o", tmp_path / f"out {name}")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_video(tmp_path / f"out {name}")) == 5


@pytest.mark.parametrize("option", ["-o", "--output_alpha", "--output_foreground"])
def test_no_output_may_be_the_input(models: Path, tmp_path: Path, run_demo: RunDemo, option: str) -> None:
    clip = a_clip(tmp_path, count=5)
    before = clip.read_bytes()
    assert "is the input itself" in one_line(run_demo("-m", models / "red.onnx", "-i", clip, option, "in.mp4"))
    assert clip.read_bytes() == before


def test_two_outputs_may_not_be_one_file(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = a_clip(tmp_path, count=5)
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4", "--output_alpha", "out.mp4")
    assert "out.mp4: is named for two outputs" in one_line(done)


def test_a_stream_that_breaks_off_is_taken_up_again(tmp_path: Path) -> None:
    data = a_clip(tmp_path, "in.ts").read_bytes()
    with server_that_breaks_off(data, len(data) // 2, once=True) as address, open_source(address) as source:
        assert [read_barcode(frame.image) for frame in source] == list(range(60))


def test_a_connection_that_is_reset_is_made_again(tmp_path: Path) -> None:
    """What no protocol takes up by itself: the stream goes on as another clip, and time with it."""
    data = a_clip(tmp_path, "in.ts").read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.sendall(data[: len(data) // 2])
            select.select([], [], [], 0.5)  # let it be read before the reset throws it away
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            connection, _ = server.accept()
            with connection:
                connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}") as source:
            frames = list(source)
        thread.join()
    second = [read_barcode(frame.image) for frame in frames if frame.clip == 1]
    assert second == list(range(60))
    assert 5 < len(frames) - 60 < 60
    times = [frame.timestamp_s for frame in frames]
    assert times == sorted(set(times))


def test_a_folder_of_images_has_its_rate(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", (indexed(n) for n in range(5)))
    run_demo("-m", models / "red.onnx", "-i", "in", "-o", "out.mp4", "--fps", "24000/1001")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(24000, 1001)
