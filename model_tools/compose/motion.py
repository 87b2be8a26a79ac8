"""How people and cameras move: poses over time, and the affine transforms that they stand for.

Used by `compose` and by the clips of a training. A pose is (right, down, turn, growth, shear): right and down in parts
of the frame's height, the turn in degrees, growth as the logarithm of the zoom, shear in pixels right a pixel down.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
"""(3, 3): destination = matrix @ (x, y, 1), in pixels. `after @ before` does `before` first."""
Poses = npt.NDArray[np.float64]
"""(T, 5), a pose for each frame."""
Point = tuple[float, float]

KEY_FRAMES = 30
"""A wandering path changes its direction after this many frames."""
SWEEP = np.array([0.15, 0.08, 8.0, 0.12, 0.06])
"""How far a brisk sweep goes, as a pose."""


def scale_shift(x_scale: float, y_scale: float, right_px: float, down_px: float) -> Matrix:
    """The transform that scales both axes, then shifts."""
    return np.array([[x_scale, 0, right_px], [0, y_scale, down_px], [0, 0, 1]], np.float64)


def matrices(poses: Poses, height: int, about: Point) -> list[Matrix]:
    """The transform of each pose, turned and zoomed about a point of a frame of this height, in pixels."""
    return [_matrix(pose, height, about) for pose in poses]


def wander(random: np.random.Generator, frames: int, reach: Sequence[float]) -> npt.NDArray[np.float64]:
    """A path from one random place to the next, fastest half way, beginning anywhere between two of them.

    Args:
        random: Draws the places.
        frames: T.
        reach: How far each of D coordinates goes, in both directions.

    Returns:
        (T, D), a row for each frame.
    """
    keys = random.uniform(-1, 1, (frames // KEY_FRAMES + 3, len(reach)))
    index, part = np.divmod(np.arange(frames) / KEY_FRAMES + random.random(), 1)
    eased = ease(part)[:, np.newaxis]
    before, after = keys[index.astype(int)], keys[index.astype(int) + 1]
    return np.asarray(reach) * (before + (after - before) * eased)


def sweep(random: np.random.Generator, times: Sequence[float], strength: float) -> Poses:
    """A path in one direction, with some sway; half way it is close to no motion.

    Args:
        random: Draws the direction and the sway.
        times: When each of T frames is taken: 0 at the beginning of the path, 1 at its end.
        strength: 0 for none, 1 for brisk.
    """
    way = random.normal(0, 0.6, 5) * SWEEP * strength
    sway = random.normal(0, 0.15, 5) * SWEEP * strength
    phase = random.uniform(0, 2 * np.pi)
    moments = np.asarray(times)[:, np.newaxis]
    return way * (ease(moments) - 0.5) + sway * np.sin(2 * np.pi * moments + phase)


def ease(part: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """0..1 to 0..1 with a smooth start and end: 3t² - 2t³."""
    return part * part * (3 - 2 * part)


def _matrix(pose: npt.NDArray[np.float64], height: int, about: Point) -> Matrix:
    right, down, turn_deg, growth, shear = pose
    matrix = np.vstack([cv2.getRotationMatrix2D(about, float(turn_deg), float(np.exp(growth))), [0, 0, 1]])
    matrix[0, 1] += shear
    matrix[:2, 2] += (right * height - shear * about[1], down * height)
    return matrix
