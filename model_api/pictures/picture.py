"""Pictures in either form: BGR images, and planes of luma and chroma."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from model_api.arrays import Image, Size, require_image
from model_api.pictures.yuv_image import Plane, YuvFormat, YuvImage, yuv_of

Picture = Image | YuvImage
"""(H, W, 3) uint8 BGR, or planes."""

AnyPicture = TypeVar("AnyPicture", bound=Picture)
"""One of both."""


def require_picture(name: str, picture: object) -> None:
    """Check that `picture` is planes, or (H, W, 3) uint8 with at least one pixel. Raises ShapeError."""
    if not isinstance(picture, YuvImage):
        require_image(name, picture)


def size_of(picture: Picture) -> Size:
    """(width, height) in pixels."""
    return picture.size if isinstance(picture, YuvImage) else (picture.shape[1], picture.shape[0])


def format_of(picture: Picture) -> YuvFormat | None:
    """How planes are stored; None for BGR."""
    return picture.format if isinstance(picture, YuvImage) else None


def bgr_of(picture: Picture) -> Image:
    """(H, W, 3) uint8 BGR: the image itself, or the planes converted once."""
    return picture.bgr if isinstance(picture, YuvImage) else picture


def in_format(picture: Picture, wanted: YuvFormat | None) -> Picture:
    """The picture as planes in a format, or as BGR for None. It is itself where it is so already."""
    if wanted is None:
        return bgr_of(picture)
    return picture.in_format(wanted) if isinstance(picture, YuvImage) else yuv_of(picture, wanted)


def bgr_through(picture: Picture, change: Callable[[Plane], Plane]) -> Image:
    """Shrink first, and convert then.

    Args:
        picture: the picture.
        change: makes of an array one of another size, the same for each plane.

    Returns:
        (h, w, 3) uint8 BGR of that size.
    """
    return picture.bgr_through(change) if isinstance(picture, YuvImage) else change(picture)


def with_planes(picture: Picture, change: Callable[[Plane, Size], Plane], size: Size) -> Picture:
    """A picture of another size in the same format.

    Args:
        picture: the picture.
        change: makes of an array one of another (width, height).
        size: (width, height) of the result in pixels.
    """
    return picture.with_planes(change, size) if isinstance(picture, YuvImage) else change(picture, size)


def samples_at(picture: Picture, size: Size, interpolation: int) -> Plane:
    """The picture at a small size, not converted: (h, w, 3) of B, G, R or of Y, Cb, Cr, in codes."""
    if not isinstance(picture, YuvImage):
        return cv2.resize(picture, size, interpolation=interpolation)
    return cv2.merge([cv2.resize(plane, size, interpolation=interpolation) for plane in picture.planes])


def with_samples(picture: Picture, samples: Plane) -> Picture:
    """`samples`, as `samples_at` gives them, enlarged to the size and stored in the format of `picture`."""
    if not isinstance(picture, YuvImage):
        return _enlarged(samples, size_of(picture))
    chroma = picture.format.chroma_wh(picture.size)
    y, u, v = (
        _enlarged(channel, size)
        for channel, size in zip(cv2.split(samples), (picture.size, chroma, chroma), strict=True)
    )
    return YuvImage(y, u, v, picture.space)


def plain_picture(colour: tuple[int, int, int], size: Size, wanted: YuvFormat | None) -> Picture:
    """A picture of one colour.

    Args:
        colour: blue, green, red, 0..255.
        size: (width, height) in pixels.
        wanted: the format, None for BGR.
    """
    pixel = np.array([[colour]], np.uint8)
    if wanted is None:
        return np.repeat(np.repeat(pixel, size[0], 1), size[1], 0)
    samples = (plane.item() for plane in yuv_of(pixel, YuvFormat(wanted.space, "444")).planes)
    chroma = wanted.chroma_wh(size)
    y, u, v = (
        np.full(wh[::-1], sample, wanted.dtype) for sample, wh in zip(samples, (size, chroma, chroma), strict=True)
    )
    return YuvImage(y, u, v, wanted.space)


def _enlarged(samples: Plane, size: Size) -> Plane:
    if size == (samples.shape[1], samples.shape[0]):
        return samples
    return cv2.resize(samples, size, interpolation=cv2.INTER_LINEAR)
