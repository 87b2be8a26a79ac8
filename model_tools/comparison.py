"""An 8-bit model beside the one it was made from: how far its alphas are, and what it saves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import Any

import numpy as np

from model_api import MattingModel
from model_api.types import Alpha, Image, Tensors
from model_tools.metrics import dtssd, iou, mad

STRETCH = 50
"""Frames that a line of the table stands for: an error that grows from line to line is drift."""

SPEED_ROUNDS = 15


def compare(
    true: MattingModel, other: MattingModel, clips: Sequence[Sequence[Image]], clean: dict[str, Image]
) -> Iterator[str]:
    """Lines of alpha MAD, dtSSD and IoU of `other` against `true`, for every stretch of every clip and over all."""
    overall = []
    yield f"{'clip':>4} {'frames':>9} {'MAD e-3':>9} {'dtSSD':>7} {'IoU':>7}"
    for number, frames in enumerate(clips):
        figures = _figures(_alphas(true, frames, clean), _alphas(other, frames, clean))
        overall += figures
        for first in range(0, len(figures), STRETCH):
            part = figures[first : first + STRETCH]
            yield f"{number:4} {first:4}-{first + len(part) - 1:4} {_means(part)}"
    yield f" all {len(overall):9} {_means(overall)}"


def speeds(models: dict[Path, MattingModel]) -> Iterator[str]:
    """Size of the weights and inference time of two, measured in turns so that a noisy machine favours neither."""
    times: dict[Path, list[float]] = {path: [] for path in models}
    picture = np.zeros((720, 1280, 3), np.uint8)
    for _ in range(SPEED_ROUNDS):
        for path, model in models.items():
            started_s = perf_counter()
            model(picture, clean_plate=picture)
            times[path].append(perf_counter() - started_s)
    for path, seconds in times.items():
        megabytes = path.with_suffix(".bin").stat().st_size / 1e6
        yield f"{path.name}: {megabytes:.1f} MB, {1000 * median(seconds):.1f} ms a frame"
    ratios = [before / after for before, after in zip(*times.values(), strict=True)]
    yield f"Speed: {median(ratios):.2f} times, {min(ratios):.2f} to {max(ratios):.2f} in {SPEED_ROUNDS} rounds"


def _figures(true: Iterator[Alpha], other: Iterator[Alpha]) -> list[tuple[float, float, float]]:
    figures = []
    before: tuple[Alpha, Alpha] | None = None
    for wanted, found in zip(true, other, strict=True):
        flicker = dtssd(found, before[1], wanted, before[0]) if before else 0.0
        figures.append((mad(found, wanted), flicker, iou(found, wanted)))
        before = wanted, found
    return figures


def _means(figures: Sequence[tuple[float, float, float]]) -> str:
    difference, flicker, common = (fmean(column) for column in zip(*figures, strict=True))
    return f"{difference:9.3f} {flicker:7.3f} {common:7.4f}"


def _alphas(model: MattingModel, frames: Sequence[Image], clean: dict[str, Any]) -> Iterator[Alpha]:
    state: Tensors = {}
    for frame in frames:
        _, alpha, state = model(frame, state, **clean)
        yield alpha
