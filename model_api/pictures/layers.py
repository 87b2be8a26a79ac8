"""Pictures pixel by pixel: colours at some positions, in whatever form the picture has.

A layer is what a picture holds at one size: all of BGR; of planes luma, and both planes of chroma.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from model_api.arrays import Floats, Levels, Size, Tile
from model_api.pictures.picture import AnyPicture, Picture
from model_api.pictures.screen import codes_of_screen, unbounded_bgr
from model_api.pictures.yuv_image import CHROMA_STEPS, Plane, YuvFormat, YuvImage, shrink_chroma

Pixels = npt.NDArray[np.intp]
"""(n,) positions in a layer, counted row by row."""

Samples = list[npt.NDArray[Any]]
"""For each plane of a layer the samples at n positions: (n,), or (n, 3) of BGR."""

LUMA, CHROMA = 0, 1
"""The numbers of the layers of planes. BGR has only the first."""


@dataclass(frozen=True, eq=False)
class Layer:
    """Planes of one size.

    Attributes:
        planes: the BGR image; or luma; or both planes of chroma.
        channels: the numbers of the channels in each plane.
    """

    planes: tuple[Plane, ...]
    channels: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> Size:
        """(width, height) in samples."""
        return self.planes[0].shape[1], self.planes[0].shape[0]

    def at(self, pixels: Pixels) -> Samples:
        """The samples at some positions."""
        return [gathered(plane, pixels) for plane in self.planes]


def layers_of(picture: Picture) -> tuple[Layer, ...]:
    """Take a picture apart."""
    if not isinstance(picture, YuvImage):
        return (Layer((picture,), ((0, 1, 2),)),)
    return Layer((picture.y,), ((0,),)), Layer((picture.u, picture.v), ((1,), (2,)))


def joined(layers: list[list[Plane]], like: AnyPicture) -> AnyPicture:
    """Put the planes of all layers together to a picture in the format of `like`."""
    if not isinstance(like, YuvImage):
        return cast(AnyPicture, layers[0][0])
    ((y,), (u, v)) = layers
    return cast(AnyPicture, YuvImage(y, u, v, like.space))


def steps_of(picture: Picture) -> tuple[int, int]:
    """How many pixels across and down share a sample of chroma."""
    return CHROMA_STEPS[picture.format.chroma] if isinstance(picture, YuvImage) else (1, 1)


def tile_in(tile: Tile, picture: Picture, layer: int) -> Tile:
    """A tile of a picture, which begins and ends where samples of chroma do, in one of its layers."""
    across, down = steps_of(picture) if layer != LUMA else (1, 1)
    rows, columns = tile
    return slice(rows.start // down, rows.stop // down), slice(columns.start // across, columns.stop // across)


def levels_in(levels: Levels, picture: Picture, layer: int) -> Levels:
    """The alpha that a layer is blended with: for chroma the mean of the pixels that share a sample."""
    if layer == LUMA or not isinstance(picture, YuvImage):
        return levels
    return shrink_chroma(levels, picture.format.chroma)


def bgr_at(picture: Picture, layer: int, pixels: Pixels) -> Floats:
    """The colours at n positions of a layer: (n, 3) float32 of blue, green and red, 0..255 or beyond."""
    if not isinstance(picture, YuvImage):
        return gathered(picture, pixels).astype(np.float32)
    planes = picture.planes
    if layer == LUMA:
        across, down = CHROMA_STEPS[picture.format.chroma]
        rows, columns = np.divmod(pixels, picture.size[0])
        shared = rows // down * picture.u.shape[1] + columns // across
        samples = [gathered(plane, where) for plane, where in zip(planes, (pixels, shared, shared), strict=True)]
    else:
        luma = shrink_chroma(picture.y, picture.format.chroma)
        samples = [gathered(plane, pixels) for plane in (luma, picture.u, picture.v)]
    return _converted(np.column_stack(samples).astype(np.float32), partial(unbounded_bgr, space=picture.space))


def in_layer(colours: Floats, layer: int, wanted: YuvFormat | None) -> Samples:
    """Store colours: (n, 3) of blue, green and red of 0..255."""
    if wanted is None:
        return [_rounded(colours, 8)]
    samples = _converted(colours, partial(codes_of_screen, space=wanted.space))
    return [_rounded(samples[:, channel], wanted.space.depth) for channel in ((0,), (1, 2))[layer]]


def gathered(plane: Plane, pixels: Pixels) -> npt.NDArray[Any]:
    """The samples of a plane at n positions: (n,), or (n, C)."""
    if plane.flags.c_contiguous:
        return np.take(plane.reshape(-1, *plane.shape[2:]), pixels, axis=0)
    height, width = plane.shape[:2]
    if plane.ndim == 3 or plane.strides[1] != plane.itemsize or plane.strides[0] < 0:
        rows, columns = np.divmod(pixels, width)
        return plane[rows, columns]
    # Rows that are padded, as a decoder's: five times faster than by rows and columns.
    row = plane.strides[0] // plane.itemsize
    padded = np.lib.stride_tricks.as_strided(plane, ((height - 1) * row + width,), (plane.itemsize,))
    return np.take(padded, pixels + pixels // width * (row - width))


def _converted(samples: Floats, convert: Callable[[Floats], Floats]) -> Floats:
    return convert(samples[np.newaxis])[0] if samples.size else samples


def _rounded(samples: Floats, depth: int) -> npt.NDArray[Any]:
    whole = np.clip(np.rint(samples), 0, (1 << depth) - 1)
    return whole.astype(np.uint8 if depth == 8 else np.uint16)
