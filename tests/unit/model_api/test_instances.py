"""Small masks of detected people, put into the frame."""

from __future__ import annotations

from math import floor

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from model_api.mattes.instance_matte import union
from model_api.resize import RESIZE_TYPES, Box
from model_api.types import Floats

FRAME_WH = (60, 40)


INSIDE = [(10.3, 5.7, 48.9, 33.1), (20.0, 10.0, 21.5, 30.2)]
ACROSS = [(-25.4, -9.2, 30.5, 25.5), (30.5, 8.5, 95.0, 61.0)]


def interpolated(mask: Floats, box: Box) -> Floats:
    """Pixel by pixel, by the definition: the mean of the four cells whose centres surround the pixel's centre,
    weighted by nearness; beyond the mask there is nothing."""
    height, width = mask.shape
    left, top, right, bottom = box
    picture = np.zeros((FRAME_WH[1], FRAME_WH[0]), np.float32)
    for y, x in np.ndindex(*picture.shape):
        column = (x + 0.5 - left) / (right - left) * width - 0.5
        row = (y + 0.5 - top) / (bottom - top) * height - 0.5
        for near_row in (floor(row), floor(row) + 1):
            for near_column in (floor(column), floor(column) + 1):
                if 0 <= near_row < height and 0 <= near_column < width:
                    weight = (1 - abs(row - near_row)) * (1 - abs(column - near_column))
                    picture[y, x] += weight * mask[near_row, near_column]
    return picture


def softened(covered: npt.NDArray[np.bool_]) -> Floats:
    """How much of the 5×5 pixels around each one is covered; the frame's last pixels go on beyond it."""
    padded = np.pad(covered.astype(np.float32), 2, "edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).mean(axis=(2, 3))


def blobs(shape: tuple[int, int]) -> Floats:
    noise = cv2.GaussianBlur(np.random.default_rng(0).random(shape, np.float32), (0, 0), min(shape) / 10)
    return np.clip(np.float32(0.5) + (noise - noise.mean()) / (2 * noise.std()), 0, 1)


@pytest.mark.parametrize("shape", [(28, 28), (14, 10), (90, 100)])
@pytest.mark.parametrize("box", INSIDE + ACROSS)
def test_a_mask_is_interpolated_over_its_box_and_cut_at_one_half(shape: tuple[int, int], box: Box) -> None:
    mask = blobs(shape)
    expected = softened(interpolated(mask, box) > 0.5)
    assert 0 < expected.mean() < 0.6
    # A pixel may be at one half within rounding; it counts in 25 neighbours.
    assert np.abs(union([(mask, box)], FRAME_WH) - expected).max() <= 1 / 25 + 1 / 255


def test_inside_an_outline_all_is_person_however_unsure_the_network() -> None:
    box = (10.0, 10.0, 50.0, 30.0)
    alpha = union([(np.full((28, 28), 0.6, np.float32), box)], FRAME_WH)
    assert (alpha[13:27, 13:47] == 1).all()
    assert alpha[:7].max() == alpha[:, :7].max() == 0
    assert union([(np.full((28, 28), 0.45, np.float32), box)], FRAME_WH).max() == 0


def test_somebody_at_the_frame_s_edge_goes_on_beyond_it() -> None:
    """A box that ends a hair short of it leaves no line of the background there; one that ends well before it does."""
    mask = np.ones((14, 14), np.float32)
    assert (union([(mask, (20, 10, 40, 39.9))], FRAME_WH)[15:, 24:36] == 1).all()
    assert union([(mask, (20, 10, 40, 36))], FRAME_WH)[39].max() == 0


def test_between_two_who_touch_there_is_no_seam() -> None:
    mask = np.ones((14, 14), np.float32)
    alpha = union([(mask, (5, 5, 30, 35)), (mask, (30, 5, 55, 35))], FRAME_WH)
    assert (alpha[10:30, 10:50] == 1).all()


def test_nobody_and_somebody_out_of_sight_are_no_alpha() -> None:
    assert union([], FRAME_WH).shape == (40, 60)
    assert union([(np.ones((14, 14), np.float32), (70, 5, 90, 35))], FRAME_WH).max() == 0
    assert union([(np.ones((14, 14), np.float32), (-25, -35, -5, -5))], FRAME_WH).max() == 0


@pytest.mark.parametrize("resize_type", RESIZE_TYPES)
def test_a_box_finds_its_way_back(resize_type: str) -> None:
    """The corners of a rectangle of the frame, and those of its picture in the network's input."""
    frame = np.zeros((300, 600, 3), np.uint8)
    frame[100:200, 240:360] = 255
    fit = RESIZE_TYPES[resize_type]((600, 300), (200, 160))
    lit = np.argwhere(fit.apply(frame)[..., 0] > 127)
    (top, left), (bottom, right) = lit.min(axis=0), lit.max(axis=0) + 1
    np.testing.assert_allclose(fit.undo_box((left, top, right, bottom)), (240, 100, 360, 200), atol=3)
