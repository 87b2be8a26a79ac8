"""Robust Video Matting's guided filter, taken out of the network: the same mattes, whichever way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, Frame, InferenceOptions, MattingModel, ModelOptions, create_model
from model_api.graph.refiner_extraction import ANSWER, OFFSET, SLOPE
from model_api.mattes.matte import GuidedMatte
from model_api.models.robust_video_matting import RobustVideoMatting
from model_api.results import Result
from tests.support import networks

INSIDE = InferenceOptions(refiner_outside=False)
REAL = (
    "robust-video-matting-mobilenetv3/FP16/robust-video-matting-mobilenetv3.xml",
    "robust_video_matting_mobilenetv3.onnx",
    "rvm_mobilenetv3_fp32.onnx",
)


def results(model: MattingModel, frames: list[Frame]) -> list[Result]:
    return list(AsyncPipeline(model, scene_cuts=False).run(frames))


def refiner_is_outside(model: MattingModel) -> bool:
    assert isinstance(model, RobustVideoMatting)
    return model.refiner_outside


def noise(size: tuple[int, int], count: int) -> list[Frame]:
    random = np.random.default_rng(5)
    pictures = (random.integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8) for _ in range(count))
    return [Frame(index, cv2.resize(picture, size)) for index, picture in enumerate(pictures)]


@pytest.mark.parametrize("size", [(96, 72), (192, 144), (80, 100)])
@pytest.mark.parametrize("whole", [False, True])
def test_outside_and_inside_answer_the_same(tmp_path: Path, size: tuple[int, int], whole: bool) -> None:
    path = networks.guided_matting(tmp_path / "guided.onnx", whole=whole)
    frames = noise(size, 4)
    with create_model(path) as outside, create_model(path, inference=INSIDE) as inside:
        assert refiner_is_outside(outside)
        assert [*outside.adapter.binding.answers] == [SLOPE, OFFSET]
        assert not refiner_is_outside(inside)
        pairs = list(zip(results(outside, frames), results(inside, frames), strict=True))
    background = np.full_like(frames[0].image, 40)
    for one, other in pairs:
        assert isinstance(one.matte, GuidedMatte)
        # The network's picture is in whole levels. Frames of its own size are seen just as it saw them.
        close = 2 / 255 if size == (96, 72) else 0.12
        np.testing.assert_allclose(one.matte.alpha, other.matte.alpha, atol=close)
        if size == (96, 72):
            assert cv2.absdiff(one.matte.foreground, other.matte.foreground).max() <= 2
            assert cv2.absdiff(one.matte.over(background), other.matte.over(background)).max() <= 2
    assert np.ptp([one.matte.alpha.mean() for one, _ in pairs]) > 0.1


def test_what_does_not_end_as_a_guided_filter_is_left_as_it_is(tmp_path: Path) -> None:
    path = networks.guided_matting(tmp_path / "square.onnx", alpha="square")
    with create_model(path) as model:
        assert not refiner_is_outside(model)
        assert results(model, noise((96, 72), 2))[1].matte.alpha.max() == 1


def test_a_frame_that_is_not_stretched_over_the_input_needs_the_filter_inside(tmp_path: Path) -> None:
    path = networks.guided_matting(tmp_path / "guided.onnx")
    with create_model(path, options=ModelOptions(resize_type="crop")) as model:
        assert not refiner_is_outside(model)


@pytest.mark.parametrize("name", REAL)
def test_real_networks_without_their_filter(shared: Path, name: str) -> None:
    """Two frames, the second with the state of the first; alphas within a hundredth of a level in the mean."""
    path = shared / "models" / name
    with open_source(str(shared / "media" / "juggle_720p.mp4")) as source:
        frames = [replace(frame, picture=frame.image) for _, frame in zip(range(2), source, strict=False)]
    with create_model(path) as outside, create_model(path, inference=INSIDE) as inside:
        assert refiner_is_outside(outside)
        assert [*outside.adapter.binding.answers] == [ANSWER]
        assert [*outside.binding.answers] == ["alpha"]
        for one, other in zip(results(outside, frames), results(inside, frames), strict=True):
            image = one.frame.image
            background = np.zeros_like(image)
            assert np.abs(one.matte.alpha - other.matte.alpha).mean() < 0.03 / 255
            apart = cv2.absdiff(one.matte.over(background), other.matte.over(background))
            assert apart.mean() < 0.05


def test_a_ratio_goes_with_the_network_that_takes_any(shared: Path) -> None:
    options = ModelOptions(downsample_ratio=0.25)
    with create_model(shared / "models/rvm_mobilenetv3_fp32.onnx", options=options) as model:
        assert model.input_size((1280, 720)) == (320, 180)
        assert model.input_size((1277, 719)) == (319, 179)
