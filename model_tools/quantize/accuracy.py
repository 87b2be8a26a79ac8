"""An 8-bit model beside the one it was made from: how far its alphas are, and what it saves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from pathlib import Path
from statistics import fmean, median
from time import perf_counter

import numpy as np

from model_api import AsyncPipeline, MattingModel, Result
from model_api.types import Frame, Size
from model_tools.evaluate.metrics import dtssd, iou, mad

STRETCH = 50
"""Frames that a line of the table stands for: an error that grows from line to line is drift."""

SPEED_ROUNDS = 15


def compare(true: MattingModel, other: MattingModel, clips: Iterable[Iterable[Frame]]) -> Iterator[str]:
    """Lines of alpha MAD, dtSSD and IoU of `other` against `true`, for every stretch of every clip and over all."""
    overall = []
    yield f"{'clip':>4} {'frames':>9} {'MAD×1000':>9} {'dtSSD':>7} {'IoU':>7}"
    for number, frames in enumerate(clips):
        for_true, for_other = tee(frames)
        figures = _figures(AsyncPipeline(true).run(for_true), AsyncPipeline(other).run(for_other))
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


def _figures(true: Iterator[Result], other: Iterator[Result]) -> list[tuple[float, float, float]]:
    """MAD, dtSSD and IoU of each frame. dtSSD is 0 where a clip begins, or the frames' size changes."""
    figures = []
    before: tuple[Result, Result] | None = None
    for expected, answered in zip(true, other, strict=True):
        true_alpha, alpha, flicker = expected.matte.alpha, answered.matte.alpha, 0.0
        if before and _stretch(before[0]) == _stretch(expected):
            flicker = dtssd(alpha, before[1].matte.alpha, true_alpha, before[0].matte.alpha)
        figures.append((mad(alpha, true_alpha), flicker, iou(alpha, true_alpha)))
        before = expected, answered
    return figures


def _stretch(result: Result) -> tuple[int, Size]:
    return result.frame.clip, result.frame.size


def _means(figures: Sequence[tuple[float, float, float]]) -> str:
    difference, flicker, common = (fmean(column) for column in zip(*figures, strict=True))
    return f"{difference:9.3f} {flicker:7.3f} {common:7.4f}"
