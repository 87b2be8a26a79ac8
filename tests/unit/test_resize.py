"""Parts of a picture, enlarged as the whole is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from model_api.resize import placed

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
        place = placed((x, y, across, down), whole_wh, small_wh)
        part = slice(y, y + down), slice(x, x + across)
        np.testing.assert_allclose(place.enlarged(planes)[place.inside(part)], whole[part], atol=1e-5)
