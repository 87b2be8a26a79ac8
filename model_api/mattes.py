"""What a model answers: how much of each pixel is the person, and in which colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from model_api.errors import ShapeError
from model_api.foreground import estimate_foreground
from model_api.types import Alpha, Image


class Matte(Protocol):
    """A person's outline in one frame."""

    @property
    def alpha(self) -> Alpha:
        """(H, W) float32 in [0, 1], at the frame's size."""

    def foreground(self, frame: Image) -> Image:
        """The person's own colours, without the old background at soft edges: (H, W, 3) uint8 BGR."""

    def over(self, frame: Image, background: Image) -> Image:
        """Blend the person over `background`.

        frame, background: (H, W, 3) uint8 BGR, equal sizes. Returns a new (H, W, 3) uint8 BGR image.
        Raises ShapeError if the sizes differ.
        """


@dataclass(frozen=True, eq=False)
class DenseMatte:
    """A matte that is stored pixel by pixel.

    alpha: (H, W) float32 in [0, 1]. colours: (H, W, 3) uint8 BGR, or None where the model answers none:
    they are estimated then.
    """

    alpha: Alpha
    colours: Image | None = None

    def foreground(self, frame: Image) -> Image:
        return estimate_foreground(frame, self.alpha) if self.colours is None else self.colours

    def over(self, frame: Image, background: Image) -> Image:
        if not frame.shape[:2] == background.shape[:2] == self.alpha.shape:
            raise ShapeError(
                f"Sizes (height, width) differ: frame {frame.shape[:2]}, background "
                f"{background.shape[:2]}, alpha {self.alpha.shape}. Resize the background to the frame."
            )
        return cv2.blendLinear(self.foreground(frame), background, self.alpha, np.float32(1) - self.alpha)
