"""Where people are in their photographs, and where a webcam sees them in a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np
import numpy.typing as npt

from model_api.types import Size
from model_tools.compose.motion import Matrix, scale_shift

TOUCHES_PX = 2
"""A person who comes this close to an edge of the photograph is cut off by it."""
UPPER_BODY = (0.3, 0.55)
"""How much of a person from head to foot a webcam shows: down to between the chest and the hips."""
CUT_OFF_BODY = (0.85, 1.0)
"""The same of a person whom their own photograph shows in part."""
HEADROOM = (0.08, 0.3)
FULL_HEIGHT = (0.6, 0.9)
STANDING_AT = (0.93, 0.99)
"""All in parts of the frame's height."""


@dataclass(frozen=True)
class Outline:
    """The box around a person.

    Attributes:
        left, top, right, bottom: In pixels; right and bottom are outside.
        size: (width, height) of the photograph.
    """

    left: int
    top: int
    right: int
    bottom: int
    size: Size

    @property
    def cut_below(self) -> bool:
        """Whether the lower edge of the photograph cuts the person off."""
        return self.bottom >= self.size[1] - TOUCHES_PX

    @property
    def cut_left(self) -> bool:
        """Whether the left edge does."""
        return self.left <= TOUCHES_PX

    @property
    def cut_right(self) -> bool:
        """Whether the right edge does."""
        return self.right >= self.size[0] - TOUCHES_PX

    @property
    def cut_elsewhere(self) -> bool:
        """Whether an edge other than the lower one does."""
        return self.cut_left or self.cut_right or self.top <= TOUCHES_PX


def outline(mask: npt.NDArray[np.bool_]) -> Outline | None:
    """The box around all pixels that are True. None where there are none."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Outline(left, top, left + width, top + height, mask.shape[1::-1]) if width else None


def joined(outlines: Sequence[Outline]) -> Outline:
    """The box around several boxes; of the size of the first one's photograph."""
    return reduce(
        lambda one, other: Outline(
            min(one.left, other.left),
            min(one.top, other.top),
            max(one.right, other.right),
            max(one.bottom, other.bottom),
            one.size,
        ),
        outlines,
    )


def place(
    random: np.random.Generator,
    person: Outline,
    size: Size,
    centre: float,
    camera: Sequence[Matrix],
    *,
    full_body: bool,
) -> Matrix:
    """Draw a place as a webcam sees people.

    Args:
        random: Draws the size, the headroom and whether the person is mirrored.
        person: Where the person is in their photograph. A person cut off by its lower edge is also cut off by the
            frame's, whatever `camera` does.
        size: (width, height) of the frame.
        centre: Where the person stands, in parts of the frame's width.
        camera: The transform of each frame.
        full_body: Shown from head to foot, if the photograph shows that.

    Returns:
        From the photograph's pixels to the frame's.
    """
    width, height = size
    tall = person.bottom - person.top
    if full_body and not person.cut_below:
        scale = random.uniform(*FULL_HEIGHT) * height / tall
        down = random.uniform(*STANDING_AT) * height - person.bottom * scale
    else:
        headroom = random.uniform(*HEADROOM)
        scale = (1 - headroom) * height / (tall * random.uniform(*(CUT_OFF_BODY if person.cut_below else UPPER_BODY)))
        down = headroom * height - person.top * scale
    across = scale if random.random() < 0.5 else -scale
    matrix = scale_shift(across, scale, centre * width - across * (person.left + person.right) / 2, down)
    return _lowered(matrix, person, height, camera) if person.cut_below else matrix


def covering(image_size: Size, size: Size, camera: Sequence[Matrix]) -> Matrix:
    """From a background to the frame: so large that the frame stays inside, whatever `camera` does."""
    width, height = size
    middle = np.array([width / 2, height / 2])
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
    seen = np.stack([(np.linalg.inv(pose) @ corners)[:2].T - middle for pose in camera])
    scale = max(width / image_size[0], height / image_size[1]) * max(1.0, float(np.abs(seen / middle).max()))
    right, down = middle - scale * np.array(image_size) / 2
    return scale_shift(scale, scale, right, down)


def _lowered(matrix: Matrix, person: Outline, height: int, camera: Sequence[Matrix]) -> Matrix:
    """Moved down until the photograph's lower edge is never above the frame's."""
    ends = np.array([[person.left, person.bottom, 1], [person.right, person.bottom, 1]], float).T
    missing = max(float(height - (pose @ matrix @ ends)[1].min()) for pose in camera)
    # Where a pose shrinks, a shift before it comes to less: a fifth more makes up for that.
    return scale_shift(1, 1, 0, max(0.0, missing) * 1.2) @ matrix
