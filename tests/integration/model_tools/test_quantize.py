"""8-bit models: calibrated on clips with their states, compared with the float model on other clips."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import helper

from model_api import Frame, MattingModel, Override, create_model
from model_api.create import recognize
from model_api.graph import loading
from model_api.pipelines.async_pipeline import AsyncPipeline
from model_api.types import Alpha, Image, Size
from model_tools.__main__ import main
from model_tools.convert.command import ConversionOptions, convert
from model_tools.quantize import layer_search
from model_tools.quantize.calibration import record, running, walk
from model_tools.quantize.footage import Reading, footage_of
from model_tools.quantize.layer_search import fewest
from model_tools.quantize.layers import layers_of, refiner
from tests.support import networks
from tests.support.command import run_command
from tests.support.media import write_images

Quantize = Callable[..., "subprocess.CompletedProcess[str]"]
WIDTH, HEIGHT = 64, 48


@pytest.fixture
def quantize(tmp_path: Path) -> Quantize:
    """Runs the command in this process, in an empty folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run_command(main, ["quantize", *arguments], tmp_path)

    return run


@pytest.fixture
def clips(tmp_path: Path) -> tuple[Path, Path]:
    """Soft red spots that move, one clip to calibrate on and another to judge by."""
    return (
        write_images(tmp_path / "ours", [spot(index, 0.3) for index in range(12)]),
        write_images(tmp_path / "other", [spot(index, 0.7) for index in range(60)]),
    )


def spot(index: int, height: float, size: Size = (WIDTH, HEIGHT)) -> Image:
    y, x = np.mgrid[: size[1], : size[0]]
    distance = np.hypot(x - 2 * index % size[0], y - height * size[1])
    image = np.full((size[1], size[0], 3), 40, np.uint8)
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

    small, large = loading.read(tmp_path / "net_int8.xml"), loading.read(tmp_path / "net_int8_float.xml")
    assert layers_of(small.model).quantized
    assert not layers_of(large.model).quantized
    contract, binding = recognize(small.signature, "net_int8.xml")
    assert (contract.__name__, dict(binding.states or {})) == ("RobustVideoMatting", {"r1": "rr1"})

    assert re.findall(r"^\[ INFO \] +0 +(\S+ *-? *\d+) ", done.stdout, re.MULTILINE) == ["0-  49", "50-  59"]
    frames = [Frame(index, spot(index, 0.7)) for index in range(60)]
    found = [alphas(path, frames) for path in (tmp_path / "net_int8.xml", tmp_path / "net_int8_float.xml", source)]
    for eight_bits, sixteen, original in zip(*found, strict=True):
        assert 0 < np.abs(eight_bits - original).mean() < 0.02
        assert np.abs(sixteen - original).max() < 1e-3
    mean = 1e3 * np.mean([np.abs(one - other).mean() for one, other in zip(found[0], found[1], strict=True)])
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
    before = re.search(r"alpha MAD × 1000 is (\S+), the target is 0.8 at most", done.stdout)
    told = re.findall(r"With (.+) left in floating point, for they hurt most, it is (\S+)$", done.stdout, re.MULTILINE)
    assert before is not None
    assert float(before[1]) > 0.8
    assert float(told[-1][1]) < 0.8
    layers = layers_of(loading.read(tmp_path / "net_int8.xml").model)
    assert (layers.quantized, layers.kept) == (("harmless",), ("touchy",))


OTHER_WH = 96, 64
MOST_OFF = 4 * 0.5 / 127
"""Four values are rounded on the way: picture, first convolution, red and state, each by half a step at most, of which
there are 127 in 0..1 where a sign takes one bit. A state halves what it brings of this, and so adds as much again as
the frame itself at most, which is halved as well."""


def test_a_network_for_any_size_stays_one(tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]) -> None:
    """Calibrated on two sizes; its states are open too."""
    source = networks.smoothing_video_matting(tmp_path / "net.onnx", "h", "w")
    wide = write_images(tmp_path / "wide", [spot(index, 0.3, OTHER_WH) for index in range(12)])
    done = quantize(source, "-i", clips[0], wide, "--check", clips[1], "--frames", 8, "--max_mad", 100)
    assert done.returncode == 0, done
    assert "In 8 bits: 2 of 2 convolutions and products" in done.stdout
    signature = loading.read(tmp_path / "net_int8.xml").signature
    assert signature.input("src").shape == (1, 3, None, None)
    assert signature.input("r1").shape == (1, 1, None, None)
    for size in ((WIDTH, HEIGHT), OTHER_WH, (160, 128)):
        frames = [Frame(index, spot(index, 0.6, size)) for index in range(20)]
        expected, found = (alphas(path, frames) for path in (source, tmp_path / "net_int8.xml"))
        off_by = [np.abs(one - other).mean() for one, other in zip(expected, found, strict=True)]
        assert 0 < max(off_by) < MOST_OFF


