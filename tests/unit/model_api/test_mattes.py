"""Compositing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from model_api.errors import ShapeError
from model_api.mattes import foreground_estimation as foreground
from model_api.mattes.guided_filter import RESIDUAL, DeepCoefficients, FastAlphaCoefficients, fit_coefficients, grey
from model_api.mattes.levels_matte import LevelsMatte, WholeMatte
from model_api.mattes.matte import DenseMatte, GuidedAlphaMatte, GuidedMatte
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import bgr_of, in_format
from model_api.pictures.yuv_image import YuvFormat
from model_api.types import Floats


def test_a_composite_is_the_weighted_mean_of_both() -> None:
    """Against the definition, alpha F + (1 - alpha) B, in double precision: half a level for alpha in 255ths, half for
    the result."""
    rng = np.random.default_rng(1)
    colours, background = (rng.integers(0, 256, (40, 50, 3), np.uint8) for _ in range(2))
    alpha = rng.random((40, 50), np.float32)
    alpha[alpha > 254 / 255] = 0.5  # where it is 255 the frame's own pixels are copied
    expected = alpha[..., None] * colours.astype(float) + (1.0 - alpha[..., None]) * background
    composite = DenseMatte(background, alpha, colours).over(background)
    assert np.abs(composite - expected).max() <= 1.0


def test_the_ends_are_exact() -> None:
    colours, background = np.full((4, 4, 3), 255, np.uint8), np.zeros((4, 4, 3), np.uint8)
    for alpha, expected in ((0, background), (1, colours)):
        matte = DenseMatte(colours, np.full((4, 4), alpha, np.float32), colours)
        np.testing.assert_array_equal(matte.over(background), expected)


def test_a_guided_matte_is_slope_times_picture_plus_offset() -> None:
    """Against the definition, on planes enlarged whole, in double precision."""
    rng = np.random.default_rng(2)
    frame, background = (rng.integers(0, 256, (100, 160, 3), np.uint8) for _ in range(2))
    slope = rng.normal((1, 1, 1, 0), 0.3, (20, 32, 4)).astype(np.float32)
    offset = rng.normal((0, 0, 0, 128), 80, (20, 32, 4)).astype(np.float32)
    offset[:, :6, 3] = -400  # nobody on the left
    matte = GuidedMatte(frame, DeepCoefficients(_rgba(slope) - RESIDUAL, _rgba(offset) / np.float32(255)))

    picture = np.dstack([frame, frame.mean(2)]).astype(float)
    enlarged = [cv2.resize(planes.astype(float), (160, 100)) for planes in (slope, offset)]
    answer = np.clip(enlarged[0] * picture + enlarged[1], 0, 255)
    np.testing.assert_allclose(matte.alpha, answer[..., 3] / 255, atol=1e-5)
    assert np.abs(matte.foreground - answer[..., :3]).max() <= 0.51
    expected = background + answer[..., 3:] / 255 * (np.rint(answer[..., :3]) - background)
    expected = np.where(matte.levels[..., np.newaxis] == 255, frame, expected)
    assert np.abs(matte.over(background) - expected).max() <= 1.01
    assert np.array_equal(matte.over(background)[:, :16], background[:, :16])


def _rgba(planes: Floats) -> Floats:
    return planes[..., [2, 1, 0, 3]]


def test_colours_are_gathered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gathered: list[Floats] = []
    gather = foreground._means

    def counted(channels: Sequence[Floats], weight: Floats, reach: int) -> list[Floats]:
        gathered.append(weight)
        return gather(channels, weight, reach)

    monkeypatch.setattr(foreground, "_means", counted)
    frame = np.random.default_rng(3).integers(0, 256, (40, 40, 3), np.uint8)
    matte = DenseMatte(frame, np.full((40, 40), 0.5, np.float32))
    assert np.ptp(matte.over(np.zeros_like(frame))) > 0
    assert matte.foreground is matte.foreground
    assert len(gathered) == 2  # of the person, of the scene


def test_nothing_is_gathered_where_no_edge_is_soft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "_means", None)
    frame = np.random.default_rng(3).integers(0, 256, (40, 40, 3), np.uint8)
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:20, 5:30] = 1
    expected = np.where(alpha[..., np.newaxis] == 1, frame, 0)
    np.testing.assert_array_equal(DenseMatte(frame, alpha).over(np.zeros_like(frame)), expected)
    np.testing.assert_array_equal(DenseMatte(frame, alpha).foreground, frame)


def test_what_is_estimated_in_parts_is_what_is_estimated_whole() -> None:
    rng = np.random.default_rng(4)
    frame = cv2.resize(rng.integers(0, 256, (20, 30, 3), np.uint8), (317, 243))
    alpha = cv2.resize(rng.random((9, 11), np.float32), (317, 243))
    alpha[:70] = 0
    background = np.zeros_like(frame)
    once = DenseMatte(frame, alpha)
    np.testing.assert_array_equal(once.over(background), DenseMatte(frame, alpha, once.foreground).over(background))


def test_a_matte_keeps_to_its_frame() -> None:
    """A second background takes nothing from the first, and a second matte of the same alpha nothing from its frame."""
    alpha = np.full((4, 4), 0.5, np.float32)
    for level in (40, 200):
        frame = np.full((4, 4, 3), level, np.uint8)
        matte = DenseMatte(frame, alpha)
        for behind in (0, 100):
            composite = matte.over(np.full((4, 4, 3), behind, np.uint8))
            assert np.abs(composite - (level + behind) / 2).max() <= 1
        np.testing.assert_array_equal(matte.foreground, frame)


def test_an_alpha_follows_the_frame_where_the_person_is_as_everywhere() -> None:
    """Only where somebody may be is computed: the same numbers as of the whole."""
    rng = np.random.default_rng(5)
    frame = cv2.resize(rng.integers(0, 256, (30, 50, 3), np.uint8), (1280, 720))
    small = cv2.resize(frame, (384, 224), interpolation=cv2.INTER_AREA)
    alpha = np.zeros((224, 384), np.float32)
    cv2.ellipse(alpha, (200, 150), (40, 70), 10, 0, 360, (1.0,), -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.5)
    alpha[alpha < 0.01] = 0
    slope, offset = fit_coefficients(grey(small), alpha * 255)
    whole = cv2.resize(slope, (1280, 720)) * grey(frame) + cv2.resize(offset, (1280, 720))
    matte = GuidedAlphaMatte(frame, FastAlphaCoefficients(small, alpha))
    np.testing.assert_allclose(matte.alpha, np.clip(whole / 255, 0, 1), atol=1e-4)
    assert np.ptp(matte.levels) == 255


def test_sizes_must_agree() -> None:
    frame, alpha = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32)
    with pytest.raises(ShapeError, match=r"background: 4×5 pixels .*, and frame is 4×4\. Resize it to the frame"):
        DenseMatte(frame, alpha).over(np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(ShapeError, match="alpha: 4×5 pixels"):
        DenseMatte(frame, np.zeros((5, 4), np.float32))
    with pytest.raises(ShapeError, match="colours: 5×4 pixels"):
        DenseMatte(frame, alpha, np.zeros((4, 5, 3), np.uint8))


@pytest.mark.parametrize("form", [None, YuvFormat(ColourSpace())], ids=["bgr", "planes"])
def test_levels_are_composited_as_a_dense_alpha_is(form: YuvFormat | None) -> None:
    noise = np.random.default_rng(3)
    frame, background = (in_format(noise.integers(60, 200, (48, 64, 3), np.uint8), form) for _ in range(2))
    levels = noise.integers(0, 256, (48, 64), np.uint8)
    one, other = LevelsMatte(frame, levels), DenseMatte(frame, (levels / 255).astype(np.float32))
    np.testing.assert_array_equal(other.levels, levels)
    np.testing.assert_allclose(one.alpha, other.alpha, atol=1e-6)
    np.testing.assert_array_equal(one.foreground, other.foreground)
    np.testing.assert_array_equal(bgr_of(one.over(background)), bgr_of(other.over(background)))


def test_a_whole_matte_takes_nothing_away() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    matte = WholeMatte(frame)
    np.testing.assert_array_equal(matte.over(np.zeros_like(frame)), frame)
    np.testing.assert_array_equal(matte.foreground, frame)
    assert (matte.levels == 255).all()
    assert (matte.alpha == 1).all()
    with pytest.raises(ShapeError):
        matte.over(np.zeros((3, 3, 3), np.uint8))


@pytest.mark.parametrize("mask", [np.zeros((48, 63), np.uint8), np.zeros((48, 64), np.float32), None])
def test_levels_of_another_kind_are_refused(mask: Any) -> None:
    with pytest.raises(ShapeError):
        LevelsMatte(np.zeros((48, 64, 3), np.uint8), mask)
