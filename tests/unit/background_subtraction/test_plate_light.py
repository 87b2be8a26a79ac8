"""The plate's light is that of the frame, whoever stands before it: on pictures made by hand."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.compositing.clean_plate import CHECK_EVERY, MISFITS, CleanPlate
from model_api import Frame, create_model
from model_api.models.plate_light import fit_light, shows_another_view
from model_api.types import Image
from tests.support import networks

WIDTH, HEIGHT = 384, 224
Levels = tuple[float, float, float]
NONE = (0.0, 0.0, 0.0)


def room(seed: int = 1) -> Image:
    """Boxes of all colours, softened as a lens does it, between 40 and 160."""
    tiles = np.random.default_rng(seed).integers(40, 160, (14, 24, 3), np.uint8)
    return cv2.GaussianBlur(tiles.repeat(16, axis=0).repeat(16, axis=1), (0, 0), 2)


def noisy(picture: Image, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, 3, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def with_person(picture: Image, share: float) -> Image:
    """Clothes with folds and a pattern over so much of the picture, from the middle of its lower edge."""
    picture = picture.copy()
    width = int(WIDTH * np.sqrt(share))
    height = int(HEIGHT * np.sqrt(share))
    y, x = np.mgrid[:height, :width]
    clothes = np.stack([60 + 20 * np.sin(x / 9), 70 + 25 * np.sin(y / 13), 140 + 40 * np.sin((x + y) / 17)], axis=-1)
    left = (WIDTH - width) // 2
    picture[HEIGHT - height :, left : left + width] = clothes.astype(np.uint8)
    return picture


def plate_of(background: Image, gain: Levels, offset: Levels) -> Image:
    """The picture of which `background` is gain times as much, plus offset."""
    return np.clip(np.rint((background - np.array(offset)) / np.array(gain)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("share", [0, 0.2, 0.4, 0.6])
@pytest.mark.parametrize(
    ("gain", "offset"),
    [
        ((0.75, 0.75, 0.75), NONE),
        ((1.25, 1.25, 1.25), NONE),
        ((1.2, 1.0, 0.8), NONE),
        ((0.85, 1.0, 1.15), NONE),
        ((1.0, 1.0, 1.0), (12, 12, 12)),
        ((0.9, 0.9, 0.9), (-8, -8, -8)),
    ],
)
def test_gain_and_offset_are_found_beside_the_person(share: float, gain: Levels, offset: Levels) -> None:
    background = room()
    plate, frame = noisy(plate_of(background, gain, offset), 2), noisy(with_person(background, share), 3)
    light = fit_light(plate, frame)
    for level in (60, 100, 140):
        np.testing.assert_allclose(light.gain * level + light.offset, np.array(gain) * level + offset, rtol=0.02)
    difference = np.abs(light.apply(plate).astype(float) - background).mean()
    assert difference < 4.5  # the plate's own noise, times its gain


@pytest.mark.parametrize("share", [0, 0.3, 0.6])
def test_an_exact_plate_stays_exact(share: float) -> None:
    plate = room()
    for frame in (with_person(plate, share), noisy(with_person(plate, share), 5)):
        light = fit_light(plate, frame)
        assert light.unchanged
        assert light.apply(plate) is plate


@pytest.mark.parametrize("levels", [(0, 255), (30, 250), (255, 0), (0, 0)])
def test_plates_that_tell_nothing_stay_as_they_are(levels: tuple[int, int]) -> None:
    plate, frame = (np.full((48, 64, 3), level, np.uint8) for level in levels)
    assert fit_light(plate, frame).apply(plate) is plate
    assert not shows_another_view(plate, frame)


def test_the_model_gets_the_plate_in_the_frame_s_light(tmp_path: Path) -> None:
    """The difference network answers 0 where nothing changed: with a darker plate, everything would have."""
    background = room()
    with create_model(networks.difference_matting(tmp_path / "net.onnx", HEIGHT, WIDTH)) as model:
        _, alpha, _ = model(with_person(background, 0.3), clean_plate=plate_of(background, (1.4, 1.4, 1.4), NONE))
    rows, columns = slice(HEIGHT - 60, HEIGHT - 10), slice(WIDTH // 2 - 60, WIDTH // 2 + 60)
    assert alpha[:60].max() < 0.02
    assert alpha[rows, columns].mean() > 0.3


def test_another_room_and_a_moved_camera_show_another_view() -> None:
    wide = cv2.resize(room(), (WIDTH + 40, HEIGHT + 40))
    plate, moved = wide[20:-20, 20:-20], wide[26:-14, 36:-4]
    assert shows_another_view(plate, with_person(room(7), 0.3))
    assert shows_another_view(plate, with_person(moved, 0.2))


@pytest.mark.parametrize("share", [0, 0.3, 0.6, 0.75])
@pytest.mark.parametrize("gain", [0.75, 1.0, 1.3])
def test_a_person_is_no_other_view(share: float, gain: float) -> None:
    plate = noisy(plate_of(room(), (gain, gain, gain), NONE), 2)
    assert not shows_another_view(plate, noisy(with_person(room(), share), 3))


def warnings_of(caplog: pytest.LogCaptureFixture, plate: Image, frames: list[Image]) -> list[str]:
    with caplog.at_level(logging.WARNING):
        clean_plate = CleanPlate(needed=True, picture=plate)
        for number, image in enumerate(frames):
            clean_plate.attached(Frame(number, image))
    return [record.getMessage() for record in caplog.records]


def test_a_plate_of_another_room_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = warnings_of(caplog, room(7), [room()] * (3 * CHECK_EVERY * MISFITS))
    assert "camera was moved" in line
    assert "with B, or name another one" in line


def test_nobody_is_warned_of_a_person(caplog: pytest.LogCaptureFixture) -> None:
    close = with_person(room(), 0.97)
    passing = [room()] * CHECK_EVERY + [close] * CHECK_EVERY + [with_person(room(), 0.5)] * 2 * CHECK_EVERY
    assert warnings_of(caplog, room(), passing * 3) == []
