"""The Open Model Zoo's own command lines for this demo, from its demos/tests/cases.py and run_tests.py."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.image_files import read_image
from tests.conftest import COMMAND, TIMEOUT_S, RunDemo
from tests.support import networks, networks_detection
from tests.support.media import indexed, write_images

# The names of the models are the Open Model Zoo's; the networks follow their contracts.
MODELS: Mapping[str, Callable[[Path], Path]] = {
    "instance-segmentation-person-0007": networks_detection.mask_rcnn,
    "robust-video-matting-mobilenetv3": networks.counting_video_matting,
    "background-matting-mobilenetv2": networks.difference_matting,
    "yolact-resnet50-fpn-pytorch": networks_detection.yolact,
    "modnet-photographic-portrait-matting": networks.red_is_alpha,
    "modnet-webcam-portrait-matting": networks.red_is_alpha,
}


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    """Images as args.py's DataPatternArg numbers them."""
    folder = tmp_path / "data_seq" / "instance-segmentation"
    folder.mkdir(parents=True)
    for number in range(3):
        assert cv2.imwrite(str(folder / f"input-{number:04d}.jpg"), indexed(number, 160, 96))
    return folder / "input-%04d.jpg"


def run_as_the_zoo(folder: Path, *words: object) -> str:
    """Warnings are errors. Its parser gets stdout and stderr together."""
    command = [sys.executable, "-W", "error", str(COMMAND), *map(str, words)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", cwd=folder,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def metric(output: str, name: str) -> float:
    """As get_metric in its performance_cases.py finds it."""
    match = re.search(rf"{name}: (([0-9]+)\.[0-9]+)", " ".join(output.split()))
    assert match, output
    return float(match[1])


@pytest.mark.parametrize("name", MODELS)
def test_its_test_cases_run(tmp_path: Path, pattern: Path, name: str) -> None:
    model = MODELS[name](tmp_path / f"{name}.onnx")
    options = {"--background": pattern, "-i": pattern, "-m": model, "-u": "cdm"}
    words = [word for option in options.items() for word in option]
    output = run_as_the_zoo(tmp_path, "-d", "CPU", *words, "--no_show")
    assert "Frames: 3" in output
    for figure in ("Latency", "FPS", "Decoding", "Preprocessing", "Inference", "Postprocessing", "Rendering"):
        assert metric(output, figure) >= 0
    assert re.search(r"\bFPS: \d+\.\d\n", output)


MEANS: Mapping[str, str] = {
    "c": r"\tMean core utilization: (\d+\.\d% ?)+$",
    "d": r"\tMean CPU utilization: \d+\.\d%$",
    "m": r"\tMemory mean usage: \d+\.\d GiB$",
}


@pytest.mark.parametrize("letters", ["c", "d", "m", "cm", "CDM", "h", ""])
def test_utilization_monitors_report_their_means(tmp_path: Path, pattern: Path, models: Path, letters: str) -> None:
    """The words are those of its C++ Presenter::reportMeans."""
    output = run_as_the_zoo(tmp_path, "-m", models / "red.onnx", "-i", pattern, "--no_show", "-u", letters)
    asked = letters.lower().replace("h", "")
    assert ("Resources usage:" in output) == bool(asked)
    for letter, line in MEANS.items():
        assert bool(re.search(line, output, re.MULTILINE)) == (letter in asked)


@pytest.mark.parametrize("limit", ["-1", "0"])
def test_a_limit_of_none_saves_all(tmp_path: Path, pattern: Path, models: Path, limit: str) -> None:
    run_as_the_zoo(tmp_path, "-m", models / "red.onnx", "-i", pattern, "--no_show", "-o", "o_%d.png", "-limit", limit)
    assert len(list(tmp_path.glob("o_*.png"))) == 3


def test_auto_goes_on_without_a_device_that_is_missing(tmp_path: Path, pattern: Path, models: Path) -> None:
    output = run_as_the_zoo(tmp_path, "-m", models / "red.onnx", "-i", pattern, "--no_show", "-d", "AUTO:GPU,CPU")
    assert "Frames: 3" in output


@pytest.mark.parametrize(("resolution", "size"), [("320x320", (192, 320)), ("80x400", (48, 80)), ("160x96", (96, 160))])
def test_a_result_is_scaled_up_and_down(
    tmp_path: Path, pattern: Path, run_demo: RunDemo, models: Path, resolution: str, size: tuple[int, int]
) -> None:
    done = run_demo("-m", models / "red.onnx", "-i", pattern, "--output_resolution", resolution, "-o", "o_%d.png")
    assert done.returncode == 0, done.stderr
    assert read_image(tmp_path / "o_0.png").shape[:2] == size


def test_a_pattern_takes_its_numbers_in_order(tmp_path: Path, run_demo: RunDemo, models: Path) -> None:
    """9 before 10, and only names that the pattern gives."""
    folder = write_images(tmp_path / "in", [])
    for name, level in {"f8": 8, "f9": 9, "f10": 10, "f011": 11, "g12": 12}.items():
        assert cv2.imwrite(str(folder / f"{name}.png"), np.full((48, 64, 3), (level, 0, 255), np.uint8))
    done = run_demo("-m", models / "red.onnx", "-i", "in/f%d.png", "-o", "o_%d.png")
    assert done.returncode == 0, done.stderr
    assert [int(read_image(tmp_path / f"o_{n}.png")[0, 0, 0]) for n in range(3)] == [8, 9, 10]
    assert not (tmp_path / "o_3.png").exists()


def test_a_pattern_may_be_the_new_background(tmp_path: Path, pattern: Path, run_demo: RunDemo, models: Path) -> None:
    write_images(tmp_path / "in", [np.zeros((96, 160, 3), np.uint8)] * 3)  # nobody is there
    done = run_demo("-m", models / "red.onnx", "-i", tmp_path / "in", "--target_bgr", pattern, "-o", "o_%d.png")
    assert done.returncode == 0, done.stderr
    for number in range(3):
        expected = read_image(Path(str(pattern) % number))
        np.testing.assert_array_equal(read_image(tmp_path / f"o_{number}.png"), expected)
