"""Where people are in a frame: of every size, cut by every edge, turned a little or lying."""

from __future__ import annotations

import numpy as np

from model_api.types import Image, Size
from model_tools.compose.motion import Matrix, matrices, scale_shift
from model_tools.compose.placement import Outline
from model_tools.train.data.material import Person

SMALLEST, LARGEST = 0.12, 2.4
"""Heights of the visible person in heights of the frame."""

BEYOND = 0.3
"""How far a view may reach beyond a photograph, whose mirrored edge is seen there."""


def view_of_photograph(rng: np.random.Generator, person: Person, size: Size) -> Matrix:
    """From the pixels of a photograph to those of a frame that shows a part of it, or a little more than all of it."""
    box = person.outline
    width, height = box.size
    aspect = size[0] / size[1] * np.exp(rng.normal(0, 0.12))
    seen = np.exp(rng.uniform(np.log(0.25), np.log(LARGEST)))
    tall = max(box.bottom - box.top, 0.15 * height) / seen
    beyond = 1 + BEYOND * (rng.random() < 0.3)
    tall = min(tall, beyond * height, beyond * width / aspect)
    wide = tall * aspect
    middle = np.array([rng.uniform(box.left, box.right), rng.uniform(box.top, box.bottom)])
    middle = np.clip(middle, *_free(np.array([wide, tall]), np.array([width, height]), beyond))
    degrees = rng.normal(0, 8) if rng.random() < 0.4 else rng.choice([-90, 90]) * (rng.random() < 0.03)
    return _seen(rng, middle, (size[0] / wide, size[1] / tall), float(degrees), size)


def place_person(rng: np.random.Generator, person: Person, size: Size, *, in_crowd: bool) -> Matrix:
    """From the pixels of a person's photograph to those of a frame with another background.

    Where the photograph cut them off, the frame mostly does too.
    """
    width, height = size
    box = person.outline
    cut_below, tall = box.cut_below, box.bottom - box.top
    largest = 1.2 if in_crowd else LARGEST
    visible = np.exp(rng.uniform(np.log(0.3 if cut_below else SMALLEST), np.log(largest)))
    scale = visible * height / max(tall, 1)
    stretch = np.exp(rng.normal(0, 0.1))
    x = rng.uniform(0, 1) * width if in_crowd or rng.random() < 0.5 else rng.normal(0.5, 0.15) * width
    y = height - tall / 2 * scale * rng.uniform(0.6, 1.0)
    if not cut_below:
        y = rng.uniform(0.35, 0.75) * height if rng.random() < 0.5 else y
    elif rng.random() < 0.85:
        y = max(y, height - tall / 2 * scale)
    if visible > 1 and not cut_below:
        # Which part of a person larger than the frame is seen: heads more often than feet.
        y = height * rng.uniform(0.05, 0.25) + tall / 2 * scale if rng.random() < 0.7 else y
    middle = np.array([(box.left + box.right) / 2, (box.top + box.bottom) / 2])
    degrees = rng.normal(0, 8) if rng.random() < 0.3 and not cut_below else 0.0
    matrix = _seen(rng, middle, (scale * stretch, scale), float(degrees), size)
    matrix = scale_shift(1, 1, x - width / 2, y - height / 2) @ matrix
    return _against_sides(rng, matrix, box, width)


def cover_frame(rng: np.random.Generator, image: Image, size: Size) -> Matrix:
    """A part of a background that fills the frame with something to spare for motion."""
    height, width = image.shape[:2]
    scale = max(size[0] / width, size[1] / height) * np.exp(rng.uniform(np.log(1.05), np.log(2.5)))
    x, y = rng.uniform(0, 1, 2) * (scale * width - size[0], scale * height - size[1])
    if rng.random() < 0.5:
        return scale_shift(-scale, scale, scale * width - x, -y)
    return scale_shift(scale, scale, -x, -y)


def draw_shift(rng: np.random.Generator) -> Matrix:
    """A plate that was captured by a camera that somebody has touched since."""
    x, y = rng.normal(0, rng.choice([0.0, 0.5, 1.5]), 2)
    (pose,) = matrices(np.array([[0, 0, rng.normal(0, 0.2), 0, 0]]), 1, (0.0, 0.0))
    return scale_shift(1, 1, x, y) @ pose


def _seen(rng: np.random.Generator, middle: Matrix, scales: tuple[float, float], degrees: float, size: Size) -> Matrix:
    """`middle`, in the photograph, comes to the middle of the frame; half of all are mirrored."""
    (turn,) = matrices(np.array([[0, 0, degrees, 0, 0]]), 1, (0.0, 0.0))
    scaled = scale_shift(scales[0] * rng.choice([-1.0, 1.0]), scales[1], 0, 0)
    return scale_shift(1, 1, size[0] / 2, size[1] / 2) @ turn @ scaled @ scale_shift(1, 1, -middle[0], -middle[1])


def _free(view: Matrix, whole: Matrix, beyond: float) -> tuple[Matrix, Matrix]:
    """Between which middles a view stays within the photograph and what it may reach beyond it."""
    slack = (beyond - 1) / 2 * whole
    low, high = view / 2 - slack, whole - view / 2 + slack
    middle = whole / 2
    return np.minimum(low, middle), np.maximum(high, middle)


def _against_sides(rng: np.random.Generator, matrix: Matrix, box: Outline, width: int) -> Matrix:
    """People whom their photograph cuts off at one side stand at that side of the frame."""
    mirrored = matrix[0, 0] < 0
    if box.cut_left == box.cut_right or rng.random() < 0.15:
        return matrix
    edge = (box.left if box.cut_left else box.right) * matrix[0, 0] + matrix[0, 2]
    at_left = box.cut_left != mirrored
    return scale_shift(1, 1, -edge if at_left else width - edge, 0) @ matrix
