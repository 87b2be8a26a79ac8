"""The person's colours at soft edges, for networks that answer an alpha alone.

At an edge the camera mixed person and old background. Composited as it is, the old background shines
through as a halo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from model_api.parts import enlarged_parts, joined
from model_api.types import Alpha, Floats, Image, Part, Size

WORK_HEIGHT_PX = 180
REACH = 1 / 15
"""Colours are gathered within this part of the picture's height: 90 pixels of 1350 in the paper."""
CLEAR = 0.02
"""Alphas closer than this to 0 or 1 need no estimate."""


def estimate_foreground(image: Image, alpha: Alpha) -> Image:
    """All of a `ForegroundEstimate`: a new (H, W, 3) uint8 BGR image."""
    return ForegroundEstimate(image, alpha).whole


@dataclass(frozen=True, eq=False)
class ForegroundEstimate:
    """The foreground F of image = alpha F + (1 - alpha) B, where it is asked for.

    image: (H, W, 3) uint8 BGR. alpha: (H, W) float32. Blur fusion: Forte, "Approximate Fast Foreground Colour
    Estimation", ICIP 2021, equations 4 to 7; F and B are gathered on a small picture, the last step is done
    for the edge's pixels alone.
    """

    image: Image
    alpha: Alpha

    @cached_property
    def whole(self) -> Image:
        """A new (H, W, 3) uint8 BGR image that differs from `image` only where alpha is between 0 and 1."""
        return joined(self.parts, self.image)

    def parts(self, parts: Sequence[Part]) -> Iterator[Image]:
        """The same of some parts of the picture. Nothing is gathered where no edge is soft."""
        if not any(_edge(self.alpha[part]).any() for part in parts):
            yield from (self.image[part] for part in parts)
            return
        height, width = self.alpha.shape
        for part, (person, scene) in enlarged_parts(self._gathered_in, parts, (width, height), _work_size(self.alpha)):
            yield _estimated(self.image[part], self.alpha[part], person, scene)

    def _gathered_in(self, part: Part) -> tuple[Image, Image]:
        person, scene = self._gathered
        return person[part], scene[part]

    @cached_property
    def _gathered(self) -> tuple[Image, Image]:
        """The colours of the person and of the scene around each pixel of a small picture."""
        size = _work_size(self.alpha)
        # Sampled, not averaged: the blur that follows is far wider than what is skipped, and it is 20 times faster.
        small, weight = (cv2.resize(source, size).astype(np.float32) for source in (self.image, self.alpha))
        weight = weight[..., np.newaxis]
        return _mean_colours(small, _pure(weight)), _mean_colours(small, _pure(1 - weight))


def _estimated(image: Image, alpha: Alpha, person: Image, scene: Image) -> Image:
    """person, scene: four channels, one of them idle: OpenCV and NumPy are much slower with three."""
    own, seen = cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGRA), cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    near, far = person.astype(np.float32), scene.astype(np.float32)
    mixed = near - far
    mixed *= own
    mixed += far
    estimate = np.subtract(seen, mixed, out=mixed)
    estimate *= own
    colours = cv2.cvtColor(cv2.add(estimate, near, dtype=cv2.CV_8U), cv2.COLOR_BGRA2BGR)
    return cv2.copyTo(colours, _edge(alpha), image.copy())


def _edge(alpha: Alpha) -> npt.NDArray[np.uint8]:
    """255 where the camera mixed person and scene."""
    return cv2.inRange(alpha, CLEAR, 1 - CLEAR)


def _work_size(alpha: Alpha) -> Size:
    height, width = alpha.shape
    shrink = min(1.0, WORK_HEIGHT_PX / height)
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def _pure(share: Floats) -> Floats:
    """Pixels are weighted by the fourth power of their share: one pass then errs a third as much as the paper's weights
    do (tests/unit/test_foreground.py), where the paper takes a second pass."""
    squared = share * share
    return squared * squared


def _mean_colours(image: Floats, weight: Floats) -> Image:
    """(h, w, 4) uint8 BGRA: the mean colour around each pixel, each neighbour counted by its weight."""
    reach = 2 * max(1, round(image.shape[0] * REACH)) + 1
    total = cv2.blur(image * weight, (reach, reach))
    weights = cv2.blur(weight, (reach, reach)).reshape(weight.shape)
    mean = (total + 1e-4 * image) / (weights + 1e-4)
    return cv2.cvtColor(np.clip(mean, 0, 255).astype(np.uint8), cv2.COLOR_BGR2BGRA)
