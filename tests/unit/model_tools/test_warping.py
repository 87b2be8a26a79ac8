"""The warping error, of pictures that move by known ways."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from model_api.errors import ShapeError
from model_api.types import Alpha, Image
from model_tools.evaluate.warping import consistent, followed, warp_error

HEIGHT, WIDTH = 120, 160
RIGHT, DOWN = 3, 2


def texture(seed: int = 0, scale: int = 1) -> Image:
    """Soft random spots, which can be followed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 6, WIDTH // 6, 3)).astype(np.uint8)
    return cv2.resize(coarse, (WIDTH * scale, HEIGHT * scale), interpolation=cv2.INTER_CUBIC)


def spot(row: float, column: float) -> Alpha:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip(1.5 - np.hypot(rows - row, columns - column) / 25, 0, 1).astype(np.float32)


def moved(image: Image) -> Image:
    return np.roll(image, (DOWN, RIGHT), axis=(0, 1))


def test_what_stands_still_is_compared_as_it_is() -> None:
    still, now, before = texture(), spot(60, 80), spot(60, 84)

    expected = 1000 * ((now.astype(float) - before) ** 2).mean()
    assert warp_error(now, before, still, still) == pytest.approx(expected, rel=1e-5)
    assert warp_error(now, now, still, still) == 0


def test_the_flow_is_the_way_back() -> None:
    backward, known = followed(moved(texture()), texture())

    assert np.median(backward[known], axis=0) == pytest.approx([-RIGHT, -DOWN], abs=0.15)
    assert known[DOWN + 8 : -8, RIGHT + 8 : -8].mean() > 0.98
    # What came in from beyond the borders was nowhere before.
    assert not known[: DOWN - 1].any()
    assert not known[:, : RIGHT - 1].any()


def test_what_moves_with_the_picture_does_not_flicker() -> None:
    before, now = texture(), moved(texture())
    alpha = spot(60, 80)
    along = spot(60 + DOWN, 80 + RIGHT)

    left_behind = 1000 * ((alpha.astype(float) - along) ** 2)[DOWN:, RIGHT:].mean()
    assert warp_error(along, alpha, now, before) < 0.02 * left_behind
    assert warp_error(alpha, alpha, now, before) == pytest.approx(left_behind, rel=0.05)


def test_flows_that_disagree_are_not_followed() -> None:
    """Against the formula, pixel by pixel; whole pixels, so that nothing lies between two."""
    random = np.random.default_rng(3)
    backward, forward = (random.integers(-6, 7, (20, 30, 2)).astype(np.float32) for _ in "ab")
    backward[:, :15], forward[:, :15] = (-4, 0), (4.5, 0.5)  # undone to 0.7 pixels, which is near enough

    known = consistent(backward, forward)

    for row, column in np.ndindex(20, 30):
        w = backward[row, column]
        x, y = int(column + w[0]), int(row + w[1])
        inside = 0 <= x < 30 and 0 <= y < 20
        v = forward[y, x] if inside else w
        assert known[row, column] == (inside and ((w + v) ** 2).sum() < 0.01 * ((w**2).sum() + (v**2).sum()) + 0.5)
    assert known[:, 4:15].all()


def test_what_cannot_be_followed_has_no_error() -> None:
    thin, alpha = np.zeros((8, 200, 3), np.uint8), np.ones((8, 200), np.float32)
    assert math.isnan(warp_error(alpha, alpha, thin, thin))


def test_large_pictures_are_shrunk() -> None:
    def error(scale: int) -> float:
        wh = (WIDTH * scale, HEIGHT * scale)
        now, before = (cv2.resize(alpha, wh) for alpha in (spot(60, 80), spot(60, 84)))
        return warp_error(now, before, texture(scale=scale), texture(scale=scale))

    assert error(8) == pytest.approx(error(4), rel=0.01)


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(20, 160\)"):
        warp_error(spot(1, 1), spot(1, 1), texture(), texture()[:20])
