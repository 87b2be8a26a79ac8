"""What `model_tools train` asks of a network."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Answer:
    """For clips of T frames: alpha (B, T, 1, H, W), foreground (B, T, 3, H, W) in [0, 1], None of networks that answer
    an alpha alone; segmentation: logits (B, T, 1, h, w), where people are; coarse: alpha before it was refined."""

    alpha: Tensor
    foreground: Tensor | None
    segmentation: Tensor
    coarse: Tensor | None = None


class Trainable(nn.Module):
    refines: ClassVar[bool] = False
    """Whether it has a downsample ratio, and is trained through a refiner where this is below one."""

    answers_foreground: ClassVar[bool] = True

    @property
    def takes_plate(self) -> bool:
        """Whether it compares frames with the empty scene."""
        return False

    @abstractmethod
    def unroll(self, src: Tensor, plate: Tensor, downsample_ratio: float) -> Answer:
        """A clip from its first frame, each frame with the states of the one before.

        src, plate: (B, T, 3, H, W) RGB in [0, 1]. downsample_ratio: 1 for networks that have none.
        """
