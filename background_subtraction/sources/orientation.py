"""Videos that are stored turned or mirrored, as phones store them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import cv2
import numpy.typing as npt
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideData

AnyArray = TypeVar("AnyArray", bound=npt.NDArray[Any])


@dataclass(frozen=True)
class Orientation:
    """How a stored picture becomes the one to show: transposed first, then mirrored.

    Attributes:
        transposed: whether columns become rows.
        flipped_x: whether it is mirrored left to right.
        flipped_y: whether it is mirrored upside down.
    """

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    def apply(self, plane: AnyArray) -> AnyArray:
        """Turn an image or a plane upright; the same array if it is."""
        turned: Any = cv2.transpose(plane) if self.transposed else plane
        if self.flipped_x or self.flipped_y:
            both = self.flipped_x and self.flipped_y
            turned = cv2.flip(turned, -1 if both else int(self.flipped_x))
        upright: AnyArray = turned
        return upright

    def aspect(self, pixel_aspect: Fraction) -> Fraction:
        """The width of a pixel by its height once it is upright."""
        return 1 / pixel_aspect if self.transposed else pixel_aspect


UPRIGHT = Orientation()


def orientation_of(frame: Any) -> Orientation:
    """Read a frame's display matrix: the nearest of the eight orientations.

    FFmpeg's libavutil/display.h: a point (x, y) is shown at (a·x + c·y, b·x + d·y), and the matrix is stored as
    a, b, u, c, d, v, x, y, w.
    """
    matrix = side_data(frame, SideData.DISPLAYMATRIX)
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transposed=True, flipped_x=c < 0, flipped_y=b < 0)
    return Orientation(flipped_x=a < 0, flipped_y=d < 0)


def side_data(frame: Any, kind: SideData) -> Any:
    """What a frame has beside its pixels, as a buffer. None: nothing of this kind.

    Not `frame.side_data`: the frame would hold that container and the container the frame, so that decoded pictures
    would stay in memory until Python looks for such circles.

    Args:
        frame: an av.VideoFrame.
        kind: what is looked for.
    """
    container: Any = SideDataContainer  # its stub leaves the frame out
    return container(frame).get(kind)