def test_what_a_file_tells_of_itself_is_kept(tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]) -> None:
    """Pictures of one shape are seen in one size, the one that it was trained with, and so is what is searched for."""
    source = networks.amplifying_matting(tmp_path / "net.onnx", "h", "w")
    network = onnx.load(str(source))
    helper.set_model_props(network, {**networks.MINUS_ONE_TO_ONE, "base_size": "96x64"})
    onnx.save(network, str(source))
    trained = Override(reverse_input_channels=True, mean_values=(127.5,) * 3, scale_values=(127.5,) * 3)
    convert(source, tmp_path / "net.xml", ConversionOptions(override=trained))
    done = quantize(tmp_path / "net.xml", "-i", clips[0], "--check", clips[1], "--frames", 6, "--max_mad", "0.8")
    assert done.returncode == 0, done
    print(done.stdout)
    layers = layers_of(loading.read(tmp_path / "net_int8.xml").model)
    assert (len(layers.quantized), len(layers.kept)) == (1, 1)
    assert re.search(r"With .+ left in floating point, for they hurt most, it is 0\.[0-7]", done.stdout)
    before, after = (loading.read(tmp_path / f"{name}.xml") for name in ("net", "net_int8"))
    assert after.info == before.info
    assert after.info["model_info"]["base_size"] == "96x64"
    assert after.info["model_info"]["embedded_preprocessing"].startswith("RGB, mean 127.5")
    assert after.signature.inputs == before.signature.inputs
    with create_model(tmp_path / "net_int8.xml") as model:
        assert model.input_size((640, 480)) == (96, 64)


def test_the_empty_scene_comes_with_composed_clips(tmp_path: Path, quantize: Quantize, models: Path) -> None:
    for name in ("ours", "other"):
        for folder in ("com", "pha"):
            write_images(tmp_path / name / folder, [spot(index, 0.3) for index in range(6)])
        cv2.imwrite(str(tmp_path / name / "plate.png"), np.full((HEIGHT, WIDTH, 3), 40, np.uint8))
    source = models / "difference_dynamic.onnx"
    (clip,) = footage_of([str(tmp_path / "ours")], Reading(limit=4, needs_plate=True))
    with opened(source) as model:
        plates = [moment.tensors["bgr"] for moment in walk(model, clip.frames())]
    assert [int(plate.min()) for plate in plates] == [int(plate.max()) for plate in plates] == [40] * 4
    done = quantize(source, "-i", "ours", "--check", "other", "--frames", 4)
    assert done.returncode == 0, done
    assert "IoU" in done.stdout


def test_stills_begin_afresh(tmp_path: Path, models: Path) -> None:
    """The network counts the frames that it remembers."""
    sizes = [(WIDTH, HEIGHT), OTHER_WH, OTHER_WH, (WIDTH, HEIGHT)]
    folder = write_images(tmp_path / "stills", [spot(index, 0.5, size) for index, size in enumerate(sizes)])

    def counts(reading: Reading) -> list[int]:
        (footage,) = footage_of([str(folder)], reading)
        with opened(models / "counting_dynamic.onnx") as model:
            moments = list(walk(model, footage.frames()))
        return [round(float(moment.states["r1i"].max()) / networks.STATE_STEP) for moment in moments]

    assert counts(Reading(limit=9, stills=True)) == [0, 0, 0, 0]
    assert counts(Reading(limit=2, stills=True, passes=3)) == [0, 1, 2, 0, 1, 2]
    assert counts(Reading(limit=9)) == [0, 0, 1, 0]  # a clip, whose state does not fit frames of another size


def test_moments_carry_the_states_that_clips_produce(models: Path) -> None:
    """The network counts frames in its state: calibrated on zeros, it would never have counted."""
    frames = [Frame(index, spot(index, 0.5)) for index in range(20)]
    with opened(models / "counting.onnx") as model:
        counts = [float(moment.states["r1"].item()) for moment in walk(model, frames)]
        found = record(model, [frames, frames], 5)
    assert counts == [index * networks.STATE_STEP for index in range(20)]
    assert 5 <= len(found) < 10
    steps = [round(float(moment.states["r1"].item()) / networks.STATE_STEP) for moment in found]
    assert steps == [0, 8, 16, 4, 12]  # every eighth of forty, from zero again in the second clip


