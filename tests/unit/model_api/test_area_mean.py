"""Means of areas, beside exact ones: every sample repeated until whole samples make up each mean."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from model_api.pictures.area_mean import area_mean
from model_api.pictures.yuv_image import Plane
from model_api.types import Size

Codes = type[np.uint8] | type[np.uint16]

SIZES: list[tuple[Size, Size]] = [
    ((64, 45), (24, 18)),  # as 1280×720 to 480×288: 8 to 3, 5 to 2
    ((96, 60), (24, 16)),  # as 1920×1080 to 480×288: whole columns, 15 to 4 rows
    ((30, 45), (4, 6)),  # 15 to 2
    ((60, 30), (20, 10)),  # whole
    ((41, 53), (37, 11)),  # no row of both begins together
    ((20, 20), (20, 7)),
    ((9, 7), (1, 1)),
    ((640, 990), (480, 300)),  # in several parts
]


def exact(image: Plane, size: Size) -> npt.NDArray[np.float64]:
    """(h, w, C) float64."""
    planes = np.atleast_3d(image).astype(np.float64)
    for axis, (side, shrunk) in enumerate(zip(image.shape, reversed(size), strict=False)):
        repeated = np.repeat(planes, shrunk, axis)
        shape = (*repeated.shape[:axis], shrunk, side, *repeated.shape[axis + 1 :])
        planes = repeated.reshape(shape).mean(axis + 1)
    return planes


def picture(size: Size, channels: int, dtype: Codes) -> Plane:
    shape = (size[1], size[0], channels) if channels > 1 else (size[1], size[0])
    return np.random.default_rng(7).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "shrunk"), SIZES)
def test_each_pixel_is_the_mean_of_its_area(size: Size, shrunk: Size, channels: int, dtype: Codes) -> None:
    image = picture(size, channels, dtype)
    means = area_mean(image, shrunk)
    assert means.shape == (shrunk[1], shrunk[0], *image.shape[2:])
    assert means.dtype == dtype
    # Half a level by rounding; floats of 24 bits add little to 16 of them.
    assert np.abs(np.atleast_3d(means) - exact(image, shrunk)).max() < 0.52


def test_rows_that_are_padded_and_parts_of_a_picture_are_averaged_as_they_are() -> None:
    image = picture((96, 60), 1, np.uint8)
    part = image[5:50, 8:72]
    np.testing.assert_array_equal(area_mean(part, (24, 18)), area_mean(part.copy(), (24, 18)))
    mirrored = image[::-1, ::-1]
    np.testing.assert_array_equal(area_mean(mirrored, (36, 16)), area_mean(mirrored.copy(), (36, 16)))


def test_it_agrees_with_opencv() -> None:
    image = picture((1280, 720), 1, np.uint8)
    apart = cv2.absdiff(area_mean(image, (480, 288)), cv2.resize(image, (480, 288), interpolation=cv2.INTER_AREA))
    assert apart.max() <= 1
    assert apart.mean() < 0.01


def test_floats_stay_floats() -> None:
    alpha = picture((64, 45), 1, np.uint8).astype(np.float32) / 255
    means = area_mean(alpha, (24, 18))
    assert means.dtype == np.float32
    np.testing.assert_allclose(means, exact(alpha, (24, 18))[..., 0], atol=1e-6)
