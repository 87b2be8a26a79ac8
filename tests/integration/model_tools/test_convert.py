"""The converter: what it writes needs no further word, whatever the contract, the size and the form."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api import Frame, ModelOptions, create_model
from model_api.create import recognize
from model_api.errors import ModelFileError
from model_api.graph import loading
from model_api.pipelines.async_pipeline import AsyncPipeline
from model_api.types import Alpha, Image, Size
from model_tools.__main__ import main
from model_tools.download import catalogue
from tests.conftest import ROOT
from tests.support import networks
from tests.support.command import run_command

Convert = Callable[..., "subprocess.CompletedProcess[str]"]
FRAMES = 3
LEVEL = 1 / 255


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Runs the command in this process, in an empty folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run_command(main, ["convert", *arguments], tmp_path)

    return run


def alphas(path: Path, frames: Sequence[Image], options: ModelOptions = ModelOptions()) -> list[Alpha]:
    with create_model(path, options=options) as model:
        given = [Frame(index, image, clean_plate=np.zeros_like(image)) for index, image in enumerate(frames)]
        return [result.matte.alpha for result in AsyncPipeline(model).run(given)]


def juggling(shared: Path, size: Size) -> list[Image]:
    video = cv2.VideoCapture(str(shared / "media/juggle_720p.mp4"))
    frames = [cv2.resize(video.read()[1], size) for _ in range(FRAMES)]
    video.release()
    return frames


def one_line_of(run: subprocess.CompletedProcess[str], code: int) -> str:
    assert run.returncode == code, run
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith("model_tools convert: error: ")
    return line


ORIGINAL, MODEL_ZOO = "rvm_mobilenetv3_fp32.onnx", "robust_video_matting_mobilenetv3.onnx"


@pytest.mark.parametrize(
    ("name", "size", "stateful"),
    [
        (ORIGINAL, (640, 480), True),
        (ORIGINAL, (1279, 719), False),
        (MODEL_ZOO, (479, 641), False),
        (MODEL_ZOO, (1279, 719), True),
    ],
)
def test_robust_video_matting_at_any_size(
    shared: Path, tmp_path: Path, convert: Convert, name: str, size: Size, stateful: bool
) -> None:
    """Against the original release's dynamic network at the same size and ratio."""
    options = ["--input_size", f"{size[0]}x{size[1]}", *(["--stateful"] if stateful else [])]
    done = convert(shared / "models" / name, "-o", "rvm.xml", *options)
    assert done.returncode == 0, done
    signature = loading.read(tmp_path / "rvm.xml").signature
    assert signature.input("src").shape == (1, 3, size[1], size[0])
    assert bool(signature.states) == stateful
    assert all(None not in spec.shape for spec in (*signature.inputs, *signature.outputs))

    frames = juggling(shared, size)
    expected = alphas(shared / "models/rvm_mobilenetv3_fp32.onnx", frames)
    for found, wanted in zip(alphas(tmp_path / "rvm.xml", frames), expected, strict=True):
        assert np.abs(found - wanted).mean() < 0.2 * LEVEL


def test_dynamic_stays_dynamic(shared: Path, tmp_path: Path, convert: Convert) -> None:
    source = shared / "models/rvm_mobilenetv3_fp32.onnx"
    assert convert(source, "-o", "rvm.xml", "--dynamic", "--data_type", "FP32").returncode == 0
    frames = juggling(shared, (320, 180))
    for found, wanted in zip(alphas(tmp_path / "rvm.xml", frames), alphas(source, frames), strict=True):
        assert np.abs(found - wanted).max() < 1e-3