def test_as_few_layers_as_are_enough_are_freed() -> None:
    """Of twenty, 11 are enough: 16 by doubling, then halved. None is enough without all: the best of what was tried."""
    quantized = {count: ov.Model([], [], str(count)) for count in range(21)}
    tried: list[int] = []

    def attempt(count: int) -> tuple[float, ov.Model]:
        tried.append(count)
        return 20.0 - count, quantized[count]

    assert fewest(attempt, 9, 20, (20.0, quantized[0])) is quantized[11]
    assert tried == [1, 2, 4, 8, 16, 12, 10, 11]
    assert fewest(attempt, 0, 20, (20.0, quantized[0])) is quantized[19]


def alphas(path: Path, frames: list[Frame]) -> list[Alpha]:
    with create_model(path) as model:
        return [result.matte.alpha for result in AsyncPipeline(model).run(frames)]


def opened(path: Path) -> MattingModel:
    network = loading.read(path)
    return running(network.model, *recognize(network.signature, path.name))


def test_the_guided_filter_is_left_in_floating_point(shared: Path, models: Path) -> None:
    for name in ("rvm_mobilenetv3_fp32.onnx", "robust_video_matting_mobilenetv3.onnx"):
        network = loading.read(shared / "models" / name)
        left = set(refiner(network.model, recognize(network.signature, name)[1]))
        kinds = [op.get_type_name() for op in network.model.get_ops() if op.get_friendly_name() in left]
        assert kinds.count("Interpolate") == 2  # what brings the coefficients to the picture's size
        assert kinds.count("Divide") >= 1
        assert "HSwish" not in kinds  # nothing of the encoder
    red = loading.read(models / "red.onnx")
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


def test_an_interrupted_search_takes_the_best_so_far(caplog: pytest.LogCaptureFixture) -> None:
    """Interrupted in its third attempt: the second one is the nearest to the target."""
    quantized = {count: ov.Model([], [], str(count)) for count in range(21)}

    def attempt(count: int) -> tuple[float, ov.Model]:
        if count == 4:
            raise KeyboardInterrupt
        return 20.0 - count, quantized[count]

    assert fewest(attempt, 9, 20, (20.0, quantized[0])) is quantized[2]
    assert "Stopped: the best network so far is taken, alpha MAD × 1000 is 18.000" in caplog.text


def test_ctrl_c_in_the_search_writes_the_best_so_far(
    tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real signal, in the moment when the first layer is tried."""
    freed = layer_search._freed

    def interrupted(*arguments: Any) -> Any:
        monkeypatch.setattr(layer_search, "_freed", freed)
        signal.raise_signal(signal.SIGINT)
        return freed(*arguments)

    monkeypatch.setattr(layer_search, "_freed", interrupted)
    source = networks.amplifying_matting(tmp_path / "net.onnx")
    done = quantize(source, "-i", clips[0], "--check", clips[1], "--frames", 6, "--max_mad", "0.8")
    assert done.returncode == 0, done
    assert "Stopped: the best network so far is taken, alpha MAD × 1000 is " in done.stdout
    assert "Wrote net_int8.xml" in done.stdout
    assert len(layers_of(loading.read(tmp_path / "net_int8.xml").model).quantized) == 2


def test_what_the_network_takes_can_be_said(tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]) -> None:
    """Told that it takes BGR / 510: the blue is what it smooths, as the float model that is written beside it."""
    source = networks.amplifying_matting(tmp_path / "net.onnx")
    words = ["--no-reverse_input_channels", "--mean_values", "0", "--scale_values", "510", "--layout", "NCHW"]
    done = quantize(source, "-i", clips[0], "--check", clips[1], "--frames", 6, "--max_mad", 1000, *words)
    assert done.returncode == 0, done
    told = Override(reverse_input_channels=False, mean_values=(0, 0, 0), scale_values=(510, 510, 510))
    frame = Frame(0, spot(0, 0.5))
    with create_model(source, override=told) as model, create_model(tmp_path / "net_int8_float.xml") as written:
        expected, found = (next(AsyncPipeline(one).run([frame])).matte.alpha for one in (model, written))
    assert np.abs(expected - found).mean() < 0.01
    info = loading.read(tmp_path / "net_int8.xml").info["model_info"]
    assert info["embedded_preprocessing"] == "BGR, scale 510 (as asked)"


def test_a_model_in_8_bits_has_nothing_to_gain(tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]) -> None:
    done = quantize("video", "-i", clips[0], "--check", clips[1])
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 1
    assert "is in 8 bits already: there is nothing to gain" in line


def test_a_target_in_another_unit_is_warned_about(tmp_path: Path, quantize: Quantize, clips: tuple[Path, Path]) -> None:
    done = quantize("video", "-i", clips[0], "--check", clips[1], "--max_mad", "0.002")
    assert "--max_mad 0.002 is in thousandths" in done.stdout
