"""A frame of a video as its decoder gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.arrays import Image, Levels, Size
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.screen import codes_of_screen, screen_bgr
from model_api.ranges import require_choice

Plane = npt.NDArray[Any]
"""(H, W) uint8, or uint16 where a sample has more than 8 bits."""

CHROMA_STEPS = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "440": (1, 2), "411": (4, 1)}
"""Subsampling -> how many pixels across and down share a sample of chroma."""


@dataclass(frozen=True)
class YuvFormat:
    """How a picture is stored in planes.

    Attributes:
        space: what the numbers mean.
        chroma: a name in CHROMA_STEPS.

    Raises:
        OptionError: a value that a parameter does not take.
    """

    space: ColourSpace
    chroma: str = "420"

    def __post_init__(self) -> None:
        require_choice(CHROMA_STEPS, chroma=self.chroma)

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """Of the samples."""
        return np.uint8 if self.space.depth == 8 else np.uint16

    def chroma_wh(self, size: Size) -> Size:
        """(width, height) of the planes of chroma of a picture of this size."""
        return chroma_wh(size, CHROMA_STEPS[self.chroma])


@dataclass(frozen=True, eq=False)
class YuvImage:
    """Planes of luma and chroma.

    Attributes:
        y: (H, W) uint8 or uint16, luma.
        u: (h, w), chroma Cb, its sides those of `y` divided by a pair in CHROMA_STEPS and rounded up.
        v: (h, w), chroma Cr.
        space: what the numbers mean.
        alpha: (H, W) uint8, straight alpha in 255ths. None: opaque.
    """

    y: Plane
    u: Plane
    v: Plane
    space: ColourSpace
    alpha: Levels | None = None

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Luma and both planes of chroma."""
        return self.y, self.u, self.v

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        return self.y.shape[1], self.y.shape[0]

    @cached_property
    def format(self) -> YuvFormat:
        """How it is stored."""
        return YuvFormat(self.space, subsampling(self.size, (self.u.shape[1], self.u.shape[0])) or "")

    @cached_property
    def bgr(self) -> Image:
        """(H, W, 3) uint8 BGR."""
        return self.bgr_through(lambda plane: enlarge_chroma(plane, self.size))

    def bgr_through(self, change: Callable[[Plane], Plane]) -> Image:
        """Shrink first, and convert then.

        Args:
            change: makes of each plane one of a common size.

        Returns:
            (h, w, 3) uint8 BGR of that size.
        """
        return to_bgr(cv2.merge([change(plane) for plane in self.planes]), self.space)

    def with_planes(self, change: Callable[[Plane, Size], Plane], size: Size) -> YuvImage:
        """A picture of another size in the same format.

        Args:
            change: makes of a plane one of another (width, height).
            size: (width, height) of the picture in pixels.
        """
        chroma = self.format.chroma_wh(size)
        u, v = (change(plane, chroma) for plane in (self.u, self.v))
        alpha = None if self.alpha is None else change(self.alpha, size)
        return YuvImage(change(self.y, size), u, v, self.space, alpha)

    def in_format(self, wanted: YuvFormat) -> YuvImage:
        """The same picture in another format. It takes the way over BGR only where the matrices differ."""
        if wanted == self.format:
            return self
        if not wanted.space.converts_exactly(self.space):
            return yuv_of(self.bgr, wanted, self.alpha)
        y, u, v = (_requantized(plane, self.space, wanted.space, channel) for channel, plane in enumerate(self.planes))
        if wanted.chroma != self.format.chroma:
            u, v = (shrink_chroma(enlarge_chroma(plane, self.size), wanted.chroma) for plane in (u, v))
        return YuvImage(y, u, v, wanted.space, self.alpha)


def yuv_of(image: Image, wanted: YuvFormat, alpha: Levels | None = None) -> YuvImage:
    """Convert an image.

    Args:
        image: (H, W, 3) uint8 BGR.
        wanted: how it is to be stored.
        alpha: (H, W) uint8, straight alpha in 255ths. None: opaque.
    """
    if wanted.space.depth == 8 and wanted.space.plain:
        planes = cv2.split(cv2.transform(image, wanted.space.from_bgr))
    else:
        samples = codes_of_screen(image, wanted.space)
        planes = cv2.split(np.clip(np.rint(samples), 0, (1 << wanted.space.depth) - 1).astype(wanted.dtype))
    y, u, v = planes
    return YuvImage(y, shrink_chroma(u, wanted.chroma), shrink_chroma(v, wanted.chroma), wanted.space, alpha)


