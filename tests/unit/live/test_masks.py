"""What is done to a mask, beside OpenCV and arithmetic by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from background_subtraction.compositing.masks import MaskOptions, reshaped, steadied
from model_api.errors import OptionError
from model_api.types import Image, Levels

HEIGHT, WIDTH = 90, 160


def disc(radius: int) -> Levels:
    return cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (80, 45), radius, 255, cv2.FILLED)


def test_nothing_asked_nothing_done() -> None:
    levels = disc(20)
    assert reshaped(levels, MaskOptions()) is levels
    assert not MaskOptions().changes


def test_alpha_is_cut_at_the_threshold() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(reshaped(levels, MaskOptions(threshold=0.5)), np.where(levels >= 128, 255, 0))
    assert reshaped(levels, MaskOptions(threshold=1.0)).sum() == 255


@pytest.mark.parametrize("pixels", [1, 2, 3, 7, 12, -1, -3, -7, -12])
def test_a_disc_grows_and_shrinks_by_pixels(pixels: int) -> None:
    """A disc that grows by n is the disc of the larger radius, within the raggedness of pixels."""
    changed = reshaped(disc(20), MaskOptions(grow_px=pixels))
    wrong = cv2.absdiff(changed, disc(20 + pixels))
    assert np.count_nonzero(cv2.erode(wrong, np.ones((3, 3), np.uint8))) == 0
    for line in (changed[45], changed[:, 80]):  # the tips of a disc are flat, a pixel or two
        assert np.count_nonzero(line) == pytest.approx(2 * (20 + pixels) + 1, abs=2)


@pytest.mark.parametrize("pixels", [1, 5, 20, -1, -5, -20])
def test_a_straight_edge_moves_by_exactly_so_many_pixels(pixels: int) -> None:
    half = np.zeros((HEIGHT, WIDTH), np.uint8)
    half[:, :80] = 255
    expected = np.zeros_like(half)
    expected[:, : 80 + pixels] = 255
    np.testing.assert_array_equal(reshaped(half, MaskOptions(grow_px=pixels)), expected)


def test_soft_alpha_grows_with_its_edge() -> None:
    ramp = np.tile(np.clip(np.arange(WIDTH) * 16 - 800, 0, 255).astype(np.uint8), (HEIGHT, 1))
    grown = reshaped(ramp, MaskOptions(grow_px=3))
    np.testing.assert_array_equal(grown[:, :-3], ramp[:, 3:])


def test_softened_as_a_box_of_that_width() -> None:
    """A box of n pixels and the Gaussian have one variance: n² / 12 (that of a step's edge)."""
    step = np.zeros((HEIGHT, WIDTH), np.uint8)
    step[:, 80:] = 255
    edge = np.diff(reshaped(step, MaskOptions(soften_px=12))[45].astype(float))
    x = np.arange(edge.size)
    mean = (edge * x).sum() / edge.sum()
    assert ((edge * (x - mean) ** 2).sum() / edge.sum()) == pytest.approx(12**2 / 12, rel=0.06)


def still(level: int = 100) -> Image:
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def test_where_nothing_moves_a_mask_goes_on_gradually() -> None:
    """Exponential smoothing: after n frames share^n of the old one is left."""
    mask = steadied(np.full((HEIGHT, WIDTH), 200, np.uint8), still(), None, 0.5)
    left = []
    for _ in range(4):
        mask = steadied(np.zeros((HEIGHT, WIDTH), np.uint8), still(), mask, 0.5)
        left.append(int(mask.levels[45, 80]))
    assert left == [100, 50, 25, 12]


def test_where_something_moves_the_mask_is_the_new_one() -> None:
    moved = still()
    moved[:, 80:] = 200
    before = steadied(np.full((HEIGHT, WIDTH), 200, np.uint8), still(), None, 0.9)
    now = steadied(np.zeros((HEIGHT, WIDTH), np.uint8), moved, before, 0.9)
    assert (now.levels[:, :70] == 180).all()
    assert (now.levels[:, 85:] == 0).all()


def test_another_size_begins_afresh() -> None:
    before = steadied(np.full((HEIGHT, WIDTH), 200, np.uint8), still(), None, 0.9)
    levels = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8)
    assert steadied(levels, still()[::2, ::2], before, 0.9).levels is levels


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({"threshold": 1.1}, "mask_threshold"),
        ({"grow_px": 101}, "grow_px"),
        ({"grow_px": 1.5}, "grow_px"),
        ({"soften_px": -1}, "soften_px"),
        ({"steadiness": 1}, "steadiness"),
        ({"steadiness": "much"}, "steadiness"),
    ],
)
def test_other_values_are_refused(values: dict[str, float], parameter: str) -> None:
    with pytest.raises(OptionError) as caught:
        MaskOptions(**values)  # type: ignore[arg-type]
    assert caught.value.parameter == parameter
