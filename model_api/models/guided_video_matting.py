"""Robust Video Matting whose guided filter is computed with the composite, not in the network (see `refiner`)."""

from __future__ import annotations

import math

import cv2
import numpy as np

from model_api.graph.refiner_extraction import ANSWER
from model_api.mattes.guided_filter import FittedLines, KnownLines
from model_api.mattes.matte import GuidedMatte, Matte
from model_api.models.robust_video_matting import RobustVideoMatting
from model_api.resize import resize
from model_api.types import Frame, Image, Size, Tensors

ROUNDING = 1e-4
"""A side times the ratio this close below a whole number is that number, as in the network's own arithmetic."""


class GuidedVideoMatting(RobustVideoMatting):
    known_as = "Robust Video Matting without its guided filter (src, r1..r4 -> slope and offset or answer, rr1..rr4)"

    @property
    def takes_ratio(self) -> bool:
        return self.binding.whole_wh is None

    def encode(self, frame: Frame) -> Tensors:
        return {self.binding.images[0]: self._shrunk(frame.image)[np.newaxis]}

    def decode(self, outputs: Tensors, tensors: Tensors, frame: Frame) -> Matte:
        found = [outputs[name][0] for name in self.binding.answers]
        lines = FittedLines(tensors[self.binding.images[0]][0], *found) if ANSWER in outputs else KnownLines(*found)
        return GuidedMatte(frame.image, lines)

    def free_size(self, frame_wh: Size) -> Size:
        """What the network shrank frames to."""
        ratio = self._free_ratio(frame_wh)
        width, height = super().free_size(frame_wh)
        return math.floor(width * ratio + ROUNDING), math.floor(height * ratio + ROUNDING)

    def _free_ratio(self, frame_wh: Size) -> float:
        return self.ratio(super().free_size(frame_wh))

    def _shrunk(self, image: Image) -> Image:
        """As the network did it: bilinear, without averaging, from the pictures that it took."""
        height, width = image.shape[:2]
        size = self.input_size((width, height))
        if self.binding.whole_wh == (width, height):
            return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        return resize(image, size) if self.binding.whole_wh else scaled(image, self._free_ratio((width, height)), size)


def scaled(image: Image, ratio: float, size: Size) -> Image:
    """Bilinear, pixels being areas, by just this ratio: what is left over of a pixel at the right and below is left
    out, where a resize to whole pixels would draw the picture out over it."""
    height, width = image.shape[:2]
    if max(abs(width * ratio - size[0]), abs(height * ratio - size[1])) < ROUNDING:
        return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    step, first = 1 / ratio, 0.5 / ratio - 0.5
    across, down = (np.arange(side, dtype=np.float32) * np.float32(step) + np.float32(first) for side in size)
    x, y = np.meshgrid(across, down)
    return cv2.remap(image, x, y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
