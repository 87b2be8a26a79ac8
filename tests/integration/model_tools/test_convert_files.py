"""What convert leaves behind runs, and is written over nothing that it reads; info reads what convert reads."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from model_tools.__main__ import main
from tests.support import networks, tflite
from tests.support.command import run_command

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Runs a tool in this process, in an empty folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run_command(main, arguments, tmp_path)

    return run


def error_of(run: subprocess.CompletedProcess[str], code: int) -> str:
    assert run.returncode == code, run
    (line,) = run.stderr.strip().splitlines()
    return line


def sliced_beyond(path: Path) -> Path:
    """A portrait network that reads well, and fails when it computes: it gathers a channel that is not there, by a
    number that it computes from its image."""
    node = onnx.helper.make_node
    nodes = [
        node("ReduceMax", ["input"], ["most"], keepdims=0),
        node("Cast", ["most"], ["whole"], to=onnx.TensorProto.INT64),
        node("Mul", ["whole", "nought"], ["zero"]),
        node("Add", ["zero", "sides"], ["shape"]),
        node("ReduceMean", ["input"], ["mean"], axes=[1], keepdims=1),
        node("Reshape", ["mean", "shape"], ["flat"]),
        node("Reshape", ["flat", "plane"], ["output"]),
    ]
    constants = [
        networks._constant("nought", 0, np.int64), networks._constant("sides", (7, 11), np.int64),
        networks._constant("plane", (1, 1, 48, 64), np.int64),
    ]  # fmt: skip
    inputs, outputs = networks._value("input", (1, 3, 48, 64)), networks._value("output", (1, 1, 48, 64))
    return networks.save(path, nodes, [inputs], [outputs], constants)


def test_what_does_not_run_is_not_left_behind(tmp_path: Path, tool: Tool) -> None:
    (tmp_path / "net.bin").write_bytes(b"of another model")
    sliced_beyond(tmp_path / "wrong.onnx")
    line = error_of(tool("convert", "wrong.onnx", "-o", "net.xml"), 1)
    assert "net.xml would not run, and is not written" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.bin", "wrong.onnx"]
    assert (tmp_path / "net.bin").read_bytes() == b"of another model"


def test_sizes_that_a_network_answers_to_wrongly_are_refused(tmp_path: Path, tool: Tool, models: Path) -> None:
    line = error_of(tool("convert", models / "difference_dynamic.onnx", "--input_size", "61x46"), 2)
    assert "--input_size 61x46: the network takes multiples of 4. Try 64x48" in line
    assert not list(tmp_path.iterdir())


def test_weights_beside_a_model_are_not_written_over(tmp_path: Path, tool: Tool) -> None:
    network = onnx.load(str(networks.red_is_alpha(tmp_path / "net.onnx")))
    path = str(tmp_path / "net.onnx")
    onnx.save(network, path, save_as_external_data=True, location="net.bin", size_threshold=0)
    before = (tmp_path / "net.bin").read_bytes()
    assert "net.bin belongs to the model itself" in error_of(tool("convert", "net.onnx"), 2)
    assert (tmp_path / "net.bin").read_bytes() == before
    assert tool("convert", "net.onnx", "-o", "other.xml").returncode == 0


def test_no_output_of_a_run_goes_over_weights_beside_a_model(tmp_path: Path, run_demo: Tool, shared: Path) -> None:
    network = onnx.load(str(networks.red_is_alpha(tmp_path / "net.onnx")))
    path = str(tmp_path / "net.onnx")
    onnx.save(network, path, save_as_external_data=True, location="weights.mp4", size_threshold=0)
    before = (tmp_path / "weights.mp4").read_bytes()
    run = run_demo("-m", "net.onnx", "-i", shared / "media/juggle_720p.mp4", "-limit", 1, "-o", "weights.mp4")
    assert run.returncode != 0
    assert "weights.mp4: is the model itself, and would be overwritten" in run.stderr
    assert (tmp_path / "weights.mp4").read_bytes() == before


def test_a_network_of_mediapipes_becomes_an_ir(tmp_path: Path, tool: Tool) -> None:
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(1, 2, 2, 3)).astype(np.float32), np.array([0.5], np.float32)
    options = tflite.options_of("same", 2, 2)
    tflite.transposed_convolution(tmp_path / "net.tflite", (32, 24), weights, bias, options)
    done = tool("convert", "net.tflite", "--data_type", "FP32")
    assert done.returncode == 0, done
    assert "Its alphas differ from the original's by 0.00" in done.stdout
    text = tool("info", "net.tflite").stdout
    assert "contract      PortraitMatting" in text
    assert "image 1×24×32×3" in text