def test_the_ratio_that_is_asked_for(shared: Path, tmp_path: Path, convert: Convert) -> None:
    for name in ("rvm_mobilenetv3_fp32.onnx", "robust_video_matting_mobilenetv3.onnx"):
        arguments = ["-o", "rvm.xml", "--input_size", "640x360", "--downsample_ratio", "0.5"]
        done = convert(shared / "models" / name, *arguments)
        assert "640x360, FP16, downsample ratio 0.5" in done.stdout, done
        frames = juggling(shared, (640, 360))
        half = ModelOptions(downsample_ratio=0.5)
        expected = alphas(shared / "models/rvm_mobilenetv3_fp32.onnx", frames, half)
        for found, wanted in zip(alphas(tmp_path / "rvm.xml", frames), expected, strict=True):
            assert np.abs(found - wanted).mean() < 0.2 * LEVEL


@pytest.mark.parametrize("precision", ["FP16", "FP32"])
def test_weights_have_the_precision_asked_for(models: Path, tmp_path: Path, convert: Convert, precision: str) -> None:
    assert convert(models / "red.onnx", "-o", "red.xml", "--data_type", precision).returncode == 0
    kinds = {
        op.get_element_type().get_type_name()
        for op in ov.Core().read_model(tmp_path / "red.xml").get_ops()
        if op.get_type_name() == "Constant"
    }
    assert ("f16" in kinds) == (precision == "FP16")


@pytest.mark.parametrize("name", ["red.onnx", "red_dynamic.onnx", "difference.onnx", "difference_dynamic.onnx"])
def test_networks_of_one_or_two_pictures(models: Path, tmp_path: Path, convert: Convert, name: str) -> None:
    done = convert(models / name, "-o", "net.xml", "--input_size", "64x48")
    assert done.returncode == 0, done
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = (10, 20, 250)
    (before,), (after,) = alphas(models / name, [image]), alphas(tmp_path / "net.xml", [image])
    assert before.max() > 0.9
    edge = slice(28, 36)  # where a network of another size sees it a little elsewhere
    before[:, edge] = after[:, edge] = 0
    np.testing.assert_allclose(after, before, atol=2 * LEVEL)


def test_colours_asked_for_go_into_the_file(models: Path, tmp_path: Path, convert: Convert) -> None:
    """Told that the network takes BGR of 0..0.5, blue comes to it in the place of red, and half as strong."""
    words = ["--no-reverse_input_channels", "--mean_values", "0", "--scale_values", "510"]
    assert convert(models / "red.onnx", "-o", "net.xml", *words).returncode == 0
    blue = np.zeros((48, 64, 3), np.uint8)
    blue[..., 0] = 255
    (alpha,) = alphas(tmp_path / "net.xml", [blue])
    np.testing.assert_allclose(alpha, 0.75, atol=0.01)  # it answers (red + 1) / 2


def test_the_file_tells_programs_of_model_api_what_is_left_to_do(
    models: Path, tmp_path: Path, convert: Convert
) -> None:
    assert convert(models / "counting.onnx", "-o", "net.xml").returncode == 0
    info = loading.read(tmp_path / "net.xml").info["model_info"]
    assert info["model_type"] == "RobustVideoMatting"
    assert (info["reverse_input_channels"], info["mean_values"], info["scale_values"]) == ("NO", "0 0 0", "1 1 1")


def test_scales_become_whole_sizes(shared: Path, tmp_path: Path, convert: Convert) -> None:
    """So that no device comes out a pixel short (open_model_zoo#3241)."""
    assert convert(shared / "models/rvm_mobilenetv3_fp32.onnx", "-o", "rvm.xml").returncode == 0
    resizes = [op for op in ov.Core().read_model(tmp_path / "rvm.xml").get_ops() if op.get_type_name() == "Interpolate"]
    assert len(resizes) == 7
    assert {op.get_attributes()["shape_calculation_mode"] for op in resizes} == {"sizes"}


def test_a_converted_model_can_be_converted_again(models: Path, tmp_path: Path, convert: Convert) -> None:
    assert convert(models / "counting.onnx", "-o", "one.xml").returncode == 0
    assert convert("one.xml", "-o", "two.xml", "--stateful").returncode == 0
    frames = [np.full((48, 64, 3), 9, np.uint8)] * 4
    found = [float(alpha[0, 0]) for alpha in alphas(tmp_path / "two.xml", frames)]
    assert found == [index * networks.STATE_STEP for index in range(4)]


