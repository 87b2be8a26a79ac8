"""Pictures in another form: other bits, range, matrix or transfer, and chroma of another size."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from model_api.arrays import Floats, Image, Size
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.screen import codes_of_screen, screen_bgr
from model_api.pictures.yuv_image import Plane, YuvImage

Chroma = tuple[int, int]
"""How many pixels a sample of chroma is wide and high: (2, 2) in 4:2:0, (2, 1) in 4:2:2, (1, 1) in 4:4:4."""


def converted(picture: Image | YuvImage, space: ColourSpace, chroma: Chroma) -> YuvImage:
    """Bring a picture into a form.

    Args:
        picture: (H, W, 3) uint8 BGR, or planes. Its own planes come back where nothing has to change.
        space: what the new numbers stand for.
        chroma: the size of a sample of chroma.
    """
    if not isinstance(picture, YuvImage):
        return _of_codes(codes_of_screen(picture, space), space, chroma)
    own = picture.space
    if (own.matrix, own.transfer, own.primaries) != (space.matrix, space.transfer, space.primaries):
        return _of_codes(codes_of_screen(screen_image(picture), space), space, chroma)
    size = chroma_size(picture.size, chroma)
    u, v = (_of_size(plane, size) for plane in (picture.u, picture.v))
    if own == space:
        return picture if u is picture.u else replace(picture, u=u, v=v)
    (luma, colour), (own_luma, own_colour) = space.spans, own.spans
    y = _scaled(picture.y, luma / own_luma, own.black, space.black, space.depth)
    u, v = (_scaled(plane, colour / own_colour, own.neutral, space.neutral, space.depth) for plane in (u, v))
    return YuvImage(y, u, v, space)


def screen_image(picture: YuvImage) -> Image:
    """(H, W, 3) uint8 BGR, as an SDR screen shows it: tone-mapped where it is HDR."""
    planes = [_of_size(plane, picture.size) for plane in (picture.y, picture.u, picture.v)]
    return screen_bgr(cv2.merge(planes).astype(np.float32), picture.space)


def chroma_size(size: Size, chroma: Chroma) -> Size:
    """(width, height) of the planes of chroma of a picture of this (width, height): rounded up."""
    return -(-size[0] // chroma[0]), -(-size[1] // chroma[1])


def _of_codes(codes: Floats, space: ColourSpace, chroma: Chroma) -> YuvImage:
    y, u, v = cv2.split(codes)
    size = chroma_size((codes.shape[1], codes.shape[0]), chroma)
    small_u, small_v = (_rounded(_of_size(plane, size), space.depth) for plane in (u, v))
    return YuvImage(_rounded(y, space.depth), small_u, small_v, space)


def _scaled(plane: Plane, gain: float, zero: int, new_zero: int, depth: int) -> Plane:
    """Codes around `zero` as codes around `new_zero`."""
    levels = np.arange(np.iinfo(plane.dtype).max + 1, dtype=np.float64)
    table = _rounded(((levels - zero) * gain + new_zero).astype(np.float32), depth)
    return np.take(table, plane)


def _rounded(plane: Floats, depth: int) -> Plane:
    codes = np.clip(np.rint(plane), 0, (1 << depth) - 1)
    return codes.astype(np.uint8 if depth == 8 else np.uint16)


def _of_size(plane: Plane, size: Size) -> Plane:
    """Smaller by the mean, as what a sample covers; larger by lines."""
    if plane.shape == size[::-1]:
        return plane
    width, height = size
    smaller = width <= plane.shape[1] and height <= plane.shape[0]
    if not smaller:
        return cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    odd_x, odd_y = -plane.shape[1] % -(-plane.shape[1] // width), -plane.shape[0] % -(-plane.shape[0] // height)
    if odd_x or odd_y:  # the last sample covers the edge once more
        plane = cv2.copyMakeBorder(plane, 0, odd_y, 0, odd_x, cv2.BORDER_REPLICATE)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
