"""The networks that can be trained, their weights, and what the export makes of them, as OpenVINO computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from background_subtraction.sources.open import open_source
from model_api import InferenceOptions, MattingModel, ModelOptions, create_model
from model_api.errors import OptionError
from model_api.mattes.guided_filter import FastAlphaCoefficients
from model_api.mattes.matte import GuidedAlphaMatte
from model_api.models.background_matting_v2 import BackgroundMatting
from model_api.models.portrait_matting import PortraitMatting
from model_api.models.robust_video_matting import RobustVideoMatting
from model_api.types import Image, Tensors
from model_tools import __main__ as model_tools
from model_tools.convert import command as convert
from model_tools.train import export, train
from model_tools.train.config import Config, Data, Stage
from model_tools.train.data.clips import Sample
from model_tools.train.export import ExportOptions
from model_tools.train.export_wrappers import decided
from model_tools.train.networks.efficientnet import EfficientNetLite0, imagenet_weights
from model_tools.train.networks.guided_filter import guided_alpha
from model_tools.train.networks.registry import NETWORKS
from model_tools.train.networks.robust_video_matting import MattingNetwork
from model_tools.train.train import Hardware
from tests.support.media import read_levels

DATA = Path(__file__).resolve().parents[2] / "data"
VARIANTS = ("mobilenetv3", "resnet50")
CLOSE = 1e-3
"""Of float32 in two programs that add in different orders; the filters divide by variances near zero."""


@pytest.mark.parametrize("refiner", ["deep_guided_filter", "fast_guided_filter"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_have_the_names_and_shapes_of_the_published_checkpoints(variant: str, refiner: str) -> None:
    weights = MattingNetwork(variant, refiner).state_dict()
    ours = [f"{name} {'x'.join(map(str, weight.shape)) or 'scalar'}" for name, weight in weights.items()]
    published = of_published(variant, refiner)
    for line, other in zip(ours, published, strict=True):
        print(f"{line:60} {other}")
    assert ours == published


def test_a_variant_nobody_knows_is_refused() -> None:
    with pytest.raises(OptionError, match="mobilenetv3 or resnet50"):
        MattingNetwork("mobilenetv2")


def test_a_clip_is_its_frames_one_by_one_with_their_states() -> None:
    network = MattingNetwork("mobilenetv3")
    lively(network, "project_mat.conv.weight")
    clip = torch.rand(2, 3, 3, 70, 90)
    with torch.no_grad():
        foregrounds, alphas, *last = network(clip, downsample_ratio=0.5)
        answer = network.unroll(clip, clip, 0.5)
        logits, *_ = network(clip, downsample_ratio=0.5, segmentation_pass=True)
        states: Sequence[Tensor | None] = (None,) * 4
        for time in range(3):
            foreground, alpha, *states = network(clip[:, time], *states, downsample_ratio=0.5)
            torch.testing.assert_close(alphas[:, time], alpha, atol=CLOSE, rtol=0)
            torch.testing.assert_close(foregrounds[:, time], foreground, atol=CLOSE, rtol=0)
    torch.testing.assert_close(last, states, atol=CLOSE, rtol=0)
    torch.testing.assert_close((answer.alpha, answer.foreground, answer.segmentation), (alphas, foregrounds, logits))
    assert (logits.shape, alphas.shape) == ((2, 3, 1, 35, 45), (2, 3, 1, 70, 90))


@pytest.mark.parametrize(
    ("variant", "refiner"), list(zip(VARIANTS, ("deep_guided_filter", "fast_guided_filter"), strict=True))
)
def test_the_original_release_takes_any_size_and_ratio(tmp_path: Path, variant: str, refiner: str) -> None:
    network = MattingNetwork(variant, refiner)
    lively(network, "project_mat.conv.weight")
    weights, file = tmp_path / "weights.pth", tmp_path / "network.onnx"
    torch.save(network.state_dict(), weights)
    export.export(f"rvm_{variant}", file, ExportOptions(weights, refiner=refiner))
    for size, ratio in (((128, 96), 0.5), ((155, 113), 0.375)):
        # Weights like these make much of half a level: the picture is to be shrunk in floating point, by the network.
        inside, options = InferenceOptions(refiner_outside=False), ModelOptions(downsample_ratio=ratio)
        with create_model(file, inference=inside, options=options) as model, torch.no_grad():
            assert isinstance(model, RobustVideoMatting)
            state: Tensors = {}
            states: Sequence[Tensor | None] = (None,) * 4
            for image in noise(3, *size):
                _, alpha, state = model(image, state)
                _, expected, *states = network(rgb(image), *states, downsample_ratio=ratio)
                assert expected.std() > 0.05
                np.testing.assert_allclose(alpha, expected[0, 0], atol=CLOSE)


@pytest.mark.parametrize(
    ("contract", "stateful", "clip", "name"),
    [
        ("original", False, "juggle_720p.mp4", "juggle_720p"),
        ("open_model_zoo", True, "asl_book.mkv", "asl_book_1280x720"),
    ],
)
def test_the_given_weights_give_the_alphas_of_the_original_code(
    shared: Path, tmp_path: Path, contract: str, stateful: bool, clip: str, name: str
) -> None:
    """The first two frames: export, conversion to 1280x720 at ratio 0.4, FP16, and OpenVINO."""
    file, converted = tmp_path / "rvm.onnx", tmp_path / "rvm.xml"
    weights = shared / "training/rvm_weights.npz"
    export.export("rvm_mobilenetv3", file, ExportOptions(weights, contract=contract, refiner="fast_guided_filter"))
    convert.convert(file, converted, convert.ConversionOptions(stateful=stateful))
    state: Tensors = {}
    errors = []
    with create_model(converted) as model, open_source(str(shared / "media" / clip)) as source:
        assert bool(model.recurrent)
        for number, frame in zip(range(2), source, strict=False):
            _, alpha, state = model(cv2.resize(frame.image, (1280, 720)), state)
            expected = read_levels(shared / f"reference/{name}_alpha_{number:03d}.png") / 255
            errors.append(float(np.abs(alpha - expected).mean()) * 255)
    print(contract, clip, [f"{error:.4f}/255" for error in errors])
    # FP16 weights: 0.03. In float the difference is the 0.003 that rounding the reference to 8 bits leaves.
    assert max(errors) < 0.1


def test_video_is_exported_with_its_states(tmp_path: Path) -> None:
    network, weights = trained("video", tmp_path)
    with exported("video", weights, tmp_path, "128x96") as model, torch.no_grad():
        assert isinstance(model, RobustVideoMatting)
        state: Tensors = {}
        states: Sequence[Tensor | None] = (None,) * 3
        for image in noise(3, 128, 96):
            _, alpha, state = model(image, state)
            logits, _, *states = network(rgb(image), tuple(states))
            np.testing.assert_allclose(alpha, decided(logits)[0, 0], atol=CLOSE)
    assert (alpha.min(), alpha.max()) == (0, 1)


def test_clean_plate_is_exported_with_two_pictures(tmp_path: Path) -> None:
    network, weights = trained("clean_plate", tmp_path, pictures=2)
    image, plate = noise(2, 128, 96)
    with exported("clean_plate", weights, tmp_path, "128x96") as model, torch.no_grad():
        assert isinstance(model, BackgroundMatting)
        _, alpha, _ = model(image, clean_plate=plate)
        logits, *_ = network(torch.cat([rgb(image), rgb(plate)], 1))
    np.testing.assert_allclose(alpha, decided(logits)[0, 0], atol=CLOSE)


def test_of_any_size_it_sees_each_frame_in_its_own_shape(tmp_path: Path) -> None:
    network, weights = trained("video", tmp_path)
    with exported("video", weights, tmp_path, None) as model, torch.no_grad():
        for frame, seen in (((1280, 720), (480, 288)), ((720, 1280), (288, 480)), ((96, 96), (384, 384))):
            assert model.input_size(frame) == seen
        image = noise(1, 480, 288)[0]
        _, alpha, _ = model(image)
        logits, *_ = network(rgb(image))
        np.testing.assert_allclose(alpha, decided(logits)[0, 0], atol=CLOSE)
        assert model(noise(1, 60, 100)[0])[1].shape == (100, 60)


def test_the_size_it_was_trained_with_goes_into_the_ir(tmp_path: Path) -> None:
    _, weights = trained("video", tmp_path)
    exported("video", weights, tmp_path, None).close()
    for options, seen in (((), (288, 480)), (("--input_size", "128x96"), (128, 96)), (("--stateful",), (480, 288))):
        command = ["convert", str(tmp_path / "video.onnx"), "-o", str(tmp_path / "video.xml"), *options]
        assert model_tools.main(command) == 0
        with create_model(tmp_path / "video.xml") as model:
            assert model.input_size((720, 1280)) == seen


def test_a_ratio_for_a_network_that_does_not_shrink_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, weights = trained("video", tmp_path)
    exported("video", weights, tmp_path, "64x64").close()
    assert model_tools.main(["convert", str(tmp_path / "video.onnx"), "--downsample_ratio", "0.5"]) == 2
    assert "video.onnx takes none" in capsys.readouterr().err


def test_portrait_is_a_first_frame(tmp_path: Path) -> None:
    network, weights = trained("video", tmp_path)
    image = noise(1, 96, 128)[0]
    with exported("portrait", weights, tmp_path, "96x128") as model, torch.no_grad():
        assert isinstance(model, PortraitMatting)
        _, alpha, _ = model(image)
        logits, *_ = network(rgb(image))
    np.testing.assert_allclose(alpha, decided(logits)[0, 0], atol=CLOSE)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("video --size 100x64", 2, "multiples of 32"),
        ("video --refiner fast_guided_filter", 2, "only for Robust Video Matting"),
        ("clean_plate", 1, "does not take memory1.candidate.bias, memory1.candidate.weight, memory1.gates.bias and"),
        ("rvm_mobilenetv3", 1, "--refiner fast_guided_filter, which needs none"),
        ("rvm_resnet50 --refiner fast_guided_filter", 1, "lacks aspp.aspp1.0.weight"),
        ("video --output video.xml", 2, "ends in .onnx"),
        ("video --weights none.pth", 1, "none.pth: No such file"),
        ("video --weights notes.txt", 1, "does not hold weights"),
        ("video --weights notes.npz", 1, "does not hold weights"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    _, weights = trained("video", tmp_path)
    for name in ("notes.txt", "notes.npz"):
        Path(name).write_text("notes")
    asked = ["--weights", str(weights), "--output", "network.onnx", "--network", *words.split()]
    assert model_tools.main(["export", *asked]) == code
    error = capsys.readouterr().err
    assert error.startswith("model_tools export: error: ")
    assert told in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.onnx"))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_trained(name: str) -> None:
    """One step: each weight that has a part in the answer moves, the refiner's below a ratio of one."""
    torch.manual_seed(0)
    run = train.begin(configured(name, 0.5), torch.device("cpu"))
    before = {key: weight.clone() for key, weight in run.network.named_parameters()}
    losses = train.step(run, clip_of_noise(), Hardware(torch.device("cpu")), 0.5, torch.zeros(2))
    still = [key for key, weight in run.network.named_parameters() if torch.equal(weight, before[key])]
    assert still == []
    assert np.isfinite(losses["total"])


