"""The real networks against results of the original PyTorch code (../shared/reference, see its README)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.image_files import read_image
from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, create_model
from model_api.types import Frame
from tests.support.media import read_levels

ROBUST_VIDEO_MATTING = (
    "robust-video-matting-mobilenetv3/FP16/robust-video-matting-mobilenetv3.xml",
    "robust_video_matting_mobilenetv3.onnx",
    "rvm_mobilenetv3_fp32.onnx",
)
CHECKED = (0, 1, 5, 20, 40)
LEVEL = 1 / 255


def frames_of(clip: Path, size: tuple[int, int]) -> Iterator[Frame]:
    with open_source(str(clip)) as source:
        for frame in source:
            yield replace(frame, picture=cv2.resize(frame.image, size))
            if frame.index == max(CHECKED):
                return


@pytest.mark.parametrize("model_file", ROBUST_VIDEO_MATTING)
@pytest.mark.parametrize(("clip", "name"), [("juggle_720p.mp4", "juggle_720p"), ("asl_book.mkv", "asl_book_1280x720")])
def test_mattes_equal_those_of_the_original_code(shared: Path, model_file: str, clip: str, name: str) -> None:
    expected_in = shared / "reference"
    errors, foreground_error = {}, None
    with create_model(shared / "models" / model_file) as model:
        for result in AsyncPipeline(model).run(frames_of(shared / "media" / clip, (1280, 720))):
            index = result.frame.index
            if index in CHECKED:
                expected = read_levels(expected_in / f"{name}_alpha_{index:03d}.png") * LEVEL
                errors[index] = float(np.abs(result.matte.alpha - expected).mean())
            if index == 20:
                colours = result.matte.foreground.astype(np.float32)
                wrong = np.abs(colours - read_image(expected_in / f"{name}_foreground_{index:03d}.png"))
                foreground_error = float(wrong[expected > 0.5].mean() * LEVEL)
    print(model_file, clip, {n: f"{e * 255:.4f}/255" for n, e in errors.items()}, f"{foreground_error} foreground")
    assert tuple(errors) == CHECKED
    assert max(errors.values()) < LEVEL
    assert foreground_error is not None
    assert foreground_error < 2 * LEVEL
