"""Clips for training, composed anew each time they are asked for, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from model_api.types import Image, Size
from model_tools.compose.layers import warp
from model_tools.train.data.augmentations import Change, draw_camera, draw_light, draw_tone
from model_tools.train.data.composition import Mix, Take, composed, photographed
from model_tools.train.data.material import Material
from model_tools.train.data.placement import draw_shift

Probabilities = npt.NDArray[np.float64]

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
class Extras:
    """What a network is trained with beside frames and alphas."""

    foreground: bool = True
    plate: bool = True


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """What clips are like.

    Attributes:
        frames: T of a clip.
        sizes: (width, height), one for each batch in turn.
        batch: Clips that share a size.
        seed: The same seed draws the same clips.
        mix: How often they are what.
        extras: What they have beside frames and alphas.
    """

    frames: int
    sizes: Sequence[Size]
    batch: int
    seed: int
    mix: Mix = field(default_factory=Mix)
    extras: Extras = field(default_factory=Extras)


class ComposedClips(Dataset[Sample]):
    """Clip i is the same whenever it is asked for, as long as the losses are: (seed, i) draws all of it."""

    def __init__(self, material: Material, length: int, settings: ClipSettings, losses: Tensor | None = None) -> None:
        """Compose clips from people and backgrounds.

        Args:
            material: The people and backgrounds.
            length: How many clips there are.
            settings: What they are like.
            losses: (people,) float32 in shared memory, the last loss of each person. None: nobody is harder than
                others.
        """
        self._material, self._length, self._settings, self._losses = material, length, settings, losses

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Sample:
        settings = self._settings
        rng = np.random.default_rng((settings.seed, index))
        size = settings.sizes[index // settings.batch % len(settings.sizes)]
        weights = _weights(self._material.weights, self._losses, settings.mix.hard)
        return self._clip(rng, weights, size, settings.frames, settings.mix)

    def _clip(self, rng: np.random.Generator, weights: Probabilities, size: Size, frames: int, mix: Mix) -> Sample:
        if frames > 1 and rng.random() < mix.cut:
            first = int(rng.integers(1, frames))
            rest = replace(mix, cut=0.0)
            return _joined([self._clip(rng, weights, size, count, rest) for count in (first, frames - first)])
        kind = rng.choice(["photograph", "composed", "empty"], p=[mix.photograph, mix.composed, mix.empty])
        numbers = _draw_people(rng, weights, kind, mix)
        people = [self._material.people[number] for number in numbers]
        if kind == "photograph":
            take = photographed(rng, people[0], size, frames)
        else:
            take = composed(rng, people, self._material.backgrounds, size, frames, mix)
        return _finished(rng, take, numbers[0] if numbers else NOBODY, self._settings.extras)


def _draw_people(rng: np.random.Generator, weights: Probabilities, kind: str, mix: Mix) -> list[int]:
    several = kind == "composed" and rng.random() < mix.crowd
    count = 0 if kind == "empty" else int(rng.choice([2, 2, 3])) if several else 1
    return [int(number) for number in rng.choice(len(weights), count, p=weights)]


def _finished(rng: np.random.Generator, take: Take, person: int, extras: Extras) -> Sample:
    """Light and camera.

    A plate has the frame's light; or what is left of another one after the program has fitted it to the frame; or,
    sometimes, quite another.
    """
    light, lens = draw_light(rng), draw_camera(rng)
    fitted = draw_tone(rng)
    plate_lights: list[Change] = [light, lambda image: fitted(light(image)), draw_light(rng)]
    plate_light = plate_lights[int(rng.choice(3, p=PLATE_LIGHTS))]
    plate_lens, misaligned = draw_camera(rng), draw_shift(rng)
    plate = foreground = torch.zeros(len(take.images), 3, 0, 0)
    if extras.plate:
        empty = take.behind[0]
        moved = warp(empty, misaligned, empty.shape[1::-1], cv2.BORDER_REPLICATE)
        plate = _rgb([plate_lens(plate_light(moved))]).expand(len(take.images), -1, -1, -1)
    if extras.foreground:
        foreground = _rgb([light(image) for image in take.colours])
    frames = _rgb([lens(light(image)) for image in take.images])
    alphas = torch.from_numpy(np.stack(take.alphas)[:, np.newaxis])
    return Sample(frames, foreground, alphas, plate, torch.tensor(person))


def _joined(parts: Sequence[Sample]) -> Sample:
    names = ("src", "foreground", "alpha", "plate")
    src, foreground, alpha, plate = (torch.cat([getattr(part, name) for part in parts]) for name in names)
    return Sample(src, foreground, alpha, plate, parts[0].person)


def _weights(drawn: Sequence[float], losses: Tensor | None, hard: float) -> Probabilities:
    """How often each person is drawn; they add up to one."""
    weights = np.asarray(drawn, np.float64) / np.sum(drawn)
    if losses is None or not hard:
        return weights
    last = losses.numpy().astype(np.float64)
    known = last > 0
    if not known.any():
        return weights
    harder = weights * np.where(known, np.minimum(last / last[known].mean(), HARDEST), 1.0)
    return (1 - hard) * weights + hard * harder / harder.sum()


def _rgb(images: Sequence[Image]) -> Tensor:
    stacked = np.stack([image[..., ::-1].transpose(2, 0, 1) for image in images])
    return torch.from_numpy(np.ascontiguousarray(stacked)).float() / 255
