"""Pictures that break their decoders: a result or one line, and no more memory than whole ones take."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.image_files import read_image
from background_subtraction.sources.open import open_source
from model_api.errors import SourceError
from tests.conftest import ROOT, TIMEOUT_S, RunDemo, one_line
from tests.support.media import barcode, read_video

LZW_OF_NOTHING = b"\x02\x02\x4c\x01\x00"
"""The code size, one block (clear, the colour 0, end) and the end of the blocks (GIF89a, 22)."""


def png(width: int, height: int, *chunks: tuple[bytes, bytes], claimed: int | None = None) -> bytes:
    """A PNG of 8-bit colours. claimed: the length that its last chunk tells, in place of its own."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), *chunks)
    ]
    if claimed is not None:
        parts[-1] = struct.pack(">I", claimed) + parts[-1][4:]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif(width: int, height: int) -> bytes:
    """A few bytes that claim a picture of this size."""
    screen = struct.pack("<HHBBB", width, height, 0xF0, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + LZW_OF_NOTHING + b"\x3b"


def test_libpng_prints_nothing_beside_the_line(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """A filter that does not exist (W3C, PNG, 9.2: there are five)."""
    rows = zlib.compress((b"\x09" + bytes(64 * 3)) * 48)
    (tmp_path / "filter.png").write_bytes(png(64, 48, (b"IDAT", rows), (b"IEND", b"")))
    assert "filter.png: not a whole image" in one_line(run_demo("-m", models / "red.onnx", "-i", "filter.png"))


def test_libjpeg_prints_nothing_beside_the_result(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    data = cv2.imencode(".jpg", barcode(5, 640, 480))[1].tobytes()
    (tmp_path / "gap.jpg").write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 300 :])
    done = run_demo("-m", models / "red.onnx", "-i", "gap.jpg", "-o", "out.png")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_program_itself_prints_is_not_lost(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Only C's stderr is silent while a picture is decoded, and it speaks again afterwards."""
    (tmp_path / "filter.png").write_bytes(png(64, 48, (b"IDAT", zlib.compress(b"\x09" * 193 * 48)), (b"IEND", b"")))
    with pytest.raises(SourceError):
        read_image(tmp_path / "filter.png")
    assert capfd.readouterr().err == ""
    assert cv2.imdecode(np.fromfile(tmp_path / "filter.png", np.uint8), cv2.IMREAD_COLOR) is None
    assert "libpng" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_a_chunk_takes_no_more_memory_than_the_file(tmp_path: Path) -> None:
    """It claims 2^31 - 1 bytes, the most that PNG allows (W3C, PNG, 5.3), in an image of 64×48."""
    (tmp_path / "long.png").write_bytes(png(64, 48, (b"IDAT", zlib.compress(bytes(193 * 48))), claimed=2**31 - 1))
    script = (
        "import sys, pathlib, re\n"
        "from background_subtraction.image_files import read_image\n"
        "try:\n    read_image(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error:\n    print(error)\n"
        "print(re.search(r'VmHWM:\\s*(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "long.png"], cwd=ROOT, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=True,
    )  # fmt: skip
    message, peak_kb = done.stdout.splitlines()
    assert "not a whole image" in message
    assert int(peak_kb) < 1_000_000


@pytest.mark.parametrize("role", ["-i", "--target_bgr"])
def test_a_gif_of_a_few_bytes_and_many_pixels_is_refused(
    models: Path, tmp_path: Path, run_demo: RunDemo, role: str
) -> None:
    (tmp_path / "large.gif").write_bytes(gif(16_000, 16_000))
    cv2.imwrite(str(tmp_path / "small.png"), barcode(5, 64, 48))
    words = ("-i", "large.gif") if role == "-i" else ("-i", "small.png", "--target_bgr", "large.gif")
    line = one_line(run_demo("-m", models / "red.onnx", *words, "-o", "out.mp4"))
    assert "large.gif: pictures of 16000×16000 pixels. Expected 134217728 at most" in line


def test_the_commands_limit_opencv_too(models: Path, tmp_path: Path, start_demo: RunDemo) -> None:
    (tmp_path / "large.png").write_bytes(png(16_000, 16_000, (b"IDAT", zlib.compress(b"")), (b"IEND", b"")))
    line = one_line(start_demo("-m", models / "red.onnx", "-i", "large.png", "-o", "out.png"))
    assert "large.png: cannot be read" in line
    assert "OPENCV_IO_MAX_IMAGE_PIXELS" in line


def test_a_gif_within_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "flat.gif").write_bytes(gif(320, 240))
    with open_source(str(tmp_path / "flat.gif")) as source:
        assert source.info.size == (320, 240)


def test_a_rate_that_no_encoder_counts_with_is_not_believed(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """1e11 frames a second in a YUV4MPEG2 header."""
    frame = b"FRAME\n" + bytes(64 * 48 * 3 // 2)
    (tmp_path / "fast.y4m").write_bytes(b"YUV4MPEG2 W64 H48 F99999999999:1 Ip C420jpeg\n" + 3 * frame)
    done = run_demo("-m", models / "red.onnx", "-i", "fast.y4m", "-o", "out.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_video(tmp_path / "out.mp4")) == 3