def test_bad_input_is_one_line(models: Path, shared: Path, tmp_path: Path, convert: Convert) -> None:
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    (tmp_path / "net.ckpt").write_bytes(b"no checkpoint")
    fixed = shared / "models/selfie_segmentation_landscape/selfie_segmentation_landscape.xml"
    red = models / "red.onnx"
    for code, word, *arguments in (
        (1, "no such model file", "nothing.onnx"),
        (1, "not a model file by its suffix", "text.txt"),
        (1, "cannot read", "broken.onnx"),
        (1, "modnet_onnx.py", "net.ckpt"),
        (1, "matches no known model", models / "unknown.onnx"),
        (1, "640x480", fixed, "-o", "x.xml", "--input_size", "640x480"),
        (1, "try 640x352", ROOT / "model_api/bundled/portrait.xml", "-o", "x.xml", "--input_size", "640x360"),
        (1, "cannot be written", red, "-o", "text.txt/net.xml"),
        (2, "ends in .xml", red, "-o", "net.onnx"),
        (2, "not recurrent", red, "--stateful"),
        (2, "is for Robust Video Matting", red, "--downsample_ratio", "0.5"),
        (2, "does not go with", red, "--dynamic", "--input_size", "64x48"),
    ):
        line = one_line_of(convert(*arguments), int(str(code)))
        print(line)
        assert str(word) in line
    assert not list(tmp_path.glob("*.xml"))
    assert not list(tmp_path.glob("*.bin"))


def test_it_does_not_write_over_what_it_reads(models: Path, tmp_path: Path, convert: Convert) -> None:
    assert convert(models / "red.onnx", "-o", "net.xml").returncode == 0
    before = (tmp_path / "net.bin").read_bytes()
    assert "another name" in one_line_of(convert("net.xml"), 2)
    assert (tmp_path / "net.bin").read_bytes() == before


MODNET = '''
import torch
from src.models.backbones import SUPPORTED


class MODNet(torch.nn.Module):
    """Alpha is the picture's red, which comes as -1..1, times a weight."""

    def __init__(self, backbone_pretrained=True):
        super().__init__()
        assert SUPPORTED and not backbone_pretrained
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image):
        return (image[:, :1] + 1) / 2 * self.weight
'''


BACKBONES = "src/models/backbones"
MODNET_FILES = {
    "modnet_onnx.py": MODNET,
    f"{BACKBONES}/__init__.py": "from .wrapper import SUPPORTED\n",
    f"{BACKBONES}/mobilenetv2.py": "",
    f"{BACKBONES}/wrapper.py": "SUPPORTED = True\n",
}


@pytest.fixture
def modnet_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source of MODNet's shape, which the catalogue has in place of the published one."""
    rows = []
    for name, content in MODNET_FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
        checksum = hashlib.sha384(content.encode()).hexdigest()
        rows.append(f"modnet-webcam-portrait-matting {name} {len(content)} {checksum} https://example.com/{name}")
    (tmp_path / "catalogue").write_text("\n".join(rows))
    monkeypatch.setattr(catalogue, "FILES", tmp_path / "catalogue")
    return tmp_path


EVIL = "import pathlib; pathlib.Path(__file__).with_name('ran').touch(); pathlib.Path('ran').touch()\n"


@pytest.mark.parametrize("name", MODNET_FILES)
@pytest.mark.parametrize("beside", [True, False], ids=["beside", "two folders above"])
def test_no_source_is_run_but_the_published_one(modnet_source: Path, convert: Convert, name: str, beside: bool) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, an extra, is not installed")
    folder = modnet_source if beside else modnet_source / "a" / "b"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"module.weight": torch.tensor([0.5])}, folder / "modnet.ckpt")
    (modnet_source / name).write_text(EVIL)
    line = one_line_of(convert(folder / "modnet.ckpt"), 1)
    assert f"{name} is not the published one and is not run" in line
    assert not [*modnet_source.rglob("ran"), *modnet_source.rglob("*.xml")]


