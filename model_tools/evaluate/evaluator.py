"""A model's answer to every frame of a case, measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from model_api import AsyncPipeline, MattingModel, Result
from model_api.errors import SourceError
from model_api.resize import resize, scaled_inside
from model_api.types import Alpha, Image
from model_tools.evaluate.datasets import Case, Truth
from model_tools.evaluate.metric_sets import HIGHER_IS_BETTER, Pair, measure
from model_tools.evaluate.results import ClipScores, Exhibit

STRETCH_FRAMES = 24
"""The worst frame of each stretch of so many is a candidate for a report: neighbours look alike."""
EXHIBIT_WH = (400, 400)


@dataclass(frozen=True)
class Evaluator:
    """Measures what models answer.

    Attributes:
        metrics: Heading -> name in `metric_sets.METRICS`.
        in_steps: Round alphas to 1/255 first, as if they had been written to files.
        exhibits: Keep images of the worst frames.
        truth: What the truth is called in a report.
    """

    metrics: dict[str, str]
    in_steps: bool
    exhibits: bool
    truth: str = "truth"

    def scores(self, label: str, model: MattingModel, case: Case) -> ClipScores:
        """The model sees the case from a fresh state. Raises SourceError, ModelError."""
        values: dict[str, list[float]] = {heading: [] for heading in self.metrics}
        worst: dict[int, Exhibit] = {}
        before = None
        for result, truth in _measured(model, case):
            pair = self._pair(result, truth, case.name)
            figures = measure(self.metrics.values(), pair, before)
            for heading, name in self.metrics.items():
                values[heading].append(figures[name])
            if self.exhibits:
                self._keep_worst(worst, case.name, result, pair, figures)
            before = pair
        return ClipScores(label, case.name, values, list(worst.values()))

    def _pair(self, result: Result, truth: Truth, name: str) -> Pair:
        frame = result.frame
        alpha, true = result.matte.alpha, truth.alpha
        for what, array in (("true alpha", truth.alpha), ("true foreground", truth.foreground)):
            if array is not None and array.shape[:2] != alpha.shape:
                height, width = array.shape[:2]
                raise SourceError(
                    f"{name}: image {frame.index} is {frame.size[0]}×{frame.size[1]} and its {what} "
                    f"{width}×{height}. Expected one size"
                )
        if self.in_steps:
            alpha, true = _rounded(alpha), None if true is None else _rounded(true)
        is_measured = truth.foreground is not None and any("foreground" in metric for metric in self.metrics.values())
        foreground = result.matte.foreground if is_measured else None
        return Pair(alpha, true, foreground, truth.foreground, frame.image if truth.image is None else truth.image)

    def _keep_worst(
        self, worst: dict[int, Exhibit], clip: str, result: Result, pair: Pair, figures: dict[str, float]
    ) -> None:
        ranking = next(iter(self.metrics.values()))
        value, stretch = figures[ranking], result.frame.index // STRETCH_FRAMES
        sign = -1 if ranking in HIGHER_IS_BETTER else 1
        if not math.isnan(value) and (stretch not in worst or sign * value > sign * worst[stretch].value):
            worst[stretch] = Exhibit(clip, result.frame.index, value, self._portrait(result.frame.image, pair))

    def _portrait(self, image: Image, pair: Pair) -> dict[str, bytes]:
        """What there is to see of a frame: caption -> JPEG."""
        alpha = cv2.convertScaleAbs(pair.predicted, alpha=255)
        pictures = {"input": image, "alpha": alpha}
        if pair.true is not None:
            error = cv2.convertScaleAbs(np.abs(pair.predicted - pair.true), alpha=255)
            truth = cv2.convertScaleAbs(pair.true, alpha=255)
            inferno = cv2.applyColorMap(error, cv2.COLORMAP_INFERNO)
            pictures = {"input": image, self.truth: truth, "alpha": alpha, "error": inferno}
        return {caption: _jpeg(picture) for caption, picture in pictures.items()}


def _measured(model: MattingModel, case: Case) -> Iterator[tuple[Result, Truth]]:
    results = AsyncPipeline(model).run(case.frames(plates=model.needs_clean_plate))
    for result, truth in zip(results, case.truths(), strict=True):
        if truth is not None:
            yield result, truth


def _rounded(alpha: Alpha) -> Alpha:
    return np.rint(alpha * 255).astype(np.float32) / np.float32(255)


def _jpeg(picture: Image) -> bytes:
    height, width = picture.shape[:2]
    _, data = cv2.imencode(".jpg", resize(picture, scaled_inside((width, height), EXHIBIT_WH)))
    return bytes(data)
