"""What a network's graph tells about it, as plain values. `graph.structure` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from model_api.preprocessing import MINUS_ONE_TO_ONE, ZERO_TO_255, ZERO_TO_ONE, Preprocessing

Kernel = tuple[int, ...]
"""The shape of a convolution's weights: outputs, inputs, height, width."""

Numbers = tuple[float, float, float]

BYTES_SCALE = 16.0
"""A network that divides by at least this much takes pixels of 0..255, one that divides by less takes 0..1."""
MEAN_OF_BYTES = 8.0
"""A network that subtracts at least this much takes pixels of 0..255."""

SIGNED_MEAN = -0.5
"""A network that subtracts this or less moves pixels of -1..1 up."""


@dataclass(frozen=True)
class Normalization:
    """The arithmetic that an image meets first in a network: (image - mean) / scale.

    Attributes:
        mean: a number per channel.
        scale: the same.
    """

    mean: Numbers
    scale: Numbers

    @property
    def takes(self) -> Preprocessing:
        """What it is made for: pixels of 0..255, of 0..1, or of -1..1, which it brings to 0..1 itself.

        The means tell the order: in photographs red is the strongest on average. RGB where they are equal.
        """
        takes_bytes = min(map(abs, self.scale)) >= BYTES_SCALE or max(map(abs, self.mean)) >= MEAN_OF_BYTES
        numbers = ZERO_TO_255 if takes_bytes else MINUS_ONE_TO_ONE if max(self.mean) <= SIGNED_MEAN else ZERO_TO_ONE
        channels = "BGR" if self.mean[0] < self.mean[2] else "RGB"
        return replace(numbers, channels=channels, source="a normalization inside the network")


@dataclass(frozen=True)
class Structure:
    """What a graph tells.

    Attributes:
        kernels: the shapes of the weights of all convolutions that are neither grouped nor transposed, and how many
            have each.
        normalization: what the image meets before the first convolution. None: nothing.
        probabilities: the outputs that end in a sigmoid, a softmax or a clamp to 0..1.
        quantized: output of 8 bits -> factor and offset that give the numbers that its levels stand for.
        classes: how many channels the last convolution has, 0 without one.
    """

    kernels: Mapping[Kernel, int] = field(default_factory=dict)
    normalization: Normalization | None = None
    probabilities: frozenset[str] = frozenset()
    quantized: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    classes: int = 0

    def has(self, kernels: Sequence[Kernel]) -> bool:
        """Whether all of these kernels are among the network's."""
        return all(kernel in self.kernels for kernel in kernels)


NOTHING = Structure()
"""Where there is no graph to look at, as of a network on a server."""
