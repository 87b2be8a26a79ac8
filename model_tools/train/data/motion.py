"""How people and cameras move: smooth paths of affine transforms."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
"""(2, 3): destination = matrix · (x, y, 1), in pixels."""


@dataclass(frozen=True)
class Path:
    """Pose(t) = start + eased(t) · change + sway · sin(t), of (x, y, degrees, log scale, shear).

    x and y are parts of the frame's height.
    """

    change: npt.NDArray[np.float64]
    sway: npt.NDArray[np.float64]
    phase: float

    def at(self, time: float, height: int, centre: tuple[float, float]) -> Matrix:
        """The transform at `time` in 0..1, about `centre` in pixels; at time 0.5 it is close to none."""
        eased = time * time * (3 - 2 * time) - 0.5
        x, y, degrees, growth, shear = self.change * eased + self.sway * np.sin(2 * np.pi * time + self.phase)
        matrix = cv2.getRotationMatrix2D(centre, float(degrees), float(np.exp(growth)))
        matrix[0, 1] += shear
        matrix[:, 2] += (x * height - shear * centre[1], y * height)
        return matrix


STRENGTH = np.array([0.15, 0.08, 8.0, 0.12, 0.06])


def still() -> Path:
    return Path(np.zeros(5), np.zeros(5), 0.0)


def draw_path(rng: np.random.Generator, strength: float) -> Path:
    """strength: 0 for none, 1 for brisk."""
    return Path(
        rng.normal(0, 0.6, 5) * STRENGTH * strength,
        rng.normal(0, 0.15, 5) * STRENGTH * strength,
        rng.uniform(0, 2 * np.pi),
    )


def draw_times(rng: np.random.Generator, frames: int) -> list[float]:
    """When in its path each frame of a clip is taken: slow or fast, forwards or backwards, some frames skipped or held.

    These are the clip reversal, speed changes, frame skipping and pauses of the paper (arXiv 2108.11515, 4.2).
    """
    steps = np.full(frames, rng.uniform(0.01, 0.15))
    steps *= rng.choice([0.0, 1.0, 1.0, 1.0, 1.0, 3.0], frames)
    times = np.clip(rng.uniform(0, 0.7) + np.cumsum(steps), 0, 1)
    return [float(time) for time in (times[::-1] if rng.random() < 0.5 else times)]


def compose(after: Matrix, before: Matrix) -> Matrix:
    """The transform that does `before` first."""
    square = np.vstack([before, [0, 0, 1]])
    return np.asarray(after @ square, np.float64)
