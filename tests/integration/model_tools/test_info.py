"""`python -m model_tools info`: what it tells is what the files hold."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_tools.__main__ import main
from model_tools.info import multiplications
from tests.support.command import run_command


def info(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_command(main, ["info", *arguments])


def facts(path: Path) -> dict[str, Any]:
    run = info(path, "--json")
    assert (run.returncode, run.stderr) == (0, "")
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_a_recurrent_network(models: Path) -> None:
    found = facts(models / "counting.onnx")
    assert found["contract"] == "RobustVideoMatting"
    assert found["inputs"][0] == {"names": ["src"], "shape": [1, 3, 48, 64], "dtype": "f32", "layout": "NCHW"}
    assert [spec["names"][-1] for spec in found["outputs"]] == ["pha", "fgr", "rr1", "rr2", "rr3", "rr4"]
    assert found["states"] == {"r1": "rr1", "r2": "rr2", "r3": "rr3", "r4": "rr4"}
    assert found["preprocessing"]["channels"] == "RGB"
    assert found["preprocessing"]["source"] == "as the published network"
    assert found["static"] is True
    assert found["gmacs"] == 0
    assert found["devices"]["CPU"].endswith("takes all of it")


def test_a_network_with_its_state_inside(tmp_path: Path) -> None:
    source = ops.parameter([1, 3, 4, 4], np.float32, "src")
    source.output(0).set_names({"src"})
    read = ops.read_value(ops.constant(np.zeros((1, 1, 1, 1), np.float32)), "r1", np.float32, [1, 1, 1, 1])
    total = ops.add(read, ops.reduce_mean(source, np.array([1]), True))
    total.output(0).set_names({"pha"})
    kept = ops.assign(ops.reduce_mean(total, np.array([1, 2, 3]), True), "r1")
    ov.save_model(ov.Model([ops.result(total)], [kept], [source], "net"), tmp_path / "net.xml", compress_to_fp16=False)
    assert facts(tmp_path / "net.xml")["states"] == {"r1_in": "r1_out"}


def test_an_ir_tells_what_it_was_converted_with(tmp_path: Path) -> None:
    image = ops.parameter([1, 3, 8, 8], np.float32, "image")
    alpha = ops.sigmoid(ops.convolution(image, np.ones((1, 3, 3, 3), np.float32), [1, 1], [1, 1], [1, 1], [1, 1]))
    model = ov.Model([alpha], [image], "net")
    model.set_rt_info("255.0", ["conversion_parameters", "scale"])
    model.set_rt_info("True", ["conversion_parameters", "reverse_input_channels"])
    model.set_rt_info("someone", ["author"])
    ov.save_model(model, tmp_path / "net.xml", compress_to_fp16=True)
    found = facts(tmp_path / "net.xml")
    assert found["contract"] == "PortraitMatting"
    assert found["preprocessing"] == {
        "channels": "BGR", "mean": [0, 0, 0], "scale": [1, 1, 1], "source": "conversion_parameters in the file",
        "guessed": False,
    }  # fmt: skip
    assert found["rt_info"]["author"] == "someone"
    assert found["rt_info"]["conversion_parameters"] == {"scale": "255.0", "reverse_input_channels": "True"}
    assert found["weights"]["f16"] == {"constants": 1, "values": 27, "megabytes": 54e-6}
    assert found["operations"] == 3  # the weights' conversion from 16 bits, the convolution, the sigmoid
    assert found["gmacs"] == 8 * 8 * 27 / 1e9
    text = info(tmp_path / "net.xml").stdout
    assert "preprocessing BGR (conversion_parameters in the file)" in text
    assert "rt_info       author: someone" in text
    assert "static        yes" in text


def test_a_network_for_any_size(models: Path) -> None:
    found = facts(models / "counting_dynamic.onnx")
    assert found["binding"]["shape_inputs"] == ["downsample_ratio"]
    assert found["inputs"][0]["shape"] == [None, 3, None, None]
    assert found["static"] is False
    assert found["gmacs"] is None
    assert "the program fixes them to the frames" in info(models / "counting_dynamic.onnx").stdout


def parameter(*shape: int) -> Any:
    return ops.parameter(list(shape), np.float32)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


SIDES: tuple[list[int], ...] = ([1, 1], [0, 0], [0, 0], [1, 1])


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (ops.convolution(parameter(1, 3, 8, 6), ones(5, 3, 3, 3), *SIDES), 5 * 6 * 4 * 3 * 9),
        (ops.group_convolution(parameter(1, 4, 8, 6), ones(2, 3, 2, 3, 3), *SIDES), 6 * 6 * 4 * 2 * 9),
        (ops.convolution_backprop_data(parameter(1, 3, 8, 6), ones(3, 5, 2, 2), [2, 2]), 3 * 8 * 6 * 5 * 4),
        (ops.group_convolution_backprop_data(parameter(1, 4, 8, 6), ones(2, 2, 3, 2, 2), [2, 2]), 4 * 8 * 6 * 3 * 4),
        (ops.matmul(parameter(2, 5, 7), ones(7, 3), False, False), 2 * 5 * 3 * 7),
        (ops.matmul(parameter(2, 7, 5), ones(3, 7), True, True), 2 * 5 * 3 * 7),
        (ops.add(parameter(2, 7), ones(2, 7)), 0),
    ],
    ids=["convolution", "groups", "transposed", "transposed groups", "matmul", "matmul transposed", "add"],
)
def test_multiply_accumulates(op: ov.Node, expected: int) -> None:
    """Written out: elements of the output (of the input, where transposed) times the kernel that each of them meets."""
    assert multiplications(op) == expected


def test_an_unknown_network_is_described_and_refused(models: Path) -> None:
    run = info(models / "unknown.onnx")
    assert run.returncode == 1
    assert "contract      none that the program knows" in run.stdout
    assert "input         a 1 f32" in run.stdout
    assert "output        sum 1 f32" in run.stdout
    (error,) = run.stderr.splitlines()
    assert error.startswith("model_tools info: error: The program does not run this network: unknown.onnx matches no")
    found = json.loads(info(models / "unknown.onnx", "--json").stdout)
    assert (found["contract"], found["binding"], found["preprocessing"]) == (None, None, None)


@pytest.mark.parametrize("name", ["missing.xml", "half.onnx", "half.xml", "half.bin"])
def test_bad_files_are_told_in_one_line(models: Path, tmp_path: Path, name: str) -> None:
    ov.save_model(ov.Core().read_model(models / "red.onnx"), tmp_path / "half.xml")
    for whole in (models / "red.onnx", tmp_path / "half.xml"):
        (tmp_path / "half").with_suffix(whole.suffix).write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    run = info(tmp_path / name)
    assert (run.returncode, run.stdout) == (1, "")
    (error,) = run.stderr.splitlines()
    assert error.startswith(f"model_tools info: error: {tmp_path / name}: ")
