"""Light and colour that are changed, against the formulas and standards that they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from background_subtraction.image_files import read_image
from model_api.types import Image
from model_tools.evaluate.conditions import AfterCut, Degraded, after_cuts
from model_tools.evaluate.datasets import Still
from model_tools.evaluate.degradations import DEGRADATIONS
from tests.support.media import write_images


def level(blue: int, green: int, red: int, size: tuple[int, int] = (200, 200)) -> Image:
    return np.full((*size, 3), (blue, green, red), np.uint8)


def degraded(name: str, image: Image, seed: int = 0) -> Image:
    return DEGRADATIONS[name](image, np.random.default_rng(seed))


@pytest.fixture
def picture() -> Image:
    """Odd sizes, all levels."""
    return np.random.default_rng(5).integers(0, 256, (45, 31, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degradation_gives_a_new_picture_of_the_same_size(name: str, picture: Image) -> None:
    kept = picture.copy()
    result = degraded(name, picture)

    assert result.shape == picture.shape
    assert result.dtype == np.uint8
    assert np.array_equal(picture, kept)
    assert not np.array_equal(result, picture)
    assert np.array_equal(result, degraded(name, picture))


@pytest.mark.parametrize(("name", "gain"), [("gain-0.6", 0.6), ("gain-0.4", 0.4), ("gain-0.25", 0.25)])
def test_low_light_counts_photons(name: str, gain: float) -> None:
    """A Poisson number's variance is its mean: 1000 photons at white, light as the power 2.2 of code values."""
    white = degraded(name, level(255, 255, 255)) / 255.0
    photons = 1000 * white**2.2

    assert photons.mean() == pytest.approx(1000 * gain**2.2, rel=0.01)
    assert photons.var() == pytest.approx(1000 * gain**2.2, rel=0.05)
    assert abs(np.corrcoef(photons[..., 0].ravel(), photons[..., 1].ravel())[0, 1]) < 0.02


def test_low_light_is_darker_by_the_gain() -> None:
    for gain in (0.6, 0.4, 0.25):
        assert degraded(f"gain-{gain}", level(200, 200, 200)).mean() == pytest.approx(gain * 200, rel=0.03)
    assert not degraded("gain-0.25", level(0, 0, 0)).any()


def test_tungsten_is_cie_illuminant_a() -> None:
    """Its XYZ through IEC 61966-2-1's matrix; the camera's gamma is 2.2."""
    matrix = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    linear = np.array(matrix) @ (1.09850, 1.0, 0.35585)
    red, green, blue = 255 * (linear / linear.max()) ** (1 / 2.2)

    assert degraded("tungsten", level(255, 255, 255))[0, 0] == pytest.approx((blue, green, red), abs=1)
    assert degraded("tungsten", level(100, 100, 100))[0, 0] == pytest.approx(np.array((blue, green, red)) / 2.55, abs=1)


def test_grey_is_the_luma_of_bt_601() -> None:
    grey = 0.114 * 10 + 0.587 * 200 + 0.299 * 90
    assert degraded("grey", level(10, 200, 90))[0, 0] == pytest.approx([grey] * 3, abs=1)


def test_overexposed_pictures_are_cut_off_at_white() -> None:
    assert degraded("overexposed", level(0, 100, 151))[0, 0].tolist() == [0, 170, 255]


def test_jpeg_of_half_the_size_has_lost_what_is_fine() -> None:
    """Lines of one pixel become grey, and a slope stays within a few levels."""
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[::2] = 200
    slope = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (64, 1, 3))

    assert degraded("jpeg", lines) == pytest.approx(np.full_like(lines, 100), abs=4)
    assert np.abs(degraded("jpeg", slope).astype(int) - slope).mean() < 5


@pytest.fixture
def shown(tmp_path: Path) -> list[Still]:
    """Three stills, the second of another size, each seen twice."""
    sizes = [(48, 64), (64, 40), (48, 64)]
    for folder in ("images", "masks"):
        write_images(tmp_path / folder, [level(9, 9, 100 + n, size) for n, size in enumerate(sizes)])
    paths = [sorted((tmp_path / folder).iterdir()) for folder in ("images", "masks")]
    return [Still(image.stem, image, mask, 2, binary=False) for image, mask in zip(*paths, strict=True)]


def test_noise_is_the_same_in_every_run_and_another_in_every_frame(shown: list[Still]) -> None:
    first, second = ([frame.image for frame in Degraded(shown[0], "gain-0.4").frames(plates=False)] for _ in "ab")

    assert all(map(np.array_equal, first, second))
    assert not np.array_equal(first[0], first[1])
    others = [next(Degraded(shown[n], "gain-0.4").frames(plates=False)).image for n in (0, 2)]
    correlation = np.corrcoef(others[0][..., 2].ravel(), others[1][..., 2].ravel())
    assert correlation[0, 1] < 0.1  # of two stills of nearly one colour


def test_the_truth_is_that_of_the_clean_picture(shown: list[Still]) -> None:
    clean, worse = list(shown[0].truths()), list(Degraded(shown[0], "gain-0.4").truths())

    assert worse[0] is None
    assert clean[1] is not None
    assert worse[1] is not None
    assert np.array_equal(clean[1].alpha, worse[1].alpha)  # type: ignore[arg-type]
    assert np.array_equal(worse[1].image, read_image(shown[0].image))  # type: ignore[arg-type]


def test_a_cut_shows_the_still_before_first_at_the_same_size(shown: list[Still]) -> None:
    cuts = after_cuts(shown)

    assert [(cut.name, cut.before.name) for cut in cuts] == [
        (still.name, before.name) for still, before in zip(shown, [shown[2], shown[0], shown[1]], strict=True)
    ]
    frames = list(AfterCut(shown[0], shown[1]).frames(plates=False))
    assert [(frame.index, frame.size, int(frame.image[0, 0, 2])) for frame in frames] == [
        (0, (64, 48), 101), (1, (64, 48), 101), (2, (64, 48), 100), (3, (64, 48), 100),
    ]  # fmt: skip
    assert [truth is None for truth in cuts[0].truths()] == [True, True, True, False]
