"""People over a background, with a camera and people that move: every frame with its true alpha and colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from model_api.errors import SourceError
from model_api.types import Floats, Image, Size
from model_tools.compose import motion
from model_tools.compose.motion import Matrix, Outline
from model_tools.compose.subjects import Layer, Subject, images, layers

LOOKED_THROUGH = 300
"""Somebody has to appear in the first frames of a clip."""


@dataclass(frozen=True)
class Staging:
    """How people are put into a clip. size: (width, height). motion (of the people), camera_motion, brightness: 0 for
    none, 1 for a lot. full_body: the share of people that are shown from head to foot. pure: the colours of the
    foregrounds are the people's own already."""

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
    """Pictures without end, and the way from each to its frame."""

    pictures: Iterator[Floats]
    ways: list[Matrix]


def clip(random: np.random.Generator, people: Sequence[Subject], behind: Path, staging: Staging) -> Iterator[Scene]:
    """One scene a frame: `people`, the first one hindmost, over the picture, video or folder of frames `behind`."""
    width, height = staging.size
    camera = motion.movement(
        random, staging.frames, staging.size, motion.CAMERA_REACH, staging.camera_motion, (width / 2, height / 2)
    )
    gains = motion.drift(random, staging.frames, staging.brightness)
    backdrop = _backdrop(behind, staging.size, camera)
    places = (random.permutation(len(people)) + 0.5 + random.uniform(-0.3, 0.3, len(people))) / len(people)
    actors = [_actor(random, person, centre, staging, camera) for person, centre in zip(people, places, strict=True)]
    for index, gain in enumerate(gains):
        empty = _warped(next(backdrop.pictures), backdrop.ways[index], staging.size, cv2.BORDER_REFLECT)
        total = np.zeros((height, width, 4), np.float32)
        for actor in actors:
            person = _warped(next(actor.pictures), actor.ways[index], staging.size, cv2.BORDER_CONSTANT)
            total = person + total * (1 - person[..., 3:])
        yield _scene(total, empty, gain)


def plate(random: np.random.Generator, bgr: Image, faults: PlateFaults) -> Image:
    """The empty scene as another photograph shows it."""
    angle = random.uniform(0, 2 * np.pi)
    matrix = np.array([[1, 0, faults.shift_px * np.cos(angle)], [0, 1, faults.shift_px * np.sin(angle)]])
    moved = cv2.warpAffine(bgr, matrix, bgr.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    noisy = moved * faults.gain + random.normal(0, faults.noise, moved.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def outline_of(subject: Subject) -> Outline:
    """Where somebody first appears. Raises SourceError if nobody does."""
    for _, alpha in islice(layers(subject, pure=True), 1 if subject.still else LOOKED_THROUGH):
        found = motion.outline(alpha)
        if found:
            return found
    raise SourceError(f"{subject.colours}: nobody in it, by its alpha. Leave it out")


def _backdrop(path: Path, size: Size, camera: list[Matrix]) -> _Moving:
    pictures = images(path)
    first = next(pictures)
    matrix = motion.covering(first.shape[1::-1], size, camera)
    thinning = _thinning(matrix)
    floats = (_thinned(image.astype(np.float32), thinning) for image in chain([first], pictures))
    return _Moving(floats, [pose @ matrix @ thinning for pose in camera])


def _actor(
    random: np.random.Generator, person: Subject, centre: float, staging: Staging, camera: list[Matrix]
) -> _Moving:
    width, height = staging.size
    path = motion.movement(
        random, staging.frames, staging.size, motion.PERSON_REACH, staging.motion, (centre * width, float(height))
    )
    poses = [view @ pose for view, pose in zip(camera, path, strict=True)]
    full_body = random.random() < staging.full_body
    matrix = motion.place(random, outline_of(person), staging.size, centre, full_body, poses)
    thinning = _thinning(matrix)
    weighted = (_thinned(_weighted(layer), thinning) for layer in layers(person, staging.pure))
    return _Moving(weighted, [pose @ matrix @ thinning for pose in poses])


def _thinning(matrix: Matrix) -> Matrix:
    """From a picture made smaller by a whole number to the picture. Bilinear warping skips pixels, and flickers, where
    it makes pictures less than half as large: before it they are averaged."""
    times = max(1, int(1 / np.hypot(matrix[0, 0], matrix[1, 0])))
    # Pixel centres, not corners, are at whole numbers.
    return np.array([[times, 0, (times - 1) / 2], [0, times, (times - 1) / 2], [0, 0, 1.0]])


def _thinned(image: Floats, thinning: Matrix) -> Floats:
    times = int(thinning[0, 0])
    height, width = (side // times * times for side in image.shape[:2])
    return cv2.resize(image[:height, :width], (width // times, height // times), interpolation=cv2.INTER_AREA)


def _weighted(layer: Layer) -> Floats:
    """(H, W, 4) float32: colours times alpha in 0..255, and the alpha in 0..1."""
    image, alpha = layer
    return np.dstack([image * alpha[..., np.newaxis], alpha])


def _warped(picture: Floats, matrix: Matrix, size: Size, border: int) -> Any:
    return cv2.warpAffine(picture, matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=border)


def _scene(people: Floats, empty: Floats, gain: float) -> Scene:
    """people: colours times alpha, and alpha. empty: the background."""
    bgr = cv2.convertScaleAbs(empty, alpha=gain)
    pha = cv2.convertScaleAbs(people[..., 3], alpha=255)
    colours = cv2.convertScaleAbs(people[..., :3] / np.maximum(people[..., 3:], 1e-6), alpha=gain)
    fgr = cv2.copyTo(colours, pha)
    # In whole numbers, rounded: the same can be computed again from the files.
    weight = pha[..., np.newaxis].astype(np.uint32)
    com = ((fgr * weight + bgr * (255 - weight) + 127) // 255).astype(np.uint8)
    return Scene(com, pha, fgr, bgr)
