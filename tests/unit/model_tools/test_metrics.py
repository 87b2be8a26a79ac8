"""The metrics against loops that spell out their definitions, and against SciPy's filters and labels."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest
from scipy import ndimage

from model_api.errors import ShapeError
from model_api.types import Alpha
from model_tools.evaluate import metrics
from model_tools.evaluate.metric_sets import METRIC_SETS, METRICS, Pair, measure

HEIGHT, WIDTH = 24, 31


def soft_blobs(seed: int, count: int = 4) -> Alpha:
    """Round soft spots in steps of 1/255, as written to a file: several parts, some of them touching."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    alpha = np.zeros((HEIGHT, WIDTH))
    for _ in range(count):
        row, column, radius = random.uniform(0, HEIGHT), random.uniform(0, WIDTH), random.uniform(2, 8)
        alpha = np.maximum(alpha, np.clip(1.4 - np.hypot(rows - row, columns - column) / radius, 0, 1))
    return (np.round(alpha * 255) / 255).astype(np.float32)


SEEDS = [pytest.param((n, n + 100), id=f"blobs {n}") for n in range(6)]


@pytest.fixture(params=SEEDS)
def alphas(request: pytest.FixtureRequest) -> tuple[Alpha, Alpha]:
    predicted, true = request.param
    return soft_blobs(predicted), soft_blobs(true)


@pytest.mark.filterwarnings("error")
def test_differences_are_means_times_a_thousand() -> None:
    predicted, true = np.array([[0.0, 0.5], [1.0, 0.25]], np.float32), np.array([[0.1, 0.5], [0.7, 0.25]], np.float32)

    assert metrics.mad(predicted, true) == pytest.approx((0.1 + 0.3) / 4 * 1000)
    assert metrics.mse(predicted, true) == pytest.approx((0.01 + 0.09) / 4 * 1000)


def test_bytes_count_as_zero_to_one() -> None:
    predicted, true = np.full((2, 2, 3), 255, np.uint8), np.full((2, 2, 3), 204, np.uint8)

    assert metrics.mad(predicted, true) == pytest.approx(200)
    assert metrics.mse(predicted, true) == pytest.approx(40)


@pytest.mark.parametrize(
    ("measured", "border", "stretch"),
    [
        (metrics.rvm_lr_grad, "nearest", True),
        (metrics.rvm_hr_grad, "nearest", False),
        (metrics.omz_grad, "reflect", False),
    ],
)
def test_gradients_are_those_of_the_loops_and_of_scipy(measured, border, stretch, alphas) -> None:  # type: ignore[no-untyped-def]
    predicted, true = (alpha * 0.8 + 0.1 for alpha in alphas)
    if stretch:
        predicted, true = ((alpha - alpha.min()) / (alpha.max() - alpha.min()) for alpha in (predicted, true))

    expected = np.sum((scipy_gradient(true, border) - scipy_gradient(predicted, border)) ** 2) / 1000
    assert measured(predicted, true) == pytest.approx(expected, rel=1e-4)
    looped = (looped_gradient(true, border) - looped_gradient(predicted, border)) ** 2
    assert measured(predicted, true) == pytest.approx(looped.sum() / 1000, rel=1e-4)


def test_the_three_gradients_differ_where_their_definitions_do(alphas: tuple[Alpha, Alpha]) -> None:
    predicted, true = alphas[0] * np.float32(0.5), alphas[1]

    assert metrics.rvm_lr_grad(predicted, true) != pytest.approx(metrics.rvm_hr_grad(predicted, true), rel=1e-3)
    assert metrics.omz_grad(predicted, true) != pytest.approx(metrics.rvm_hr_grad(predicted, true), rel=1e-6)


def test_a_level_alpha_has_no_gradient() -> None:
    level = np.full((HEIGHT, WIDTH), 0.4, np.float32)

    for measured in (metrics.rvm_lr_grad, metrics.rvm_hr_grad, metrics.omz_grad):
        assert measured(level, np.zeros_like(level)) == pytest.approx(0, abs=1e-9)


def test_connectivity_is_that_of_the_loop(alphas: tuple[Alpha, Alpha]) -> None:
    assert metrics.conn(*alphas) == pytest.approx(looped_connectivity(*alphas), rel=1e-5)


def test_connectivity_is_that_of_scipy_labels(alphas: tuple[Alpha, Alpha]) -> None:
    assert metrics.conn(*alphas) == pytest.approx(labelled_connectivity(*alphas), rel=1e-5)


def test_a_part_that_is_cut_off_counts_whole() -> None:
    true = np.zeros((9, 9), np.float32)
    true[:, :4] = 1
    predicted = true.copy()
    predicted[3:5, 6:8] = 1  # four pixels on their own

    assert metrics.conn(predicted, true) == pytest.approx(4 / 1000)


def test_flicker_is_the_root_mean_square_of_what_changed_wrongly() -> None:
    before, now = soft_blobs(1), soft_blobs(2)
    flickering = np.clip(now + np.float32(0.1), 0, 1)

    assert metrics.dtssd(now, before, now, before) == 0
    expected = math.sqrt(np.mean((flickering.astype(float) - now) ** 2)) * 100
    assert metrics.dtssd(flickering, before, now, before) == pytest.approx(expected, rel=1e-5)


def test_colours_count_where_the_evaluation_looks() -> None:
    alpha = np.array([[0, 0.005, 0.5, 1]], np.float32)
    true, predicted = np.zeros((1, 4, 3), np.uint8), np.zeros((1, 4, 3), np.uint8)
    predicted[0, :, 0] = (255, 255, 51, 0)

    assert metrics.rvm_foreground_mse(predicted, true, alpha) == pytest.approx((1 + 0.04) / 9 * 1000)
    assert metrics.rvm_foreground_mad(predicted, true, alpha) == pytest.approx((1 + 0.2) / 9 * 1000)
    assert metrics.omz_foreground_mse(predicted, true, alpha) == pytest.approx(0.04 / 6 * 1000)


