"""How far the alphas of a converted model are from the original's."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from model_api import AsyncPipeline, InferenceOptions, Override, create_model
from model_api.models.base import MattingModel, ModelOptions
from model_api.types import Alpha, Binding, Frame, Image, Size
from model_tools.reporting.quiet import quiet

CHECKED_FRAMES = 3
FRAME_WH: Size = (1280, 720)
"""For networks that take any size."""
WHOLE = InferenceOptions(refiner_outside=False)

log = logging.getLogger(__name__)


def compare(
    path: Path, output: Path, binding: Binding, override: Override, ratio: float | None, *, dynamic: bool
) -> None:
    """Say how far the alphas of the result are from the original's, where both see images of one size.

    Args:
        path: The original.
        output: The result.
        binding: The roles of the original's inputs and outputs.
        override: What the original was converted with.
        ratio: The downsample ratio, where there is one.
        dynamic: Whether the result takes any size.
    """
    with_ratio = ModelOptions(downsample_ratio=ratio if binding.shape_inputs else None)
    with (
        quiet("model_api.create", logging.ERROR),  # what both models are has been said
        create_model(path, inference=WHOLE, override=override, options=with_ratio) as original,
        create_model(output, inference=WHOLE, options=with_ratio if dynamic else ModelOptions()) as converted,
    ):
        size = converted.input_size(FRAME_WH)
        if original.input_size(size) != size:
            return
        pairs = zip(_alphas(original, size), _alphas(converted, size), strict=True)
        difference = max(float(np.abs(before - after).mean()) for before, after in pairs)
    log.info(
        "Its alphas differ from the original's by %.3f/255 on %d frames of noise, the hardest case",
        difference * 255,
        CHECKED_FRAMES,
    )


def _alphas(model: MattingModel, size: Size) -> list[Alpha]:
    """Of a few frames of soft noise, always the same, each with the state of the one before."""
    frames = (
        Frame(index, image, clean_plate=cv2.GaussianBlur(image, (0, 0), 15)) for index, image in enumerate(_noise(size))
    )
    return [result.matte.alpha for result in AsyncPipeline(model, scene_cuts=False).run(frames)]


def _noise(size: Size) -> list[Image]:
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (9, 16, 3), np.uint8) for _ in range(CHECKED_FRAMES)]
    return [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in coarse]
