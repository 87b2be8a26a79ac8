"""A frame of a video as its decoder gives it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.arrays import Image, Size
from model_api.pictures.colour_space import ColourSpace

Plane = npt.NDArray[Any]
"""(H, W) uint8, or uint16 where a sample has more than 8 bits."""


@dataclass(frozen=True, eq=False)
class YuvImage:
    """Planes of luma and chroma.

    Attributes:
        y: (H, W) uint8 or uint16, luma.
        u: (h, w), chroma Cb: of the same size (4:4:4), half as wide (4:2:2), or half as wide and high (4:2:0), rounded
            up.
        v: (h, w), chroma Cr.
        space: what the numbers mean.
    """

    y: Plane
    u: Plane
    v: Plane
    space: ColourSpace

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        return self.y.shape[1], self.y.shape[0]

    @cached_property
    def bgr(self) -> Image:
        """(H, W, 3) uint8 BGR."""
        return self.bgr_of_size(self.size)

    def bgr_of_size(self, size: Size) -> Image:
        """Shrink first, and convert then: (h, w, 3) uint8 BGR of this (width, height)."""
        planes = [cv2.resize(plane, size) if plane.shape != size[::-1] else plane for plane in (self.y, self.u, self.v)]
        image: Image = cv2.transform(cv2.merge(planes).astype(np.float32), self.space.to_bgr)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)
