"""Mattes whose alpha is not a network's answer as it came: changed, moved with its frame, or everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model_api.arrays import require_equal_sizes
from model_api.errors import ShapeError
from model_api.mattes.matte import Composited, Matte, largest_plane, require_background
from model_api.pictures.picture import AnyPicture, Picture, bgr_of, in_format, require_picture, size_of, with_planes
from model_api.pictures.yuv_image import Plane, YuvFormat, YuvImage
from model_api.types import Alpha, Image, Levels, Size


@dataclass(frozen=True, eq=False)
class LevelsMatte(Composited):
    """A matte of alpha in 255ths, pixel by pixel. Colours at soft edges are estimated from the frame.

    Attributes:
        frame: (H, W, 3) uint8 BGR, or planes.
        mask: (H, W) uint8, alpha in 255ths.

    Raises:
        ShapeError: other arrays, or sizes that differ.
    """

    frame: Picture
    mask: Levels

    def __post_init__(self) -> None:
        require_picture("frame", self.frame)
        if not isinstance(self.mask, np.ndarray) or self.mask.ndim != 2 or self.mask.dtype != np.uint8:
            raise ShapeError("Expected (H, W) uint8", "mask")
        require_equal_sizes(frame=largest_plane(self.frame), mask=self.mask)

    @property
    def levels(self) -> Levels:
        """See `Matte`."""
        return self.mask

    @cached_property
    def alpha(self) -> Alpha:
        """See `Matte`."""
        return self.levels * np.float32(1 / 255)

    @cached_property
    def foreground(self) -> Image:
        """See `Matte`."""
        return self._estimate(None).whole


@dataclass(frozen=True, eq=False)
class WholeMatte:
    """A matte that takes nothing away: all of the frame is foreground.

    Attributes:
        frame: (H, W, 3) uint8 BGR, or planes.
    """

    frame: Picture

    @property
    def alpha(self) -> Alpha:
        """See `Matte`."""
        return np.ones(size_of(self.frame)[::-1], np.float32)

    @cached_property
    def levels(self) -> Levels:
        """See `Matte`."""
        return np.full(size_of(self.frame)[::-1], 255, np.uint8)

    @property
    def foreground(self) -> Image:
        """See `Matte`."""
        return bgr_of(self.frame)

    def over(self, background: AnyPicture) -> AnyPicture:
        """See `Matte`. The frame itself: do not write to it."""
        require_background(background, self.frame)
        wanted = background.format if isinstance(background, YuvImage) else None
        return in_format(self.frame, wanted)  # type: ignore[return-value]

    def cut_out(self, wanted: YuvFormat | None) -> Picture:
        """See `Matte`."""
        return in_format(self.frame, wanted)


def moved(matte: Matte, frame: Picture, change: Callable[[Plane, Size], Plane]) -> Matte:
    """Move a matte together with its frame.

    Args:
        matte: of the frame as it was.
        frame: the frame as it is now: what `change` made of its planes.
        change: makes of a plane, and so of alpha, one of a (width, height).
    """
    if isinstance(matte, WholeMatte):
        return WholeMatte(frame)
    return LevelsMatte(frame, change(matte.levels, size_of(frame)))


def moved_picture(picture: Picture, change: Callable[[Plane, Size], Plane]) -> Picture:
    """Move all planes of a picture, which keeps its size."""
    return with_planes(picture, change, size_of(picture))