@pytest.mark.parametrize("name", ["torch.py", "src/__init__.py", "src/models/__init__.py", f"{BACKBONES}/torch.py"])
def test_no_module_beside_the_source_is_imported(modnet_source: Path, convert: Convert, name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, an extra, is not installed")
    torch.save({"module.weight": torch.tensor([0.5])}, modnet_source / "modnet.ckpt")
    (modnet_source / name).write_text(EVIL)
    assert convert("modnet.ckpt").returncode == 0
    assert not [*modnet_source.rglob("ran")]


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("content", [b"", b"<html>please log in</html>", pickle.dumps(Evil()), "archive", "numbers"])
def test_a_checkpoint_that_is_none_is_one_line_and_runs_nothing(
    modnet_source: Path, convert: Convert, content: bytes | str
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, an extra, is not installed")
    path = modnet_source / "modnet.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(Evil() if content == "archive" else [1, 2], path)
    assert "cannot be read as MODNet's" in one_line_of(convert("modnet.ckpt"), 1)
    assert not [*modnet_source.rglob("ran")]


@pytest.mark.parametrize(("version", "safe"), [("2.4.1+cpu", False), ("2.9.1", False), ("2.10.0", True), ("3.0", True)])
def test_only_a_pytorch_that_reads_weights_alone_opens_checkpoints(version: str, safe: bool) -> None:
    pytest.importorskip("torch", reason="PyTorch, an extra, is not installed")
    from model_tools.convert.checkpoints import require_safe

    with nullcontext() if safe else pytest.raises(ModelFileError, match=r"Expected 2\.10 or newer"):
        require_safe(version, Path("modnet.ckpt"))


def test_a_checkpoint_of_modnet_through_its_own_source(modnet_source: Path, convert: Convert) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, an extra, is not installed")
    tmp_path = modnet_source
    torch.save({"module.weight": torch.tensor([0.5])}, tmp_path / "modnet.ckpt")
    done = convert("modnet.ckpt")
    assert done.returncode == 0, done
    assert "contract      PortraitMatting" in run_command(main, ["info", "modnet.ckpt"], tmp_path).stdout
    network = loading.read(tmp_path / "modnet.xml")
    assert recognize(network.signature, "modnet.xml")[0].__name__ == "PortraitMatting"
    assert network.signature.input("input").shape == (1, 3, 512, 512)
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 2] = 204
    (alpha,) = alphas(tmp_path / "modnet.xml", [red])
    np.testing.assert_allclose(alpha, 0.4, atol=0.01)

    torch.save({"module.other": torch.tensor([0.5])}, tmp_path / "modnet.ckpt")
    assert "cannot be read" in one_line_of(convert("modnet.ckpt"), 1)


@pytest.mark.parametrize("options", [(), ("--mean_values", "0", "--scale_values", "1")], ids=["as it is", "as told"])
def test_a_network_that_takes_bytes_still_takes_them(
    tmp_path: Path, convert: Convert, options: tuple[str, ...]
) -> None:
    """Its alpha is red / 255, of bytes in RGB: nothing may be divided by 255 before."""
    image = ops.parameter([1, 3, 48, 64], np.uint8, "image")
    red = ops.gather(ops.convert(image, "f32"), ops.constant([0]), ops.constant(1))
    alpha = ops.divide(red, ops.constant(np.float32(255)))
    for port, name in ((image.output(0), "image"), (alpha.output(0), "alpha")):
        port.get_tensor().set_names({name})
    ov.save_model(ov.Model([alpha], [image], "bytes"), tmp_path / "bytes.xml")
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)

    done = convert("bytes.xml", "-o", "converted.xml", *options)

    assert done.returncode == 0, done.stderr
    (converted,) = alphas(tmp_path / "converted.xml", [frame])
    assert np.abs(converted - frame[..., 2] / 255).max() < 1e-3