def test_colours_of_nobody_are_no_number() -> None:
    picture, nobody = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.float32)

    assert math.isnan(metrics.rvm_foreground_mse(picture, picture, nobody))
    assert math.isnan(metrics.omz_foreground_mse(picture, picture, nobody))


def test_iou_of_masks() -> None:
    true = np.zeros((4, 4), np.float32)
    true[:2] = 1
    predicted = np.zeros_like(true)
    predicted[1:] = 0.5

    assert metrics.iou(predicted, true) == pytest.approx(4 / 16)
    assert metrics.iou(predicted >= 0.5, true > 0) == pytest.approx(4 / 16)
    assert metrics.iou(predicted, true, threshold=0.6) == 0
    assert metrics.iou(np.zeros_like(true), np.zeros_like(true)) == 1


@pytest.mark.parametrize("measured", [metrics.mad, metrics.mse, metrics.conn, metrics.rvm_lr_grad, metrics.iou])
def test_pictures_of_two_sizes_are_refused(measured) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(4, 5\)"):
        measured(np.zeros((2, 3), np.float32), np.zeros((4, 5), np.float32))


def test_the_table_measures_a_frame_and_its_flicker() -> None:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    true_before, true = soft_blobs(2), soft_blobs(4)
    before = Pair(soft_blobs(1), true_before, picture, picture)
    now = Pair(soft_blobs(3), true, picture, picture)

    first, second = measure(METRICS, before), measure(METRICS, now, before)

    assert first["dtssd"] == 0
    assert second["dtssd"] == metrics.dtssd(now.predicted, before.predicted, true, true_before)
    assert second["rvm_lr_grad"] == metrics.rvm_lr_grad(now.predicted, true)
    assert second["omz_foreground_mse"] == 0
    assert math.isnan(measure(["rvm_foreground_mse"], Pair(now.predicted, true))["rvm_foreground_mse"])
    unknown = measure(METRICS, Pair(now.predicted, image=picture), Pair(before.predicted, image=picture))
    assert [name for name, value in unknown.items() if not math.isnan(value)] == ["warp_error"]


def test_every_set_is_made_of_known_metrics() -> None:
    for names in METRIC_SETS.values():
        assert set(names.values()) <= set(METRICS)


def scipy_gradient(alpha: Alpha, border: str) -> Alpha:
    kernel = looped_kernel()
    x = ndimage.correlate(alpha.astype(float), kernel, mode=border)
    y = ndimage.correlate(alpha.astype(float), kernel.T, mode=border)
    return np.hypot(x, y)


def looped_gradient(alpha: Alpha, border: str) -> Alpha:
    kernel = looped_kernel()
    reach = len(kernel) // 2
    wide = np.pad(alpha, reach, mode="edge" if border == "nearest" else "symmetric").astype(float)
    size = np.zeros(alpha.shape)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            part = wide[row : row + len(kernel), column : column + len(kernel)]
            size[row, column] = math.hypot((part * kernel).sum(), (part * kernel.T).sum())
    return size.astype(np.float32)


def looped_kernel() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The 9×9 kernel of sigma 1.4, written out: a Gaussian down, its derivative across, squares summing to 1."""
    sigma = 1.4
    kernel = np.zeros((9, 9))
    for row in range(9):
        for column in range(9):
            y, x = row - 4, column - 4
            gaussians = [math.exp(-d * d / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi)) for d in (y, x)]
            kernel[row, column] = gaussians[0] * -x * gaussians[1] / sigma**2
    return kernel / math.sqrt((kernel**2).sum())


def looped_connectivity(predicted: Alpha, true: Alpha) -> float:
    """Pixel by pixel: the step at which each falls out of the largest part that both have, in steps of a tenth."""
    settled = np.full(true.shape, -1.0)
    for step in range(1, 11):
        inside = largest_by_flooding((predicted >= step * 0.1) & (true >= step * 0.1))
        for spot in np.ndindex(true.shape):
            if settled[spot] == -1 and spot not in inside:
                settled[spot] = (step - 1) * 0.1
    settled[settled == -1] = 1
    return connectivity_error(predicted, true, settled.astype(np.float32))


def largest_by_flooding(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> set[tuple[int, int]]:
    spots = [(int(row), int(column)) for row, column in np.argwhere(mask)]
    left = set(spots)
    parts = []
    for start in spots:
        if start not in left:
            continue
        part: set[tuple[int, int]] = set()
        border = deque([start])
        left.discard(start)
        while border:
            row, column = border.popleft()
            part.add((row, column))
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in left:
                    left.discard(near)
                    border.append(near)
        parts.append(part)
    return max(parts, key=len, default=set())


def labelled_connectivity(predicted: Alpha, true: Alpha) -> float:
    settled = np.full(true.shape, -1.0)
    for step in range(1, 11):
        labels, count = ndimage.label((predicted >= step * 0.1) & (true >= step * 0.1))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        inside = labels == sizes.argmax() + 1 if count else np.zeros(true.shape, bool)
        settled[(settled == -1) & ~inside] = (step - 1) * 0.1
    settled[settled == -1] = 1
    return connectivity_error(predicted, true, settled.astype(np.float32))


def connectivity_error(predicted: Alpha, true: Alpha, settled: Alpha) -> float:
    error = 0.0
    for spot in np.ndindex(true.shape):
        phis = []
        for alpha in (predicted, true):
            distance = float(alpha[spot] - settled[spot])
            phis.append(1 - (distance if distance >= 0.15 else 0))
        error += abs(phis[0] - phis[1])
    return error / 1000
