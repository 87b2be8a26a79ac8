"""Lost people, holes, ghosts and contours, on drawings whose answers can be counted, and against DAVIS' loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model_api.errors import ShapeError
from model_api.types import Alpha
from model_tools.evaluate import failures

HEIGHT, WIDTH = 600, 800
"""The diagonal has 1000 pixels."""


def drawn(*boxes: tuple[int, int, int, int], value: float = 1, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Alpha:
    """Boxes of top, bottom, left, right."""
    alpha = np.zeros(size, np.float32)
    for top, bottom, left, right in boxes:
        alpha[top:bottom, left:right] = value
    return alpha


NOBODY = drawn()


def test_a_hole_is_a_share_of_the_sure_inside() -> None:
    """5 pixels of 1000 are taken off each side of 200×200: 190×190 are left, of which 19×19 are a hundredth."""
    true = drawn((100, 300, 100, 300))
    predicted = true.copy()
    predicted[190:209, 190:209] = 0.49
    assert failures.holes(predicted, true) == pytest.approx(1)

    predicted[190:209, 190:209] = 0.5
    predicted[100:105] = 0
    assert failures.holes(predicted, true) == 0


def test_the_inside_goes_on_at_the_border_of_the_picture() -> None:
    """A person cut off by the lower edge: 190 columns and 195 rows are sure."""
    true = drawn((400, 600, 100, 300))
    predicted = true.copy()
    predicted[599] = 0
    assert failures.holes(predicted, true) == pytest.approx(100 / 195)


def test_what_is_soft_is_no_sure_inside() -> None:
    assert math.isnan(failures.holes(NOBODY, drawn((100, 300, 100, 300), value=0.95)))
    assert math.isnan(failures.holes(NOBODY, NOBODY))


def test_a_ghost_is_a_share_of_the_far_background() -> None:
    """The person ends at column 99, and 50 pixels on begins what is far: 650 columns."""
    true = drawn((0, HEIGHT, 0, 100))
    ghost = drawn((0, HEIGHT, 0, 100), (100, 160, 300, 365), (0, HEIGHT, 100, 150), value=0.11)
    assert failures.ghosts(ghost, true) == pytest.approx(100 * 65 * 60 / (650 * 600))
    assert failures.ghosts(np.minimum(ghost, np.float32(0.1)), true) == 0


def test_without_a_person_all_is_background() -> None:
    ghost = drawn((0, 60, 0, 80))
    assert failures.ghosts(ghost, NOBODY) == pytest.approx(1)
    assert failures.ghosts(ghost, drawn((0, 1, 0, 1), value=0.04)) == pytest.approx(1)
    assert math.isnan(failures.ghosts(ghost, np.ones_like(ghost)))


def test_a_person_is_lost_below_half_the_overlap() -> None:
    true = drawn((0, 100, 0, 100))
    assert failures.lost(drawn((0, 50, 0, 100)), true) == 0
    assert failures.lost(drawn((0, 49, 0, 100)), true) == 100
    assert failures.lost(NOBODY, true) == 100
    assert math.isnan(failures.lost(true, NOBODY))


def test_contours_may_be_apart_by_four_pixels_of_a_thousand() -> None:
    true = drawn((100, 300, 100, 300))
    assert failures.boundary_f(true, true) == 1
    assert failures.boundary_f(drawn((104, 304, 100, 300)), true) == 1
    assert failures.boundary_f(drawn((105, 305, 100, 300)), true) < 1
    assert failures.boundary_f(drawn((100, 300, 500, 700)), true) == 0


def test_contours_of_nobody() -> None:
    true = drawn((100, 300, 100, 300))
    assert failures.boundary_f(NOBODY, NOBODY) == 1
    assert failures.boundary_f(true, NOBODY) == 0
    assert failures.boundary_f(NOBODY, true) == 0


def test_a_contour_beside_the_right_one_costs_precision_alone() -> None:
    """Two squares of the same size, one of them right: precision a half, recall 1."""
    true = drawn((100, 300, 100, 300))
    both = drawn((100, 300, 100, 300), (100, 300, 500, 700))
    assert failures.boundary_f(both, true) == pytest.approx(2 / 3)
    assert failures.boundary_f(true, both) == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [(30, 40), (300, 400)])
def test_contours_are_those_of_the_loops_of_davis(seed: int, size: tuple[int, int]) -> None:
    """The tolerance is 1 pixel for the small pictures, and 2 for the large ones."""
    predicted, true = (coarse_noise(seed + shift, size) for shift in (0, 100))
    blended = np.float32(0.6) * true + np.float32(0.4) * predicted  # mostly right, as the ones that are judged

    assert failures.boundary_f(blended, true) == pytest.approx(looped_f(blended >= 0.5, true >= 0.5), abs=1e-9)


@pytest.mark.parametrize("measured", [failures.lost, failures.holes, failures.ghosts, failures.boundary_f])
def test_pictures_of_two_sizes_are_refused(measured) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(4, 5\)"):
        measured(np.zeros((2, 3), np.float32), np.zeros((4, 5), np.float32))


def coarse_noise(seed: int, size: tuple[int, int], cells: int = 5) -> Alpha:
    """Blocks of random alpha that reach the borders of the picture."""
    random = np.random.default_rng(seed)
    height, width = size
    blocks = random.random((cells, cells)).astype(np.float32)
    return blocks[np.arange(height) * cells // height][:, np.arange(width) * cells // width]


def looped_f(predicted: failures.Mask, true: failures.Mask) -> float:
    """As `db_eval_boundary` of DAVIS, without its dilation: every pair of contour pixels is compared."""
    reach = math.ceil(0.004 * math.hypot(*true.shape))
    ours, theirs = (np.array(looped_contour(mask), float).reshape(-1, 2) for mask in (predicted, true))
    apart = np.hypot(*(ours[:, None] - theirs[None]).transpose(2, 0, 1))
    precision, recall = (apart.min(axis=1) <= reach).mean(), (apart.min(axis=0) <= reach).mean()
    return float(2 * precision * recall / (precision + recall))


def looped_contour(mask: failures.Mask) -> list[tuple[int, int]]:
    """DAVIS' `seg2bmap`: pixels unlike one to the right, below or right below, as far as there are any."""
    height, width = mask.shape
    return [
        (row, column)
        for row in range(height)
        for column in range(width)
        if any(
            mask[below, right] != mask[row, column]
            for below, right in ((row, column + 1), (row + 1, column), (row + 1, column + 1))
            if below < height and right < width
        )
    ]
