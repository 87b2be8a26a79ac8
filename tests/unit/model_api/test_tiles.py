"""Tiles of an image, enlarged as the whole is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from model_api.mattes.tiles import enclosing_tile, scaled_tile, tile_within

SIZES = [((1280, 720), (512, 288)), ((192, 108), (48, 27)), ((97, 61), (38, 24)), ((64, 48), (64, 48))]


@pytest.mark.parametrize(("whole_wh", "small_wh"), SIZES)
def test_a_tile_is_enlarged_as_the_whole_is(whole_wh: tuple[int, int], small_wh: tuple[int, int]) -> None:
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
        tile = slice(y, y + down), slice(x, x + across)
        scaled = scaled_tile(tile, whole_wh, small_wh)
        enlarged = scaled.enlarged(planes[scaled.small])[tile_within(tile, scaled.large)]
        np.testing.assert_allclose(enlarged, whole[tile], atol=1e-5)


def test_the_enclosing_tile_holds_each() -> None:
    tiles = [(slice(4, 9), slice(30, 31)), (slice(2, 5), slice(7, 20)), (slice(8, 9), slice(8, 9))]
    whole = enclosing_tile(tiles)
    assert whole == (slice(2, 9), slice(7, 31))
    image = np.arange(10 * 40).reshape(10, 40)
    for tile in tiles:
        np.testing.assert_array_equal(image[whole][tile_within(tile, whole)], image[tile])
