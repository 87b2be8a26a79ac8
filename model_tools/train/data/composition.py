"""The frames of a training's clips: people as they were photographed, or over other backgrounds.

Light and camera come later, in `clips`. The layers, paths and outlines are those of `model_tools.compose`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from model_api.types import Alpha, Image, Size
from model_tools.compose.layers import Layer, composite, over, warp
from model_tools.compose.motion import Matrix, matrices, sweep
from model_tools.train.data.augmentations import Change, draw_softness, draw_tone
from model_tools.train.data.material import Look, Person
from model_tools.train.data.placement import cover_frame, place_person, view_of_photograph
from model_tools.train.data.scenes import draw_obstacle, draw_scene

STILL = (0.0,)
"""The strength of a path without motion."""


@dataclass(frozen=True)
class Mix:
    """How often clips are what; the first three add up to one.

    Attributes:
        photograph: People in their own surroundings, as they were photographed.
        composed: One person or several over another background.
        empty: Nobody.
        crowd: Of the composed, several people.
        covered: Of the composed, something stands before the people.
        enter: Of the composed, people come in or leave.
        cut: Clips that are two, one after the other.
        hard: How often people are drawn by their last loss.
    """

    photograph: float = 0.45
    composed: float = 0.4
    empty: float = 0.15
    crowd: float = 0.3
    covered: float = 0.15
    enter: float = 0.2
    cut: float = 0.0
    hard: float = 0.5


@dataclass(frozen=True)
class Take:
    """The frames of a clip, before light and camera.

    Attributes:
        images: (H, W, 3) uint8 BGR, the whole image.
        colours: (H, W, 3) uint8 BGR, of the people alone.
        alphas: (H, W) float32 in [0, 1], of the people.
        behind: (H, W, 3) uint8 BGR, the scene without people.
    """

    images: list[Image] = field(default_factory=list)
    colours: list[Image] = field(default_factory=list)
    alphas: list[Alpha] = field(default_factory=list)
    behind: list[Image] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Actor:
    """A person in a composed clip: a look and a way from the photograph to the frame for each frame."""

    looks: Sequence[Look]
    ways: Sequence[Matrix]
    tone: Change

    def layer(self, number: int, size: Size) -> Layer:
        look, way = self.looks[number], self.ways[number]
        colours = self.tone(warp(look.colours, way, size, cv2.BORDER_REPLICATE))
        alpha = warp(look.alpha, way, size, cv2.BORDER_CONSTANT)
        return Layer(colours, alpha.astype(np.float32) / np.float32(255))


def photographed(rng: np.random.Generator, person: Person, size: Size, frames: int) -> Take:
    """A moving view of a photograph. What is behind the person in it is not known."""
    looks = _looks_in_time(rng, person, frames)
    view = view_of_photograph(rng, person, size)
    take = Take()
    poses = _path(rng, draw_times(rng, frames), (0.0, 0.5, 1.0) if frames > 1 else STILL, size)
    for look, pose in zip(looks, poses, strict=True):
        image = warp(look.photograph, pose @ view, size, cv2.BORDER_REFLECT_101)
        alpha = warp(look.alpha, pose @ view, size, cv2.BORDER_REFLECT_101).astype(np.float32) / np.float32(255)
        _add(take, image, Layer(image, alpha), image)
    return take


def composed(
    rng: np.random.Generator, people: Sequence[Person], backgrounds: Sequence[Image], size: Size, frames: int, mix: Mix
) -> Take:
    """People, the first one hindmost, over a background that a camera moves over. Without people: the scene alone."""
    times = draw_times(rng, frames)
    scene = draw_scene(rng, backgrounds)
    room = cover_frame(rng, scene, size)
    camera = _path(rng, times, (0.0, 0.3, 1.0) if rng.random() < 0.7 else STILL, size)
    softness, room_tone = draw_softness(rng), draw_tone(rng)
    actors = [_draw_actor(rng, person, size, times, len(people), mix) for person in people]
    obstacle = draw_obstacle(rng, backgrounds, size) if people and rng.random() < mix.covered else None
    take = Take()
    for number, view in enumerate(camera):
        back = softness(room_tone(warp(scene, view @ room, size, cv2.BORDER_REFLECT_101)))
        layer = Layer(np.zeros_like(back), np.zeros(back.shape[:2], np.float32))
        for actor in actors:
            layer = over(actor.layer(number, size), layer)
        image = composite(layer, back)
        if obstacle:
            image, back = composite(obstacle, image), composite(obstacle, back)
            layer = Layer(layer.colours, layer.alpha * (1 - obstacle.alpha))
        _add(take, image, layer, back)
    return take


def draw_times(rng: np.random.Generator, frames: int) -> list[float]:
    """When in its path each frame of a clip is taken, 0..1.

    Slow or fast, forwards or backwards, some frames skipped or held: the clip reversal, speed changes, frame skipping
    and pauses of Robust Video Matting (arXiv 2108.11515, section 4.2).
    """
    steps = np.full(frames, rng.uniform(0.01, 0.15))
    steps *= rng.choice([0.0, 1.0, 1.0, 1.0, 1.0, 3.0], frames)
    times = np.clip(rng.uniform(0, 0.7) + np.cumsum(steps), 0, 1)
    return [float(time) for time in (times[::-1] if rng.random() < 0.5 else times)]


def _add(take: Take, image: Image, people: Layer, behind: Image) -> None:
    take.images.append(image)
    take.colours.append(np.asarray(people.colours, np.uint8))
    take.alphas.append(people.alpha)
    take.behind.append(behind)


def _draw_actor(
    rng: np.random.Generator, person: Person, size: Size, times: Sequence[float], people: int, mix: Mix
) -> _Actor:
    enters = rng.random() < mix.enter
    place = place_person(rng, person, size, in_crowd=people > 1)
    poses = _path(rng, times, (0.3, 1.0, 1.6) if len(times) > 1 else STILL, size, middle=0.7)
    away = rng.choice([-1.0, 1.0]) * size[0] * rng.uniform(0.5, 1.2) if enters and len(times) > 1 else 0.0
    absence = [1 - time for time in times] if rng.random() < 0.5 else times
    ways = [pose @ place for pose in poses]
    for way, share in zip(ways, absence, strict=True):
        way[0, 2] += away * share
    return _Actor(_looks_in_time(rng, person, len(times)), ways, draw_tone(rng))


def _path(
    rng: np.random.Generator, times: Sequence[float], strengths: Sequence[float], size: Size, middle: float = 0.5
) -> list[Matrix]:
    """About the middle of the frame's width, at `middle` of its height."""
    return matrices(sweep(rng, times, float(rng.choice(strengths))), size[1], (size[0] / 2, size[1] * middle))


def _looks_in_time(rng: np.random.Generator, person: Person, frames: int) -> list[Look]:
    """Successive frames, some skipped, forwards or backwards; of a single photograph, that one again and again."""
    count = len(person.looks)
    start, step = int(rng.integers(count)), int(rng.choice([-2, -1, 1, 1, 2]))
    positions = [start + step * number for number in range(frames)]
    return [
        person.looks[count - 1 - abs(count - 1 - position % (2 * count - 1)) if count > 1 else 0]
        for position in positions
    ]
