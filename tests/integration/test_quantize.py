"""8-bit models: calibrated on clips with their states, compared with the float model on other clips."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from model_api import Frame, create_model, graph
from model_api.models.registry import recognize
from model_api.pipelines.async_pipeline import AsyncPipeline
from model_api.types import Image
from model_tools.calibration import record, walk
from model_tools.quantize import layers_of, refiner
from tests import networks
from tests.conftest import ROOT
from tests.media import write_images

Quantize = Callable[..., "subprocess.CompletedProcess[str]"]
WIDTH, HEIGHT = 64, 48


@pytest.fixture
def quantize(tmp_path: Path) -> Quantize:
    """Runs the real command in an empty folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "model_tools", "quantize", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def clips(tmp_path: Path) -> tuple[Path, Path]:
    """Soft red spots that move, one clip to calibrate on and another to judge by."""
    return (
        write_images(tmp_path / "ours", [spot(index, 0.3) for index in range(12)]),
        write_images(tmp_path / "other", [spot(index, 0.7) for index in range(60)]),
    )


def spot(index: int, height: float) -> Image:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(x - 2 * index % WIDTH, y - height * HEIGHT)
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    image[..., 2] = np.clip(255 - 9 * distance, 0, 255)
    return image


def test_the_command_makes_an_8_bit_model_and_compares_it(
    tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]
) -> None:
    source = networks.smoothing_video_matting(tmp_path / "net.onnx")
    done = quantize(source, "-i", clips[0], "--check", clips[1], "--frames", 6, "--max_mad", 100)
    assert done.returncode == 0, done
    print(done.stdout)
    assert "In 8 bits: 2 of 2 convolutions and products" in done.stdout

    small, large = graph.read(tmp_path / "net_int8.xml"), graph.read(tmp_path / "net_int8_float.xml")
    assert layers_of(small.model).quantized
    assert not layers_of(large.model).quantized
    contract, binding = recognize(small.signature, "net_int8.xml")
    assert (contract.__name__, dict(binding.states or {})) == ("RobustVideoMatting", {"r1": "rr1"})

    assert re.findall(r"^\[ INFO \] +0 +(\S+ *-? *\d+) ", done.stdout, re.MULTILINE) == ["0-  49", "50-  59"]
    frames = [Frame(index, spot(index, 0.7)) for index in range(60)]
    alphas = []
    for path in (tmp_path / "net_int8.xml", tmp_path / "net_int8_float.xml", source):
        with create_model(path) as model:
            alphas.append([result.matte.alpha for result in AsyncPipeline(model).run(frames)])
    for eight_bits, sixteen, original in zip(*alphas, strict=True):
        assert 0 < np.abs(eight_bits - original).mean() < 0.02
        assert np.abs(sixteen - original).max() < 1e-3
    mean = 1e3 * np.mean([np.abs(one - other).mean() for one, other in zip(alphas[0], alphas[1], strict=True)])
    assert f"all        60 {mean:9.3f}" in done.stdout


def test_the_state_can_stay_inside(tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]) -> None:
    source = networks.smoothing_video_matting(tmp_path / "net.onnx")
    done = quantize(source, "-i", clips[0], "--check", clips[1], "--frames", 6, "--stateful", "-o", "small.xml")
    assert done.returncode == 0, done
    kinds = {op.get_type_name() for op in ov.Core().read_model(tmp_path / "small.xml").get_ops()}
    assert kinds >= {"FakeQuantize", "ReadValue", "Assign"}


def test_layers_that_hurt_are_left_in_floating_point_and_told(
    tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]
) -> None:
    source = networks.amplifying_matting(tmp_path / "net.onnx")
    done = quantize(source, "-i", clips[0], "--check", clips[1], "--frames", 6, "--max_mad", "0.8")
    assert done.returncode == 0, done
    print(done.stdout)
    before = re.search(r"alpha MAD is (\S+) e-3, 0.8 at most", done.stdout)
    told = re.findall(r"With (.+) left in floating point, for they hurt most, it is (\S+) e-3", done.stdout)
    assert before is not None
    assert float(before[1]) > 0.8
    assert float(told[-1][1]) < 0.8
    layers = layers_of(graph.read(tmp_path / "net_int8.xml").model)
    assert (layers.quantized, layers.kept) == (("harmless",), ("touchy",))


def test_moments_carry_the_states_that_clips_produce(models: Path) -> None:
    """The network counts frames in its state: calibrated on zeros, it would never have counted."""
    network = graph.read(models / "counting.onnx")
    binding = recognize(network.signature, "counting.onnx")[1]
    frames = [spot(index, 0.5) for index in range(20)]
    counts = [float(moment.states["r1"].item()) for moment in walk(network.model, binding, frames, None)]
    assert counts == [index * networks.STATE_STEP for index in range(20)]
    found = record(network.model, binding, [frames, frames], 5, None)
    assert 5 <= len(found) < 10
    steps = [round(float(moment.states["r1"].item()) / networks.STATE_STEP) for moment in found]
    assert steps == [0, 8, 16, 4, 12]  # every eighth of forty, from zero again in the second clip


def test_the_guided_filter_is_left_in_floating_point(shared: Path, models: Path) -> None:
    for name in ("rvm_mobilenetv3_fp32.onnx", "robust_video_matting_mobilenetv3.onnx"):
        network = graph.read(shared / "models" / name)
        left = set(refiner(network.model, recognize(network.signature, name)[1]))
        kinds = [op.get_type_name() for op in network.model.get_ops() if op.get_friendly_name() in left]
        assert kinds.count("Interpolate") == 2  # what brings the coefficients to the picture's size
        assert kinds.count("Divide") >= 1
        assert "HSwish" not in kinds  # nothing of the encoder
    red = graph.read(models / "red.onnx")
    assert refiner(red.model, recognize(red.signature, "red.onnx")[1]) == []


def test_bad_input_is_one_line(tmp_path: Path, quantize: Quantize, models: Path, clips: tuple[Path, Path]) -> None:
    ours, other = clips
    for code, word, *arguments in (
        (2, "looks good", models / "red.onnx", "-i", ours, "--check", ours),
        (1, "no such model", "none.onnx", "-i", ours, "--check", other),
        (1, "no such", models / "red.onnx", "-i", "none.mp4", "--check", other),
        (2, "--background", models / "difference.onnx", "-i", ours, "--check", other),
    ):
        done = quantize(*arguments)
        (line,) = done.stderr.strip().splitlines()
        print(line)
        assert done.returncode == code
        assert str(word) in line
    assert not list(tmp_path.glob("*.xml"))
