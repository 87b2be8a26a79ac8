"""Where a camera looks and people stand, frame by frame: smooth paths, and places as a webcam sees people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from model_api.types import Alpha, Size

Matrix = npt.NDArray[np.float64]
"""3×3, from one picture's pixels to another's."""
Point = tuple[float, float]

KEY_FRAMES = 30
"""A movement changes its mind after so many frames."""
CAMERA_REACH = (0.06, 0.03, 1.5, 0.05)
PERSON_REACH = (0.10, 0.02, 4.0, 0.04)
"""How far movements go at strength 1: right and down in parts of the frame's height, turn in degrees, zoom."""
PRESENT = 0.5
UPPER_BODY = (0.3, 0.55)
"""How much of a person from head to foot a webcam shows: down to between the chest and the hips."""
CUT_OFF_BODY = (0.85, 1.0)
"""The same of a person whom their own picture shows in part."""
HEADROOM = (0.08, 0.3)
FULL_HEIGHT = (0.6, 0.9)
STANDING_AT = (0.93, 0.99)
"""All in parts of the frame's height."""


@dataclass(frozen=True)
class Outline:
    """Where in their picture somebody is, in pixels; right and bottom are outside. size: of the picture."""

    left: int
    top: int
    right: int
    bottom: int
    size: Size

    @property
    def cut_below(self) -> bool:
        return self.bottom >= self.size[1] - 1

    @property
    def cut_elsewhere(self) -> bool:
        return self.left <= 1 or self.top <= 1 or self.right >= self.size[0] - 1


def outline(alpha: Alpha) -> Outline | None:
    """None where nobody is."""
    left, top, width, height = cv2.boundingRect((alpha >= PRESENT).astype(np.uint8))
    return Outline(left, top, left + width, top + height, alpha.shape[1::-1]) if width else None


def movement(
    random: np.random.Generator, frames: int, size: Size, reach: Sequence[float], strength: float, about: Point
) -> list[Matrix]:
    """A path of poses: right, down, turned and zoomed about a point, from one random pose to the next, fastest in the
    middle. strength: 0 stands still."""
    poses = strength * np.asarray(reach) * _wander(random, frames, len(reach))
    return [_pose(pose, size, about) for pose in poses]


def drift(random: np.random.Generator, frames: int, strength: float) -> list[float]:
    """A brightness for each frame, around 1."""
    return [1 + strength * float(step) for step in _wander(random, frames, 1)[:, 0]]


def place(
    random: np.random.Generator, person: Outline, size: Size, centre: float, full_body: bool, camera: Sequence[Matrix]
) -> Matrix:
    """From the person's picture to the frame. centre: where they stand, in parts of the frame's width.

    Who is cut off by the lower edge of their own picture is cut off by the frame's, whatever `camera` does.
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
    start = centre * width - across * (person.left + person.right) / 2
    matrix = np.array([[across, 0, start], [0, scale, down], [0, 0, 1]])
    return _sunk(matrix, person, height, camera) if person.cut_below else matrix


def covering(picture: Size, size: Size, camera: Sequence[Matrix]) -> Matrix:
    """From a background to the frame: large enough for the frame to stay inside, whatever `camera` does."""
    width, height = size
    middle = np.array([width / 2, height / 2])
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
    seen = np.stack([(np.linalg.inv(pose) @ corners)[:2].T - middle for pose in camera])
    scale = max(width / picture[0], height / picture[1]) * max(1.0, float(np.abs(seen / middle).max()))
    start, down = middle - scale * np.array(picture) / 2
    return np.array([[scale, 0, start], [0, scale, down], [0, 0, 1]])


def _wander(random: np.random.Generator, frames: int, directions: int) -> Matrix:
    """A row a frame, in -1..1: from one random place to the next by 3t² - 2t³, beginning anywhere on the way."""
    keys = random.uniform(-1, 1, (frames // KEY_FRAMES + 3, directions))
    index, part = np.divmod(np.arange(frames) / KEY_FRAMES + random.random(), 1)
    eased = (part * part * (3 - 2 * part))[:, np.newaxis]
    before, after = keys[index.astype(int)], keys[index.astype(int) + 1]
    return before + (after - before) * eased


def _pose(pose: Matrix, size: Size, about: Point) -> Matrix:
    right, down, turn_deg, zoom = pose
    matrix = np.vstack([cv2.getRotationMatrix2D(about, turn_deg, 1 + zoom), [0, 0, 1]])
    matrix[:2, 2] += np.array([right, down]) * size[1]
    return matrix


def _sunk(matrix: Matrix, person: Outline, height: int, paths: Sequence[Matrix]) -> Matrix:
    """Lower by what is missing for the picture's lower edge never to be above the frame's."""
    ends = np.array([[person.left, person.bottom, 1], [person.right, person.bottom, 1]], float).T
    missing = max(float(height - (pose @ matrix @ ends)[1].min()) for pose in paths)
    lower = np.eye(3)
    # Where a pose shrinks, a shift before it comes to less: a fifth more makes up for that.
    lower[1, 2] = max(0.0, missing) * 1.2
    return lower @ matrix
