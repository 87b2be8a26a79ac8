"""Clips for training, composed anew each time: people as they were photographed, or over other backgrounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from model_tools.train.data.augmentations import Change, Picture, draw_camera, draw_light, draw_softness, draw_tone
from model_tools.train.data.layers import draw_screen, draw_shift, over, warp
from model_tools.train.data.material import Look, Material, Person
from model_tools.train.data.motion import Matrix, compose, draw_path, draw_times, still
from model_tools.train.data.placement import cover_frame, place_person, view_of_photograph
from model_tools.train.data.scenes import draw_scene

NOBODY = -1
PLATE_LIGHTS = (0.5, 0.35, 0.15)
"""How often a plate's light is that of the frame, nearly so, or quite another."""

HARDEST = 8.0
"""People whose last loss was this many times the mean, or more, are drawn that many times as often."""


@dataclass(frozen=True)
class Sample:
    """One clip of T frames.

    src, foreground, plate: (T, 3, H, W) RGB in [0, 1]; the last two have no pixels where they are not asked for.
    alpha: (T, 1, H, W) in [0, 1]. person: which one of the material, NOBODY where there is none.
    """

    src: Tensor
    foreground: Tensor
    alpha: Tensor
    plate: Tensor
    person: Tensor


@dataclass(frozen=True)
class Mix:
    """How often clips are what; the first three add up to one.

    photograph: as it was taken, its own surroundings kept. composed: one person or several before another background.
    empty: nobody. Of the composed, crowd: several people; covered: something stands before them; enter: they come in or
    leave. cut: clips that are two, one after the other. hard: how often people are drawn by their last loss.
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
class Extras:
    """What a network is trained with beside frames and alphas."""

    foreground: bool = True
    plate: bool = True


class ComposedClips(Dataset[Sample]):
    """Clip i is the same whenever it is asked for, as long as the losses are: (seed, i) draws all of it."""

    def __init__(
        self,
        material: Material,
        length: int,
        frames: int,
        sizes: Sequence[tuple[int, int]],
        batch: int,
        seed: int,
        mix: Mix = Mix(),
        losses: Tensor | None = None,
        extras: Extras = Extras(),
    ) -> None:
        """sizes: (width, height), one of them for each batch. batch: clips that share a size. losses: (people,)
        float32, the last of each, in shared memory; None: nobody is harder than others."""
        self._extras = extras
        self._material, self._mix, self._losses = material, mix, losses
        self._length, self._frames, self._sizes, self._batch = length, frames, sizes, batch
        self._seed = seed

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, index))
        size = self._sizes[index // self._batch % len(self._sizes)]
        weights = _weights(self._material.weights, self._losses, self._mix.hard)
        return compose_clip(rng, self._material, weights, size, self._frames, self._mix, self._extras)


def compose_clip(
    rng: np.random.Generator,
    material: Material,
    weights: npt.NDArray[np.float64],
    size: tuple[int, int],
    frames: int,
    mix: Mix,
    extras: Extras = Extras(),
) -> Sample:
    """weights: how often each person is drawn; they add up to one."""
    if frames > 1 and rng.random() < mix.cut:
        first = int(rng.integers(1, frames))
        rest = replace(mix, cut=0.0)
        parts = [compose_clip(rng, material, weights, size, count, rest, extras) for count in (first, frames - first)]
        return _joined(parts)
    kind = rng.choice(["photograph", "composed", "empty"], p=[mix.photograph, mix.composed, mix.empty])
    if kind == "photograph":
        number = int(rng.choice(len(weights), p=weights))
        layers = _photographed(rng, material.people[number], size, frames)
    else:
        count = 0 if kind == "empty" else int(rng.choice([2, 2, 3])) if rng.random() < mix.crowd else 1
        numbers = [int(number) for number in rng.choice(len(weights), count, p=weights)]
        number = numbers[0] if numbers else NOBODY
        layers = _composed(rng, [material.people[one] for one in numbers], material.backgrounds, size, frames, mix)
    return _finished(rng, layers, size, number, extras)


@dataclass(frozen=True)
class _Layers:
    """Of each frame: the whole picture, the colours of those in it, their alpha, and what is behind them."""

    pictures: list[Picture]
    colours: list[Picture]
    alphas: list[Picture]
    behind: list[Picture]


def _photographed(rng: np.random.Generator, person: Person, size: tuple[int, int], frames: int) -> _Layers:
    looks = _looks_in_time(rng, person, frames)
    view = view_of_photograph(rng, person, size)
    path = draw_path(rng, rng.choice([0.0, 0.5, 1.0])) if frames > 1 else still()
    made = _Layers([], [], [], [])
    for time, look in zip(draw_times(rng, frames), looks, strict=True):
        matrix = compose(path.at(time, size[1], (size[0] / 2, size[1] / 2)), view)
        made.pictures.append(warp(look.photograph, matrix, size, cv2.BORDER_REFLECT_101))
        made.alphas.append(warp(look.alpha, matrix, size, cv2.BORDER_REFLECT_101))
    return replace(made, colours=made.pictures, behind=made.pictures)


def _composed(
    rng: np.random.Generator,
    people: Sequence[Person],
    backgrounds: Sequence[Picture],
    size: tuple[int, int],
    frames: int,
    mix: Mix,
) -> _Layers:
    scene, room = draw_scene(rng, backgrounds), None
    room = cover_frame(rng, scene, size)
    camera = draw_path(rng, rng.choice([0.0, 0.3, 1.0])) if rng.random() < 0.7 else still()
    softness, room_tone = draw_softness(rng), draw_tone(rng)
    actors = [_draw_actor(rng, person, size, frames, len(people) > 1, rng.random() < mix.enter) for person in people]
    screen = draw_scene(rng, backgrounds) if people and rng.random() < mix.covered else None
    mask = draw_screen(rng, size) if screen is not None else None
    made = _Layers([], [], [], [])
    for number, time in enumerate(draw_times(rng, frames)):
        view = camera.at(time, size[1], (size[0] / 2, size[1] / 2))
        back = softness(room_tone(warp(scene, compose(view, room), size, cv2.BORDER_REFLECT_101)))
        picture, alpha, colours = back, np.zeros((size[1], size[0]), np.uint8), np.zeros_like(back)
        for actor in actors:
            matrix = actor.move(time)
            layer = actor.tone(warp(actor.looks[number].colours, matrix, size, cv2.BORDER_REPLICATE))
            cover = warp(actor.looks[number].alpha, matrix, size, cv2.BORDER_CONSTANT)
            picture, colours, alpha = over(picture, colours, alpha, layer, cover)
        if screen is not None and mask is not None:
            front = cv2.resize(screen, size, interpolation=cv2.INTER_AREA)
            picture = np.where(mask[..., None] > 0, front, picture)
            back = np.where(mask[..., None] > 0, front, back)
            alpha = np.where(mask > 0, np.uint8(0), alpha)
        for kept, new in zip(
            (made.pictures, made.colours, made.alphas, made.behind), (picture, colours, alpha, back), strict=True
        ):
            kept.append(new)
    return made


@dataclass(frozen=True)
class _Actor:
    """A person in a composed clip. move: at a time in 0..1, from their photograph's pixels to those of the frame."""

    looks: Sequence[Look]
    move: Callable[[float], Matrix]
    tone: Change


