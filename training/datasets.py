"""Clips for training, composed anew each time from people with alpha and from backgrounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from model_api.errors import SourceError
from model_api.foreground import estimate_foreground
from training.colours import Picture, draw_camera, draw_light, draw_softness
from training.motion import Matrix, compose, draw_path, draw_times, still
from training.rooms import draw_scene

PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Person:
    """A photograph, its alpha, and the person's own colours. box: (left, top, right, bottom) of the alpha in pixels."""

    photograph: Picture
    alpha: Picture
    colours: Picture
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Sample:
    """One clip, T frames: src, foreground, plate (T, 3, H, W) RGB in [0, 1], alpha (T, 1, H, W) in [0, 1]."""

    src: Tensor
    foreground: Tensor
    alpha: Tensor
    plate: Tensor


@dataclass(frozen=True)
class Mix:
    """How often clips are what. The probabilities of the framings add up to one.

    upper: head and shoulders to the hips, cut off by the frame's lower edge, as webcams see people. whole: the whole
    person. photograph: the photograph as it was taken, its own background kept. empty: nobody. crowd: two people.
    """

    upper: float = 0.55
    whole: float = 0.2
    photograph: float = 0.2
    empty: float = 0.05
    crowd: float = 0.15


class ComposedClips(Dataset[Sample]):
    """Clip i is the same whenever it is asked for: (seed, i) draws all of it, so that training can be resumed."""

    def __init__(
        self,
        people: Sequence[Person],
        backgrounds: Sequence[Picture],
        length: int,
        frames: int,
        sizes: Sequence[tuple[int, int]],
        batch: int,
        seed: int,
        mix: Mix = Mix(),
    ) -> None:
        """sizes: (width, height), one of them for each batch. batch: clips that share a size."""
        self._people, self._backgrounds = people, backgrounds
        self._length, self._frames, self._sizes, self._batch = length, frames, sizes, batch
        self._seed, self._mix = seed, mix

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, index))
        size = self._sizes[index // self._batch % len(self._sizes)]
        return compose_clip(rng, self._people, self._backgrounds, size, self._frames, self._mix)


def compose_clip(
    rng: np.random.Generator,
    people: Sequence[Person],
    backgrounds: Sequence[Picture],
    size: tuple[int, int],
    frames: int,
    mix: Mix,
) -> Sample:
    framing = rng.choice(["upper", "whole", "photograph", "empty"], p=[mix.upper, mix.whole, mix.photograph, mix.empty])
    crowd = framing in ("upper", "whole") and rng.random() < mix.crowd
    chosen = [people[int(rng.integers(len(people)))] for _ in range({"empty": 0}.get(framing, 2 if crowd else 1))]
    places = [_place(rng, person, framing, size) for person in chosen]
    scene = chosen[0].photograph if framing == "photograph" else draw_scene(rng, backgrounds)
    room = places[0] if framing == "photograph" else _cover(rng, scene, size)

    camera = draw_path(rng, rng.choice([0.0, 0.3, 1.0])) if rng.random() < 0.7 else still()
    steps = [camera if framing == "photograph" else draw_path(rng, rng.choice([0.3, 1.0, 1.6])) for _ in chosen]
    lights = [draw_light(rng) for _ in chosen]
    room_light = lights[0] if framing == "photograph" else draw_light(rng)
    softness = (lambda image: image) if framing == "photograph" else draw_softness(rng)
    lens, plate_lens = draw_camera(rng), draw_camera(rng)
    misaligned = _shift(rng)

    made = []
    for time in draw_times(rng, frames):
        view = camera.at(time, size[1], (size[0] / 2, size[1] / 2))
        back = softness(room_light(_warp(scene, compose(view, room), size, cv2.BORDER_REFLECT_101)))
        picture, alpha = back, np.zeros((size[1], size[0]), np.uint8)
        colours = np.zeros_like(back)
        for person, place, path, light in zip(chosen, places, steps, lights, strict=True):
            move = path.at(time, size[1], (size[0] / 2, size[1] * 0.7))
            matrix = compose(move, place)
            layer = light(_warp(person.colours, matrix, size, cv2.BORDER_REPLICATE))
            cover = _warp(person.alpha, matrix, size, cv2.BORDER_CONSTANT)
            picture, colours, alpha = _over(picture, colours, alpha, layer, cover)
        plate = plate_lens(_warp(back, misaligned, size, cv2.BORDER_REPLICATE))
        made.append((lens(picture), colours, alpha, plate))
    pictures, foregrounds, alphas, plates = zip(*made, strict=True)
    return Sample(_rgb(pictures), _rgb(foregrounds), _plane(alphas), _rgb(plates))


def load_people(images: Path, alphas: Path, keep: range) -> list[Person]:
    """People whose file's number is in `keep`: photographs and alphas go by the same name."""
    files = [path for path in sorted(images.iterdir()) if path.suffix in PICTURES and number_of(path) in keep]
    return [load_person(path, next(alphas.glob(f"{path.stem}.*"), alphas / path.name)) for path in files]


def load_person(image: Path, alpha: Path) -> Person:
    """Raises SourceError if either is missing or they are of two sizes."""
    photograph, cover = read_picture(image, cv2.IMREAD_COLOR), read_picture(alpha, cv2.IMREAD_GRAYSCALE)
    if photograph.shape[:2] != cover.shape:
        raise SourceError(f"{alpha}: (height, width) {cover.shape}, its photograph has {photograph.shape[:2]}")
    colours = estimate_foreground(photograph, cover.astype(np.float32) / np.float32(255))
    left, top, width, height = cv2.boundingRect((cover > 127).astype(np.uint8))
    return Person(photograph, cover, colours, (left, top, left + width, top + height))


def load_backgrounds(folder: Path, keep: range) -> list[Picture]:
    """Pictures whose number is in `keep`, -1 for those without. Watermarks stand at the bottom: it is cut off."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix in PICTURES and number_of(path) in keep]
    pictures = [read_picture(path, cv2.IMREAD_COLOR) for path in files]
    return [picture[: int(picture.shape[0] * 0.93)] for picture in pictures]


def read_picture(path: Path, kind: int) -> Picture:
    """kind: one of OpenCV's, IMREAD_COLOR for (H, W, 3) BGR, IMREAD_GRAYSCALE for (H, W). Raises SourceError."""
    picture = cv2.imread(str(path), kind)
    if picture is None:
        raise SourceError(f"{path}: no picture that OpenCV can read")
    return np.asarray(picture, np.uint8)


def number_of(path: Path) -> int:
    """The first number that stands alone in a file's name, -1 if there is none: 12 of 0012.jpg and room_12_bath.jpg."""
    found = re.search(r"(?:^|_)(\d+)(?:_|$)", path.stem)
    return int(found[1]) if found else -1


def _place(rng: np.random.Generator, person: Person, framing: str, size: tuple[int, int]) -> Matrix:
    """Where the photograph goes in the frame: from its pixels to those of the frame."""
    width, height = size
    left, top, right, bottom = person.box
    if framing == "photograph":
        return _around(rng, person.photograph, size)
    if framing == "upper":
        seen = rng.uniform(0.18, 0.65) * (bottom - top)
        filled = rng.uniform(0.45, 0.95) * height
        scale, lowest = filled / max(seen, 1), height * rng.uniform(1.0, 1.06)
    else:
        scale = rng.uniform(0.35, 0.95) * height / max(bottom - top, 1)
        lowest = height * rng.uniform(0.75, 1.05)
        filled = scale * (bottom - top)
    stretch = np.exp(rng.normal(0, 0.15))
    middle = rng.uniform(0.15, 0.85) if rng.random() < 0.5 else rng.normal(0.5, 0.1)
    mirror = rng.choice([-1.0, 1.0])
    across = scale * stretch * mirror
    return np.array(
        [
            [across, 0, middle * width - across * (left + right) / 2],
            [0, scale, lowest - filled - scale * top],
        ]
    )


def _around(rng: np.random.Generator, image: Picture, size: tuple[int, int]) -> Matrix:
    """Most of the photograph or a part of it, stretched to the frame as networks see portrait pictures."""
    height, width = image.shape[:2]
    part = rng.uniform(0.5, 1.0)
    tall, wide = part * height, min(width, part * height * np.exp(rng.uniform(np.log(0.6), np.log(1.8))))
    x, y = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
    across, down = size[0] / wide, size[1] / tall
    if rng.random() < 0.5:
        return np.array([[-across, 0, across * (x + wide)], [0, down, -down * y]])
    return np.array([[across, 0, -across * x], [0, down, -down * y]])


def _cover(rng: np.random.Generator, image: Picture, size: tuple[int, int]) -> Matrix:
    """A part of the background that fills the frame with something to spare for motion."""
    height, width = image.shape[:2]
    scale = max(size[0] / width, size[1] / height) * rng.uniform(1.05, 1.8)
    x, y = rng.uniform(0, 1, 2) * (scale * width - size[0], scale * height - size[1])
    if rng.random() < 0.5:
        return np.array([[-scale, 0, scale * width - x], [0, scale, -y]])
    return np.array([[scale, 0, -x], [0, scale, -y]])


def _shift(rng: np.random.Generator) -> Matrix:
    """A plate that was captured by a camera since touched."""
    x, y = rng.normal(0, rng.choice([0.0, 0.5, 1.5]), 2)
    matrix = cv2.getRotationMatrix2D((0, 0), float(rng.normal(0, 0.2)), 1.0)
    matrix[:, 2] += (x, y)
    return np.asarray(matrix, np.float64)


def _warp(image: Picture, matrix: Matrix, size: tuple[int, int], border: int) -> Picture:
    # Photographs are mostly made smaller: without averaging the pixels, fine alphas would turn into steps.
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    steps = int(np.floor(np.log2(1 / shrink))) if shrink < 0.5 else 0
    for _ in range(steps):
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    scaled = matrix.copy()
    scaled[:, :2] *= 2**steps
    return cv2.warpAffine(image, scaled, size, flags=cv2.INTER_LINEAR, borderMode=border)


def _over(
    picture: Picture, colours: Picture, alpha: Picture, layer: Picture, cover: Picture
) -> tuple[Picture, Picture, Picture]:
    weight = cover.astype(np.float32) / 255
    rest = np.float32(1) - weight
    colours = cv2.blendLinear(layer, colours, weight, rest) if alpha.any() else layer
    alpha = np.asarray(255 - (255 - alpha.astype(np.uint16)) * (255 - cover) // 255, np.uint8)
    return cv2.blendLinear(layer, picture, weight, rest), colours, alpha


def _rgb(pictures: Sequence[Picture]) -> Tensor:
    stacked = np.stack([picture[..., ::-1].transpose(2, 0, 1) for picture in pictures])
    return torch.from_numpy(np.ascontiguousarray(stacked)).float() / 255


def _plane(alphas: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(alphas)[:, None]).float() / 255
