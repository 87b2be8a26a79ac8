"""What `training.train` asks of a network."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Answer:
    """For clips of T frames: alpha (B, T, 1, H, W), foreground (B, T, 3, H, W) in [0, 1]; segmentation: logits
    (B, T, 1, h, w)."""

    alpha: Tensor
    foreground: Tensor
    segmentation: Tensor


class Trainable(nn.Module):
    shrinks: ClassVar[bool] = False
    """Whether it has a downsample ratio, and a refiner that learns where this is below one."""

    @abstractmethod
    def unroll(self, src: Tensor, plate: Tensor, downsample_ratio: float) -> Answer:
        """A clip from its first frame, each frame with the states of the one before.

        src, plate: (B, T, 3, H, W) RGB in [0, 1]. downsample_ratio: 1 for networks that have none.
        """
