"""Cuts are found, and what only looks like one is not, on frames made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from model_api.pipelines.scene_cuts import Scene, follow, thumbnail_of
from model_api.types import Image

WIDTH, HEIGHT = 384, 224
FRAMES = 12
CUT = 8


def room(seed: int, hue: int) -> Image:
    """A wall of one colour with boards, shelves and boxes of others, somewhat wider than a frame."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT + 64, WIDTH + 128, 3), (hue, 90, 150), np.uint8)
    for _ in range(25):
        x, y = random.integers(0, WIDTH + 64), random.integers(0, HEIGHT + 32)
        width, height = random.integers(20, 120, 2)
        colour = (
            int((hue + random.integers(-15, 16)) % 180),
            int(random.integers(30, 150)),
            int(random.integers(40, 190)),
        )
        cv2.rectangle(picture, (int(x), int(y)), (int(x + width), int(y + height)), colour, -1)
    return cv2.cvtColor(picture, cv2.COLOR_HSV2BGR)


def view(picture: Image, x: int = 64, y: int = 32) -> Image:
    return picture[y : y + HEIGHT, x : x + WIDTH].copy()


def with_person(picture: Image, x: int, size: float = 1.0, clothes: tuple[int, int, int] = (40, 60, 150)) -> Image:
    picture = picture.copy()
    top = int(HEIGHT * (1 - 0.8 * size))
    cv2.rectangle(picture, (x - int(60 * size), top + int(60 * size)), (x + int(60 * size), HEIGHT), clothes, -1)
    cv2.circle(picture, (x, top + int(30 * size)), int(32 * size), (130, 160, 210), -1)
    return picture


def brighter(picture: Image, gain: float) -> Image:
    return cv2.convertScaleAbs(picture, alpha=gain)


def noisy(picture: Image, seed: int, level: float) -> Image:
    noise = np.random.default_rng(seed).normal(0, level, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def cuts(frames: Sequence[Image]) -> list[int]:
    scene: Scene | None = None
    found = []
    for index, frame in enumerate(frames):
        cut, scene = follow(scene, thumbnail_of(frame))
        if cut:
            found.append(index)
    return found


ROOM, ANOTHER_ROOM = room(1, 20), room(2, 110)
HOME = view(ROOM)


@pytest.mark.parametrize("person", [False, True])
@pytest.mark.parametrize("gain", [0.5, 1.0, 1.4])
def test_another_room_begins_with_its_first_frame(person: bool, gain: float) -> None:
    first = with_person(HOME, 190) if person else HOME
    second = brighter(view(ANOTHER_ROOM), gain)
    assert cuts([first] * CUT + [second] * CUT) == [CUT]


def test_another_person_before_the_same_camera() -> None:
    one = [with_person(HOME, 190 + n % 3, 1.5) for n in range(CUT)]
    other = with_person(HOME, 190, 1.5, clothes=(30, 170, 240))
    assert cuts([*one, other, other]) == [CUT]


def test_a_film_without_colours() -> None:
    first, second = (
        cv2.merge([cv2.cvtColor(view(picture), cv2.COLOR_BGR2GRAY)] * 3) for picture in (room(3, 0), room(4, 0))
    )
    assert cuts([first] * 2) == cuts([second] * 2) == []


UNCUT: dict[str, Callable[[int], Image]] = {
    "nothing happens": lambda n: HOME,
    "a flash": lambda n: brighter(HOME, 1.8 if n in (CUT, CUT + 1) else 1),
    "a flash that leaves nearly nothing": lambda n: brighter(HOME, 9 if n == CUT else 1),
    "the light goes out": lambda n: brighter(HOME, 0.4 if n >= CUT else 1),
    "the light goes on": lambda n: brighter(HOME, 1 if n >= CUT else 0.4),
    "automatic exposure": lambda n: brighter(HOME, 1 + 0.1 * (n % 5)),
    "noise in low light": lambda n: noisy(brighter(HOME, 0.2), n, 12),
    "a fade to black and back": lambda n: brighter(HOME, abs(n - CUT / 2) / (CUT / 2)),
    "a pan": lambda n: view(ROOM, 8 * n),
    "a shaking hand": lambda n: view(ROOM, 64 + (7 * n) % 24, 32 + (5 * n) % 12),
    "the camera is bumped": lambda n: view(ROOM, 64 if n < CUT else 88),
    "a person walks fast": lambda n: with_person(HOME, 40 * n - 60),
    "a person comes close": lambda n: with_person(HOME, max(190, 420 - 40 * n), 1.5),
    "a person goes": lambda n: with_person(HOME, 190 + 30 * n),
}


@pytest.mark.parametrize("name", UNCUT)
def test_no_cut(name: str) -> None:
    assert cuts([UNCUT[name](n) for n in range(FRAMES)]) == []


def test_a_dissolve_is_no_cut() -> None:
    other = view(ANOTHER_ROOM)
    mixed = [cv2.addWeighted(HOME, 1 - n / 15, other, n / 15, 0) for n in range(16)]
    assert cuts([HOME] * 5 + mixed + [other] * 5) == []


@pytest.mark.parametrize("size", [(384, 224), (1280, 720), (64, 48), (224, 384)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    one, other = (cv2.resize(view(picture), size, interpolation=cv2.INTER_AREA) for picture in (ROOM, ANOTHER_ROOM))
    assert thumbnail_of(one).shape == (24, 32, 3)
    assert cuts([one, one, other, other]) == [2]


def test_the_first_frame_is_no_cut() -> None:
    cut, scene = follow(None, thumbnail_of(HOME))
    assert not cut
    np.testing.assert_array_equal(scene.thumbnail, thumbnail_of(HOME))
