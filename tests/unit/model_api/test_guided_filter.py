"""The fast guided filter against its definition, window by window."""

from __future__ import annotations

import numpy as np
import pytest

from model_api.mattes import guided_filter
from model_api.mattes.guided_filter import EPSILON, FastCoefficients, fit_coefficients, with_grey

BAND_PX = 50
"""The rows that are fitted at a time in this test."""


@pytest.mark.parametrize("height", [3, BAND_PX, BAND_PX + 1, 2 * BAND_PX + 5])
def test_coefficients_are_those_of_each_window(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """He and Sun's equations, in double precision; outside the image everything is 0, as the network pads it."""
    monkeypatch.setattr(guided_filter, "FIT_AT_ONCE", BAND_PX * 7 * 4)
    random = np.random.default_rng(height)
    image = random.integers(0, 256, (height, 7, 3), np.uint8)
    answer = random.normal(0, 100, (height, 7, 4)).astype(np.float32)
    slope, offset = fit_coefficients(with_grey(image), answer)

    guide = np.dstack([image, image.mean(2)]).astype(float)
    guide, padded_answer = (np.pad(planes.astype(float), ((1, 1), (1, 1), (0, 0))) for planes in (guide, answer))
    for y, x in np.ndindex(height, 7):
        inside = guide[y : y + 3, x : x + 3].reshape(9, 4), padded_answer[y : y + 3, x : x + 3].reshape(9, 4)
        mean, mean_answer = (planes.mean(0) for planes in inside)
        line = ((inside[0] * inside[1]).mean(0) - mean * mean_answer) / (inside[0].var(0) + EPSILON)
        np.testing.assert_allclose(slope[y, x], line, atol=1e-3)
        np.testing.assert_allclose(offset[y, x], mean_answer - line * mean, atol=0.05)


def test_a_line_is_fitted_exactly() -> None:
    """Where the answer is a straight line of the image, the fit is that line, except for the effect of epsilon."""
    image = np.random.default_rng(1).integers(0, 256, (12, 12, 3), np.uint8)
    guide = np.dstack([image, image.mean(2)]).astype(np.float32)
    slope, offset = fit_coefficients(with_grey(image), guide * np.float32(0.5) + np.float32(20))
    inner = slice(1, -1), slice(1, -1)
    np.testing.assert_allclose(slope[inner], 0.5, atol=2e-3)
    np.testing.assert_allclose(offset[inner], 20, atol=0.3)


def test_the_coefficients_of_a_tile_are_those_of_the_whole() -> None:
    random = np.random.default_rng(7)
    image = random.integers(0, 256, (50, 40, 3), np.uint8)
    coefficients = FastCoefficients(image, random.random((50, 40, 4), np.float32))
    whole = coefficients.colours((slice(0, 50), slice(0, 40)))
    for tile in ((slice(0, 9), slice(31, 40)), (slice(17, 44), slice(3, 5)), (slice(49, 50), slice(0, 40))):
        for actual, expected in zip(coefficients.colours(tile), whole, strict=True):
            np.testing.assert_allclose(actual, expected[tile], atol=1e-2)
        for actual, expected in zip(coefficients.alpha(tile), whole, strict=True):
            np.testing.assert_allclose(actual, expected[(*tile, 3)], atol=1e-2)
