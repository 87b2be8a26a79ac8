"""What `model_tools train` asks of a network."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Answer:
    """What a network answers for clips of T frames.

    Attributes:
        alpha: (B, T, 1, H, W) in [0, 1].
        foreground: (B, T, 3, H, W) RGB in [0, 1]. None: the network answers alpha only.
        segmentation: (B, T, 1, h, w) logits of where people are.
        coarse: (B, T, 1, h, w), alpha before it was refined.
    """

    alpha: Tensor
    foreground: Tensor | None
    segmentation: Tensor
    coarse: Tensor | None = None


class Trainable(nn.Module):
    """A network that can be trained."""

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
