"""`python -m model_tools devices`, and the demo on every way to the CPU that OpenVINO has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from background_subtraction.image_files import read_image
from model_tools.__main__ import main
from model_tools.devices import FRAMES, difference, measure, network_file
from tests.conftest import RunDemo, one_line
from tests.support.command import run_command
from tests.support.media import indexed, write_images


def devices(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_command(main, ["devices", *arguments])


def table(run: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Device -> the words of its row."""
    rows = [line.split() for line in run.stdout.splitlines()[1:]]
    return {device: words for device, *words in rows}


def test_all_devices_of_this_machine() -> None:
    plain = ov.Core().available_devices
    run = devices()
    assert list(table(run)) == [*plain, "AUTO", f"HETERO:{','.join(plain)}"]
    compiled_s, inference_ms, off_by, *name = table(run)["CPU"]
    assert float(compiled_s) >= 0
    assert float(inference_ms) > 0
    assert float(off_by) == 0
    assert " ".join(name) == ov.Core().get_property("CPU", "FULL_DEVICE_NAME").strip()
    assert run.returncode == any("failed:" in table(run)[device] for device in plain)


@pytest.mark.parametrize("name", ["counting.onnx", "counting_dynamic.onnx", "difference.onnx"])
def test_networks_of_every_kind(models: Path, name: str) -> None:
    run = devices("-m", models / name, "-d", "CPU", "HETERO:CPU", "AUTO:CPU")
    assert (run.returncode, run.stderr) == (0, "")
    assert [words[2] for words in table(run).values()] == ["0", "0", "0"]


def test_a_failing_device_does_not_stop_the_others() -> None:
    run = devices("-d", "XPU", "CPU", "MULTI:CPU")
    assert run.returncode == 1
    assert "device: XPU is PyTorch's name of an Intel GPU" in " ".join(table(run)["XPU"])
    assert table(run)["CPU"][2] == "0"
    assert "Use AUTO:CPU instead" in " ".join(table(run)["MULTI:CPU"])
    assert run.stderr == "model_tools devices: error: 2 of 3 devices failed: XPU, MULTI:CPU\n"


def test_answers_that_are_no_numbers_are_a_failure(tmp_path: Path) -> None:
    image = ops.parameter([1, 3, 48, 64], np.float32, "image")
    below_zero = ops.subtract(ops.reduce_mean(image, np.array([1]), True), np.float32(1000))
    ov.save_model(ov.Model([ops.sqrt(below_zero)], [image], "net"), tmp_path / "net.xml")
    run = devices("-m", tmp_path / "net.xml", "-d", "CPU")
    assert run.returncode == 1
    assert "alphas that are not numbers" in " ".join(table(run)["CPU"])


@pytest.mark.parametrize("name", ["unknown.onnx", "missing.onnx"])
def test_what_no_device_could_run_is_told_in_one_line(models: Path, name: str) -> None:
    run = devices("-m", models / name)
    assert (run.returncode, run.stdout) == (1, "")
    (error,) = run.stderr.splitlines()
    assert name in error


def test_the_small_network_sees_differences() -> None:
    """Its answers vary over the picture and from picture to picture, or a wrong device would go unnoticed."""
    with network_file(None) as path:
        alphas = measure(path, "CPU").alphas
    assert len(alphas) == FRAMES
    assert min(float(alpha.std()) for alpha in alphas) > 0.05
    assert difference(alphas[:-1], alphas[1:]) > 0.1
    between = [np.mean((alpha > 0.01) & (alpha < 0.99)) for alpha in alphas]
    assert min(between) > 0.5, "where alpha is 0 or 1, a device that computes a little wrong answers the same"


@pytest.mark.parametrize(
    "options",
    [
        ["-d", "AUTO"],
        ["-d", "AUTO:CPU", "-nstreams", "CPU:2"],
        ["-d", "HETERO:CPU", "-nstreams", "CPU:2", "-nthreads", "2"],
        ["-d", "BATCH:CPU(2)", "-nstreams", "2"],
    ],
    ids=" ".join,
)
def test_the_demo_on_every_way_to_the_cpu(models: Path, tmp_path: Path, run_demo: RunDemo, options: list[str]) -> None:
    """Frames in order and none lost: white where red is full, each frame's own index in the middle."""
    images = write_images(tmp_path / "in", (indexed(20 * index) for index in range(5)))
    run = run_demo("-m", models / "red.onnx", "-i", images, "--output_alpha", "alpha_%d.png", *options)
    assert run.returncode == 0, run.stderr
    for index in range(5):
        alpha = read_image(tmp_path / f"alpha_{index}.png")
        assert abs(int(alpha[24, 32, 0]) - 20 * index) <= 1
        assert alpha[24, 10, 0] == 255


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-d", "MULTI:CPU"], "Use AUTO:CPU instead"),
        (["-d", "HETERO"], "needs a list, such as HETERO:GPU,CPU"),
        (["-d", "AUTO:CPU", "-nstreams", "XPU:2"], '-nstreams: "XPU:2" names XPU, but the device is CPU'),
    ],
)
def test_devices_that_cannot_be_are_told_in_one_line(
    models: Path, tmp_path: Path, run_demo: RunDemo, options: list[str], message: str
) -> None:
    image = tmp_path / "image.png"
    cv2.imwrite(str(image), np.zeros((48, 64, 3), np.uint8))
    assert message in one_line(run_demo("-m", models / "red.onnx", "-i", image, *options))