def test_the_encoder_is_that_of_the_published_weights() -> None:
    """Every weight up to the last block that is kept, by its name; a picture of one grey gives one feature inside."""
    encoder, published = EfficientNetLite0().eval(), imagenet_weights()
    ours = encoder.state_dict()
    assert {name: tuple(weight.shape) for name, weight in ours.items()} == {
        name: tuple(published[name].shape) for name in ours
    }
    left_out = {name.split(".")[0] + "." + name.split(".")[1] for name in published.keys() - ours.keys()}
    assert {part for part in left_out if part.startswith("_blocks")} == {"_blocks.15"}


def test_a_frozen_encoder_keeps_what_it_knows() -> None:
    config = configured("video", 1.0)
    run = train.begin(config, torch.device("cpu"))
    train.freeze(run.network, replace(config.stages[0], frozen=3, frozen_filters=True))
    before = {key: weight.clone() for key, weight in run.network.named_parameters()}
    train.step(run, clip_of_noise(), Hardware(torch.device("cpu")), 1.0, torch.zeros(2))
    still = {key for key, weight in run.network.named_parameters() if torch.equal(weight, before[key])}
    assert {key for key in still if not key.startswith("encoder.")} == set()
    assert {"encoder._conv_stem.weight", "encoder._blocks.2._project_conv.weight"} <= still
    assert "encoder._blocks.14._depthwise_conv.weight" in still
    assert "encoder._blocks.14._project_conv.weight" not in still


