"""Where people are in a frame: of every size, cut by every edge, turned a little or lying."""

from __future__ import annotations

import cv2
import numpy as np

from model_tools.train.data.augmentations import Picture
from model_tools.train.data.material import Person
from model_tools.train.data.motion import Matrix

SMALLEST, LARGEST = 0.12, 2.4
"""Heights of the visible person in heights of the frame."""

TOUCHES_PX = 2
BEYOND = 0.3
"""How far a view may reach beyond a photograph, whose mirrored edge is seen there."""


def view_of_photograph(rng: np.random.Generator, person: Person, size: tuple[int, int]) -> Matrix:
    """From the pixels of a photograph to those of a frame that shows a part of it, or a little more than all."""
    height, width = person.looks[0].alpha.shape
    left, top, right, bottom = person.box
    aspect = size[0] / size[1] * np.exp(rng.normal(0, 0.12))
    seen = np.exp(rng.uniform(np.log(0.25), np.log(LARGEST)))
    tall = max(bottom - top, 0.15 * height) / seen
    beyond = 1 + BEYOND * (rng.random() < 0.3)
    tall = min(tall, beyond * height, beyond * width / aspect)
    wide = tall * aspect
    middle = np.array([rng.uniform(left, right), rng.uniform(top, bottom)])
    middle = np.clip(middle, *_free(np.array([wide, tall]), np.array([width, height]), beyond))
    degrees = rng.normal(0, 8) if rng.random() < 0.4 else rng.choice([-90, 90]) * (rng.random() < 0.03)
    return _seen(rng, middle, (size[0] / wide, size[1] / tall), float(degrees), size)


def place_person(rng: np.random.Generator, person: Person, size: tuple[int, int], in_crowd: bool) -> Matrix:
    """From the pixels of a person's photograph to those of a frame with another background. Where the photograph cut
    them off, the frame mostly does too."""
    width, height = size
    left, top, right, bottom = person.box
    picture_height, picture_width = person.looks[0].alpha.shape
    cut_below = bottom >= picture_height - TOUCHES_PX
    largest = 1.2 if in_crowd else LARGEST
    visible = np.exp(rng.uniform(np.log(0.3 if cut_below else SMALLEST), np.log(largest)))
    scale = visible * height / max(bottom - top, 1)
    stretch = np.exp(rng.normal(0, 0.1))
    x = rng.uniform(0, 1) * width if in_crowd or rng.random() < 0.5 else rng.normal(0.5, 0.15) * width
    y = height - (bottom - top) / 2 * scale * rng.uniform(0.6, 1.0)
    if not cut_below:
        y = rng.uniform(0.35, 0.75) * height if rng.random() < 0.5 else y
    elif rng.random() < 0.85:
        y = max(y, height - (bottom - top) / 2 * scale)
    if visible > 1 and not cut_below:
        # Which part of a person larger than the frame is seen: heads more often than feet.
        y = height * rng.uniform(0.05, 0.25) + (bottom - top) / 2 * scale if rng.random() < 0.7 else y
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    degrees = rng.normal(0, 8) if rng.random() < 0.3 and not cut_below else 0.0
    matrix = _seen(rng, middle, (scale * stretch, scale), float(degrees), size)
    matrix[:, 2] += np.array([x - width / 2, y - height / 2])
    return _against_sides(rng, matrix, person, picture_width, width)


def cover_frame(rng: np.random.Generator, image: Picture, size: tuple[int, int]) -> Matrix:
    """A part of a background that fills the frame with something to spare for motion."""
    height, width = image.shape[:2]
    scale = max(size[0] / width, size[1] / height) * np.exp(rng.uniform(np.log(1.05), np.log(2.5)))
    x, y = rng.uniform(0, 1, 2) * (scale * width - size[0], scale * height - size[1])
    if rng.random() < 0.5:
        return np.array([[-scale, 0, scale * width - x], [0, scale, -y]])
    return np.array([[scale, 0, -x], [0, scale, -y]])


def _seen(
    rng: np.random.Generator, middle: Matrix, scales: tuple[float, float], degrees: float, size: tuple[int, int]
) -> Matrix:
    """`middle`, in the photograph, comes to the middle of the frame; half of all are mirrored."""
    across = scales[0] * rng.choice([-1.0, 1.0])
    turn = cv2.getRotationMatrix2D((0, 0), degrees, 1.0)[:, :2]
    linear = turn @ np.diag([across, scales[1]])
    return np.column_stack([linear, np.array(size) / 2 - linear @ middle])


def _free(view: Matrix, whole: Matrix, beyond: float) -> tuple[Matrix, Matrix]:
    """Between which middles a view stays within the photograph and what it may reach beyond it."""
    slack = (beyond - 1) / 2 * whole
    low, high = view / 2 - slack, whole - view / 2 + slack
    middle = whole / 2
    return np.minimum(low, middle), np.maximum(high, middle)


def _against_sides(rng: np.random.Generator, matrix: Matrix, person: Person, picture_width: int, width: int) -> Matrix:
    """People whom their photograph cuts off at one side stand at that side of the frame."""
    left, _, right, _ = person.box
    mirrored = matrix[0, 0] < 0
    cut_left, cut_right = left <= TOUCHES_PX, right >= picture_width - TOUCHES_PX
    if cut_left == cut_right or rng.random() < 0.15:
        return matrix
    at_left = cut_left != mirrored
    edge = (left if cut_left else right) * matrix[0, 0] + matrix[0, 2]
    matrix[0, 2] += -edge if at_left else width - edge
    return matrix