def yuv_of_levels(levels: Levels, wanted: YuvFormat) -> YuvImage:
    """A grey picture: (H, W) uint8, 0 for black and 255 for white."""
    height, width = levels.shape
    u, v = (neutral_plane(wanted, (width, height)) for _ in "uv")
    slope, offset = float(wanted.space.from_bgr[0, :3].sum()), float(wanted.space.from_bgr[0, 3])
    return YuvImage(_looked_up(levels, _table(slope, offset, 8, wanted.space.depth)), u, v, wanted.space)


def levels_of_depth(levels: Levels, depth: int) -> Plane:
    """Alpha in 255ths as codes of `depth` bits, the highest for 255."""
    return levels if depth == 8 else _looked_up(levels, _table(((1 << depth) - 1) / 255, 0.0, 8, depth))


@lru_cache(maxsize=4)
def neutral_plane(wanted: YuvFormat, size: Size) -> Plane:
    """The chroma of grey pictures of this size, made once and shared: do not write to it."""
    plane = np.full(wanted.chroma_wh(size)[::-1], 1 << (wanted.space.depth - 1), wanted.dtype)
    plane.flags.writeable = False
    return plane


def to_bgr(samples: Plane, space: ColourSpace) -> Image:
    """Convert (H, W, 3) of Y, Cb and Cr to (H, W, 3) uint8 BGR."""
    if not space.plain:
        return screen_bgr(samples.astype(np.float32), space)
    if space.depth == 8:
        return cv2.transform(samples, space.to_bgr)
    return cv2.convertScaleAbs(np.maximum(cv2.transform(samples.astype(np.float32), space.to_bgr), 0))


def chroma_wh(size: Size, steps: tuple[int, int]) -> Size:
    """(width, height) of the chroma of a picture of this size, rounded up."""
    return -(-size[0] // steps[0]), -(-size[1] // steps[1])


def subsampling(size: Size, chroma_size: Size) -> str | None:
    """The name in CHROMA_STEPS by the (width, height) of luma and chroma, None if there is none."""
    return next((name for name, steps in CHROMA_STEPS.items() if chroma_wh(size, steps) == chroma_size), None)


def shrink_chroma(plane: Plane, chroma: str) -> Plane:
    """The mean of all pixels that share a sample of chroma. At an odd edge they are the ones that there are.

    Args:
        plane: (H, W) uint8 or uint16 of the picture's size: chroma, or the alpha that chroma is blended with.
        chroma: a name in CHROMA_STEPS.
    """
    across, down = CHROMA_STEPS[chroma]
    height, width = plane.shape
    if (across, down) == (1, 1):
        return plane
    size = chroma_wh((width, height), (across, down))
    missing_x, missing_y = size[0] * across - width, size[1] * down - height
    if missing_x or missing_y:
        plane = cv2.copyMakeBorder(plane, 0, missing_y, 0, missing_x, cv2.BORDER_REPLICATE)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def enlarge_chroma(plane: Plane, size: Size) -> Plane:
    """A plane of chroma at the (width, height) of its picture: each sample is repeated.

    So `shrink_chroma` gives the very same plane again, however often a picture goes there and back.
    """
    name = subsampling(size, (plane.shape[1], plane.shape[0]))
    across, down = CHROMA_STEPS[name or "444"]
    if (across, down) == (1, 1):
        return plane
    return repeated(plane, (across, down))[: size[1], : size[0]]


def repeated(plane: Plane, steps: tuple[int, int]) -> Plane:
    """(h, w) with each sample repeated (across, down) times. OpenCV's nearest neighbour takes far longer."""
    across, down = steps
    wide: Plane = cv2.merge([plane] * across).reshape(plane.shape[0], -1)
    return np.repeat(wide, down, axis=0)


def _requantized(plane: Plane, space: ColourSpace, wanted: ColourSpace, channel: int) -> Plane:
    """Codes of another range or depth. channel: 0 for luma, 1 and 2 for chroma."""
    if (space.full_range, space.depth) == (wanted.full_range, wanted.depth):
        return plane
    slope = float(space.to_bgr[2, 2 if channel else 0] / wanted.to_bgr[2, 2 if channel else 0])
    zero, wanted_zero = float(space.from_bgr[channel, 3]), float(wanted.from_bgr[channel, 3])
    return _looked_up(plane, _table(slope, wanted_zero - slope * zero, space.depth, wanted.depth))


@lru_cache(maxsize=16)
def _table(slope: float, offset: float, depth: int, wanted_depth: int) -> Plane:
    codes = np.rint(np.arange(1 << depth) * slope + offset)
    return np.clip(codes, 0, (1 << wanted_depth) - 1).astype(np.uint8 if wanted_depth == 8 else np.uint16)


def _looked_up(plane: Plane, table: Plane) -> Plane:
    return cv2.LUT(plane, table) if plane.dtype == np.uint8 else np.take(table, plane)
