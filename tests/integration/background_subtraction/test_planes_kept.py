"""From a video to a video the planes stay planes: the person's samples are the input's."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from background_subtraction.compositing.colours import DEFAULT_COLOUR
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import plain_picture
from model_api.pictures.yuv_image import Plane, YuvFormat, YuvImage
from tests.conftest import RunDemo
from tests.support.colours import TAGS, Planes, read_planes, write_planes

WIDTH, HEIGHT = 64, 48
"""Those of the network's input: then alpha is 0 or 1 but for the pixels at the border of both halves."""
BT709 = dict(zip(TAGS, (1, 1, 1, 1), strict=True))
BORDER = 2
"""Samples at the border that are not looked at."""
SWSCALE = {"reformat", "to_ndarray", "to_image", "to_rgb"}
"""Methods of av.VideoFrame that convert."""


def half_red(chroma: str, depth: int, seed: int) -> Planes:
    """Noise: on the left so red that the network takes it for the person, on the right without any red."""
    rng = np.random.default_rng(seed)
    form = YuvFormat(ColourSpace(depth=depth), chroma)
    unit, (width, height) = 1 << (depth - 8), form.chroma_wh((WIDTH, HEIGHT))
    luma = rng.integers(75 * unit, 110 * unit, (HEIGHT, WIDTH))
    blue = rng.integers(100 * unit, 150 * unit, (height, width))
    red = rng.integers(236 * unit, 240 * unit, (height, width))
    red[:, width // 2 :] = rng.integers(20 * unit, 40 * unit, (height, width - width // 2))
    return [plane.astype(form.dtype) for plane in (luma, blue, red)]


def halves(plane: Plane) -> tuple[slice, slice]:
    """The columns of the person and of the scene."""
    middle = plane.shape[1] // 2
    return slice(0, middle - BORDER), slice(middle + BORDER, None)


@contextmanager
def native_calls() -> Iterator[set[str]]:
    """The names of all functions in C that are called meanwhile, in this thread and in those that begin."""
    names: set[str] = set()

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            names.add(function.__name__)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_the_persons_samples_are_the_inputs(
    models: Path, tmp_path: Path, run_demo: RunDemo, chroma: str, depth: int
) -> None:
    pixel_format = f"yuv{chroma}p" + ("10le" if depth == 10 else "")
    planes = half_red(chroma, depth, 1)
    path = write_planes(tmp_path / "in.mkv", [planes], pixel_format, "ffv1", tags=BT709)
    run = run_demo("-m", models / "red.onnx", "-i", path, "-o", "out.mkv")
    assert run.returncode == 0, run.stderr
    written, tags_written, _ = read_planes(tmp_path / "out.mkv")
    assert tags_written == BT709
    green = plain_picture(DEFAULT_COLOUR, (WIDTH, HEIGHT), YuvFormat(ColourSpace(depth=depth), chroma))
    assert isinstance(green, YuvImage)
    for plane, source, background in zip(written, planes, green.planes, strict=True):
        left, right = halves(plane)
        assert plane.dtype == source.dtype
        np.testing.assert_array_equal(plane[:, left], source[:, left])
        np.testing.assert_array_equal(plane[:, right], background[:, right])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv420p10le"])
@pytest.mark.parametrize("background", ["blue", "room.mp4", None])
def test_no_frame_is_converted_by_swscale(
    models: Path, tmp_path: Path, run_demo: RunDemo, pixel_format: str, background: str | None
) -> None:
    depth = 10 if pixel_format.endswith("10le") else 8
    frames = [half_red(pixel_format[3:6], depth, seed) for seed in range(3)]
    path = write_planes(tmp_path / "in.mp4", frames, pixel_format, "libx265" if depth == 10 else "libx264")
    write_planes(tmp_path / "room.mp4", [half_red("420", 8, 9)], "yuv420p")
    behind = ("--blur_bgr", 5) if background is None else ("--target_bgr", background)
    with native_calls() as names:
        run = run_demo("-m", models / "red.onnx", "-i", path, "-o", "out.mp4", "--output_alpha", "pha.mp4", *behind)
    assert run.returncode == 0, run.stderr
    assert {"decode", "encode"} <= names
    assert not names & SWSCALE


def test_conversions_are_seen_by_these_tests(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """QuickTime's Animation takes another order of channels."""
    path = write_planes(tmp_path / "in.mp4", [half_red("420", 8, 1)], "yuv420p")
    with native_calls() as names:
        run = run_demo("-m", models / "red.onnx", "-i", path, "--output_transparent", "out.mov", "--codec", "qtrle")
    assert run.returncode == 0, run.stderr
    assert names & SWSCALE


@pytest.mark.parametrize("chroma", ["420", "444"])
def test_transparent_planes_hold_the_persons_samples(
    models: Path, tmp_path: Path, run_demo: RunDemo, chroma: str
) -> None:
    planes = half_red(chroma, 8, 1)
    path = write_planes(tmp_path / "in.mkv", [planes], f"yuv{chroma}p", "ffv1", tags=BT709)
    run = run_demo("-m", models / "red.onnx", "-i", path, "--output_transparent", "out.mkv")
    assert run.returncode == 0, run.stderr
    *written, alpha = read_planes(tmp_path / "out.mkv")[0]
    for plane, source in zip(written, planes, strict=True):
        left, _ = halves(plane)
        np.testing.assert_array_equal(plane[:, left], source[:, left])
    left, right = halves(alpha)
    assert (alpha[:, left] == 255).all()
    assert (alpha[:, right] == 0).all()