def test_alpha_is_refined_in_training_as_the_program_refines_it() -> None:
    """The fast guided filter, written twice: in PyTorch for training, with OpenCV for use."""
    frame = noise(1, 256, 192)[0]
    small = cv2.resize(frame, (128, 96), interpolation=cv2.INTER_AREA)
    alpha = np.random.default_rng(2).random((96, 128)).astype(np.float32)
    fine = guided_alpha(rgb(frame), rgb(small), torch.from_numpy(alpha)[None, None])[0, 0]
    matte = GuidedAlphaMatte(frame, FastAlphaCoefficients(small, alpha))
    np.testing.assert_allclose(matte.alpha, fine, atol=2e-3)


def configured(name: str, ratio: float) -> Config:
    stage = Stage("", 1, 2, 2, ((128, 128),), 1e-3, downsample_ratio=ratio)
    return Config(name, Data((), (), ()), (stage,))


def clip_of_noise() -> Sample:
    src, foreground, alpha, plate = (torch.rand(2, 2, channels, 128, 128) for channels in (3, 3, 1, 3))
    return Sample(src, foreground, alpha, plate, torch.arange(2))


def trained(name: str, folder: Path, pictures: int = 1) -> tuple[nn.Module, Path]:
    """A small network of random weights, and a checkpoint as training writes it."""
    network = NETWORKS[name]()
    lively(network, "alpha.weight", channels=3 * pictures)
    path = folder / "checkpoint.pt"
    torch.save({"average": network.state_dict(), "step": 1}, path)
    return network, path


