"""Compositing."""

from __future__ import annotations

import numpy as np
import pytest

from model_api.errors import ShapeError
from model_api.mattes import DenseMatte


def test_a_composite_is_the_weighted_mean_of_both() -> None:
    """Against the definition, alpha F + (1 - alpha) B, in double precision: half a level of rounding."""
    rng = np.random.default_rng(1)
    colours, background = (rng.integers(0, 256, (40, 50, 3), np.uint8) for _ in range(2))
    alpha = rng.random((40, 50), np.float32)
    expected = alpha[..., None] * colours.astype(float) + (1.0 - alpha[..., None]) * background
    composite = DenseMatte(alpha, colours).over(background, background)
    assert np.abs(composite - expected).max() <= 0.51


def test_the_ends_are_exact() -> None:
    colours, background = np.full((4, 4, 3), 255, np.uint8), np.zeros((4, 4, 3), np.uint8)
    for alpha, expected in ((0, background), (1, colours)):
        matte = DenseMatte(np.full((4, 4), alpha, np.float32), colours)
        np.testing.assert_array_equal(matte.over(colours, background), expected)


def test_sizes_must_agree() -> None:
    matte = DenseMatte(np.zeros((4, 4), np.float32))
    with pytest.raises(ShapeError, match="Resize the background to the frame"):
        matte.over(np.zeros((4, 4, 3), np.uint8), np.zeros((5, 4, 3), np.uint8))