def _draw_actor(
    rng: np.random.Generator, person: Person, size: tuple[int, int], frames: int, in_crowd: bool, enters: bool
) -> _Actor:
    place = place_person(rng, person, size, in_crowd)
    path = draw_path(rng, rng.choice([0.3, 1.0, 1.6])) if frames > 1 else still()
    away = rng.choice([-1.0, 1.0]) * size[0] * rng.uniform(0.5, 1.2) if enters and frames > 1 else 0.0
    comes = rng.random() < 0.5

    def move(time: float) -> Matrix:
        matrix = compose(path.at(time, size[1], (size[0] / 2, size[1] * 0.7)), place)
        matrix[0, 2] += away * (1 - time if comes else time)
        return matrix

    return _Actor(_looks_in_time(rng, person, frames), move, draw_tone(rng))


def _looks_in_time(rng: np.random.Generator, person: Person, frames: int) -> list[Look]:
    """Successive frames, some skipped, forwards or backwards; of a single photograph, that one again and again."""
    count = len(person.looks)
    start, step = int(rng.integers(count)), int(rng.choice([-2, -1, 1, 1, 2]))
    positions = [start + step * number for number in range(frames)]
    return [
        person.looks[count - 1 - abs(count - 1 - position % (2 * count - 1)) if count > 1 else 0]
        for position in positions
    ]


def _finished(rng: np.random.Generator, layers: _Layers, size: tuple[int, int], number: int, extras: Extras) -> Sample:
    """Light and camera. A plate has the frame's light; or what is left of another one after the program has fitted it
    to the frame; or, sometimes, quite another."""
    light, lens = draw_light(rng), draw_camera(rng)
    fitted = draw_tone(rng)
    plate_lights: list[Change] = [light, lambda seen: fitted(light(seen)), draw_light(rng)]
    plate_light = plate_lights[int(rng.choice(3, p=PLATE_LIGHTS))]
    plate_lens, misaligned = draw_camera(rng), draw_shift(rng)
    nothing = torch.zeros(len(layers.pictures), 3, 0, 0)
    plate = foreground = nothing
    if extras.plate:
        seen = warp(layers.behind[0], misaligned, size, cv2.BORDER_REPLICATE)
        plate = _rgb([plate_lens(plate_light(seen))]).expand(len(layers.pictures), -1, -1, -1)
    if extras.foreground:
        foreground = _rgb([light(picture) for picture in layers.colours])
    pictures = _rgb([lens(light(picture)) for picture in layers.pictures])
    return Sample(pictures, foreground, _plane(layers.alphas), plate, torch.tensor(number))


def _joined(parts: Sequence[Sample]) -> Sample:
    names = ("src", "foreground", "alpha", "plate")
    src, foreground, alpha, plate = (torch.cat([getattr(part, name) for part in parts]) for name in names)
    return Sample(src, foreground, alpha, plate, parts[0].person)


def _weights(given: Sequence[float], losses: Tensor | None, hard: float) -> npt.NDArray[np.float64]:
    weights = np.asarray(given, np.float64) / np.sum(given)
    if losses is None or not hard:
        return weights
    seen = losses.numpy().astype(np.float64)
    known = seen > 0
    if not known.any():
        return weights
    factor = np.where(known, np.minimum(seen / seen[known].mean(), HARDEST), 1.0)
    drawn = weights * factor
    return (1 - hard) * weights + hard * drawn / drawn.sum()


def _rgb(pictures: Sequence[Picture]) -> Tensor:
    stacked = np.stack([picture[..., ::-1].transpose(2, 0, 1) for picture in pictures])
    return torch.from_numpy(np.ascontiguousarray(stacked)).float() / 255


def _plane(alphas: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(alphas)[:, None]).float() / 255