def exported(network: str, weights: Path, folder: Path, size: str | None) -> MattingModel:
    """By the command, as its user runs it."""
    file = folder / f"{network}.onnx"
    words = ["--network", network, "--weights", str(weights), "--output", str(file)]
    words += ["--size", size] if size else []
    assert model_tools.main(["export", *words]) == 0
    return create_model(file)


def of_published(variant: str, refiner: str) -> list[str]:
    """Lines "name shape", in order, of the published code's state_dict (PeterL1n/RobustVideoMatting 53d74c6, with
    torchvision 0.29), which is what rvm_mobilenetv3.pth and rvm_resnet50.pth hold. The fast filter has no weights."""
    lines = (DATA / f"rvm_{variant}_keys.txt").read_text().splitlines()
    return [line for line in lines if refiner == "deep_guided_filter" or not line.startswith("refiner.")]


def lively(network: nn.Module, projection: str, channels: int = 3) -> None:
    """Random weights that give alphas from 0 to 1, not all alike; batch norms that have seen a picture."""
    torch.manual_seed(0)
    nn.init.normal_(network.get_parameter(projection), std=0.5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(torch.rand(2, channels, 96, 96))
    network.eval()


def noise(count: int, width: int, height: int) -> list[Image]:
    """Soft, as pictures are: (H, W, 3) uint8 BGR."""
    coarse = np.random.default_rng(1).integers(0, 256, (count, 6, 8, 3), np.uint8)
    return [cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC) for image in coarse]


def rgb(image: Image) -> Tensor:
    return torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
