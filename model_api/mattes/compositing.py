"""A person over a background, in either form of pictures.

Where alpha is 255 the person's own samples are copied, where it is 0 the background's. Only soft edges are computed.
Blending is linear, and so Y'CbCr is blended as BGR is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from model_api.pictures.layers import Pixels, Samples, joined, layers_of, levels_in, steps_of, tile_in
from model_api.pictures.picture import AnyPicture, Picture
from model_api.pictures.yuv_image import Plane
from model_api.types import Levels, Size, Tile

AT_ONCE = 1 << 15
"""Soft pixels that are computed together: what is made of them stays in the processor's cache."""


class Blend(Protocol):
    """What soft edges become: `blend`, or another function of the same arguments."""

    def __call__(  # noqa: D102
        self, foreground: npt.NDArray[Any], background: npt.NDArray[Any], levels: Levels
    ) -> npt.NDArray[Any]: ...


class Colours(Protocol):
    """The person's own colours at soft edges, in the form that the composite has."""

    def at(self, layer: int, pixels: Pixels, levels: Levels) -> Samples:
        """The samples at some positions of a layer.

        Args:
            layer: its number.
            pixels: (n,) positions, n above 0.
            levels: (n,) uint8, alpha in 255ths there.
        """


def blend(foreground: npt.NDArray[Any], background: npt.NDArray[Any], levels: Levels) -> npt.NDArray[Any]:
    """Compute alpha · foreground + (1 - alpha) · background, rounded once.

    Args:
        foreground: (n,) or (n, 3) uint8 or uint16.
        background: the same.
        levels: (n,) uint8, alpha in 255ths.
    """
    weight = levels.astype(np.float32)
    weight = weight[:, np.newaxis] if foreground.ndim == 2 else weight
    # Whole numbers below 2^24: exact until the division.
    total = foreground * weight + background * (255 - weight)
    return np.rint(total / 255).astype(background.dtype)


def instead(foreground: npt.NDArray[Any], background: npt.NDArray[Any], levels: Levels) -> npt.NDArray[Any]:
    """The person's colours at soft edges as they are, for pictures with transparency."""
    return foreground


def composite(
    own: Picture, colours: Colours, background: AnyPicture, levels: Levels, person: Tile, mix: Blend = blend
) -> AnyPicture:
    """Put a person over a background.

    Args:
        own: the frame.
        colours: the person's colours at its soft edges.
        background: of the frame's size and format.
        levels: (H, W) uint8, alpha in 255ths.
        person: the rows and columns where they are above 0.
        mix: what soft edges become.

    Returns:
        A new picture in that format.
    """
    person = _whole_samples(person, own)
    layers: list[list[Plane]] = []
    for number, (mine, behind) in enumerate(zip(layers_of(own), layers_of(background), strict=True)):
        tile = tile_in(person, own, number)
        shares = levels_in(levels[person], own, number)
        planes = [plane.copy() for plane in behind.planes]
        opaque = cv2.threshold(shares, 254, 255, cv2.THRESH_BINARY)[1]
        for plane, source in zip(planes, mine.planes, strict=True):
            cv2.copyTo(source[tile], opaque, plane[tile])
        for soft in _in_parts(soft_pixels(shares)):
            weights, pixels = np.take(shares, soft), _in_whole(soft, tile, mine.size)
            for plane, samples, below in zip(
                planes, colours.at(number, pixels, weights), behind.at(pixels), strict=True
            ):
                plane.reshape(-1, *plane.shape[2:])[pixels] = mix(samples, below, weights)
        layers.append(planes)
    return joined(layers, background)


def soft_pixels(levels: Levels) -> Pixels:
    """The pixels whose levels are neither 0 nor 255."""
    return np.flatnonzero(levels - np.uint8(1) < np.uint8(254))  # 0 wraps around to 255


def _whole_samples(tile: Tile, picture: Picture) -> Tile:
    """The tile from and to where samples of chroma begin. A sample at least."""
    across, down = steps_of(picture)
    return _widened(tile[0], down), _widened(tile[1], across)


def _widened(side: slice, step: int) -> slice:
    return slice(side.start // step * step, max(1, -(-side.stop // step)) * step)


def _in_whole(pixels: Pixels, tile: Tile, size: Size) -> Pixels:
    """Positions in a tile as positions in the whole (width, height)."""
    rows, columns = tile
    width = min(columns.stop, size[0]) - columns.start
    return pixels + pixels // width * (size[0] - width) + (rows.start * size[0] + columns.start)


def _in_parts(pixels: Pixels) -> Iterator[Pixels]:
    for first in range(0, pixels.size, AT_ONCE):
        yield pixels[first : first + AT_ONCE]
