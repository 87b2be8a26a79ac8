"""Parts of a picture, enlarged as the whole is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from model_api.mattes.tiles import placed, union, within

SIZES = [((1280, 720), (512, 288)), ((192, 108), (48, 27)), ((97, 61), (38, 24)), ((64, 48), (64, 48))]


@pytest.mark.parametrize(("whole_wh", "small_wh"), SIZES)
def test_a_part_is_enlarged_as_the_whole_is(whole_wh: tuple[int, int], small_wh: tuple[int, int]) -> None:
    """Wherever it lies: pixels of both sizes meet where it begins and ends."""
    random = np.random.default_rng(8)
    planes = random.normal(0, 1, (small_wh[1], small_wh[0], 4)).astype(np.float32)
    whole = cv2.resize(planes, whole_wh, interpolation=cv2.INTER_LINEAR)
    width, height = whole_wh
    corners = [(0, 0, width, height), (width - 1, height - 1, 1, 1), (0, height - 5, 5, 5)]
    inner = [
        (int(x), int(y), int(random.integers(1, width - x + 1)), int(random.integers(1, height - y + 1)))
        for x, y in zip(random.integers(0, width, 20), random.integers(0, height, 20), strict=True)
    ]
    for x, y, across, down in corners + inner:
        part = slice(y, y + down), slice(x, x + across)
        place = placed(part, whole_wh, small_wh)
        np.testing.assert_allclose(
            place.enlarged(planes[place.small])[within(part, place.part)], whole[part], atol=1e-5
        )


def test_the_union_of_parts_holds_each() -> None:
    parts = [(slice(4, 9), slice(30, 31)), (slice(2, 5), slice(7, 20)), (slice(8, 9), slice(8, 9))]
    whole = union(parts)
    assert whole == (slice(2, 9), slice(7, 31))
    picture = np.arange(10 * 40).reshape(10, 40)
    for part in parts:
        np.testing.assert_array_equal(picture[whole][within(part, whole)], picture[part])
