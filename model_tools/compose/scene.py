"""People over a background, with a camera and people that move: every frame with its true alpha and colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from model_api.errors import SourceError
from model_api.types import Floats, Image, Size
from model_tools.compose.layers import Layer, over, reduction_of, warp
from model_tools.compose.motion import Matrix, Point, matrices, wander
from model_tools.compose.placement import Outline, covering, outline, place
from model_tools.compose.subjects import Subject, images, layers

CAMERA_REACH = (0.06, 0.03, 1.5, 0.05, 0.0)
PERSON_REACH = (0.10, 0.02, 4.0, 0.04, 0.0)
"""How far movements go at strength 1, as poses."""
PRESENT = 0.5
LOOKED_THROUGH = 300
"""A person has to appear in the first frames of a clip."""


@dataclass(frozen=True)
class Staging:
    """How people are put into a clip.

    Attributes:
        frames: Of the clip.
        size: (width, height).
        motion: Strength of the people's motion; 0 for none, 1 for a lot.
        camera_motion: The same of the camera.
        brightness: How far the brightness changes; 0 for none.
        full_body: The share of people that are shown from head to foot.
        pure: The foregrounds have the people's own colours already.
    """

    frames: int = 60
    size: Size = (640, 360)
    motion: float = 1.0
    camera_motion: float = 1.0
    brightness: float = 0.0
    full_body: float = 0.25
    pure: bool = False


@dataclass(frozen=True)
class PlateFaults:
    """How a clean plate differs from the scene: moved by so many pixels somewhere, its light, its noise in levels."""

    shift_px: float = 0.0
    gain: float = 1.0
    noise: float = 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """com, fgr, bgr: (H, W, 3) uint8 BGR. pha: (H, W) uint8. com is made of the other three as they are stored."""

    com: Image
    pha: Image
    fgr: Image
    bgr: Image


@dataclass(frozen=True, eq=False)
class _Moving:
    """Endless images, the way from each to its frame, and by how much all of them are reduced."""

    images: Iterator[Floats]
    ways: list[Matrix]
    reduction: int

    def warped(self, index: int, size: Size, border: int) -> Floats:
        return warp(next(self.images), self.ways[index], size, border, self.reduction)


def clip(random: np.random.Generator, people: Sequence[Subject], behind: Path, staging: Staging) -> Iterator[Scene]:
    """Compose a clip.

    Args:
        random: Draws places and paths.
        people: The first one is hindmost.
        behind: The background: an image, a video or a folder of frames.
        staging: How they are put together.

    Yields:
        A scene for each frame.
    """
    size = width, height = staging.size
    camera = _path(random, staging.camera_motion, CAMERA_REACH, staging, (width / 2, height / 2))
    gains = 1 + wander(random, staging.frames, [staging.brightness])[:, 0]
    backdrop = _backdrop(behind, size, camera)
    places = (random.permutation(len(people)) + 0.5 + random.uniform(-0.3, 0.3, len(people))) / len(people)
    actors = [_actor(random, person, centre, staging, camera) for person, centre in zip(people, places, strict=True)]
    for index, gain in enumerate(gains):
        empty = backdrop.warped(index, size, cv2.BORDER_REFLECT)
        layer = Layer(np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32))
        for actor in actors:
            layer = over(_unweighted(actor.warped(index, size, cv2.BORDER_CONSTANT)), layer)
        yield _scene(layer, empty, float(gain))


def plate(random: np.random.Generator, bgr: Image, faults: PlateFaults) -> Image:
    """The empty scene as another photograph shows it, (H, W, 3) uint8 BGR."""
    angle = random.uniform(0, 2 * np.pi)
    matrix = np.array([[1, 0, faults.shift_px * np.cos(angle)], [0, 1, faults.shift_px * np.sin(angle)]])
    moved = cv2.warpAffine(bgr, matrix, bgr.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    noisy = moved * faults.gain + random.normal(0, faults.noise, moved.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def outline_of(subject: Subject) -> Outline:
    """Where a person first appears. Raises SourceError if nobody does."""
    for layer in islice(layers(subject, pure=True), 1 if subject.still else LOOKED_THROUGH):
        box = outline(layer.alpha >= PRESENT)
        if box:
            return box
    raise SourceError(f"{subject.colours}: nobody in it, by its alpha. Leave it out")


def _path(
    random: np.random.Generator, strength: float, reach: Sequence[float], staging: Staging, about: Point
) -> list[Matrix]:
    return matrices(strength * wander(random, staging.frames, reach), staging.size[1], about)


def _backdrop(path: Path, size: Size, camera: list[Matrix]) -> _Moving:
    endless = images(path)
    first = next(endless)
    matrix = covering(first.shape[1::-1], size, camera)
    floats = (image.astype(np.float32) for image in chain([first], endless))
    return _Moving(floats, [pose @ matrix for pose in camera], reduction_of(matrix))


def _actor(
    random: np.random.Generator, person: Subject, centre: float, staging: Staging, camera: list[Matrix]
) -> _Moving:
    width, height = staging.size
    path = _path(random, staging.motion, PERSON_REACH, staging, (centre * width, float(height)))
    poses = [view @ pose for view, pose in zip(camera, path, strict=True)]
    full_body = random.random() < staging.full_body
    matrix = place(random, outline_of(person), staging.size, centre, poses, full_body=full_body)
    weighted = map(_weighted, layers(person, pure=staging.pure))
    return _Moving(weighted, [pose @ matrix for pose in poses], reduction_of(matrix))


def _weighted(layer: Layer) -> Floats:
    """(H, W, 4) float32: colours times alpha in 0..255, and alpha. So warping takes no colours from where nobody is."""
    return np.dstack([layer.colours * layer.alpha[..., np.newaxis], layer.alpha])


def _unweighted(weighted: Floats) -> Layer:
    alpha = weighted[..., 3]
    colours = np.asarray(weighted[..., :3] / np.maximum(weighted[..., 3:], 1e-6), np.float32)
    return Layer(colours, np.ascontiguousarray(alpha))


def _scene(people: Layer, empty: Floats, gain: float) -> Scene:
    bgr = cv2.convertScaleAbs(empty, alpha=gain)
    pha = cv2.convertScaleAbs(people.alpha, alpha=255)
    fgr = cv2.copyTo(cv2.convertScaleAbs(people.colours, alpha=gain), pha)
    # In whole numbers, rounded: the same can be computed again from the files.
    weight = pha[..., np.newaxis].astype(np.uint32)
    com = ((fgr * weight + bgr * (255 - weight) + 127) // 255).astype(np.uint8)
    return Scene(com, pha, fgr, bgr)
