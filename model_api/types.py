"""The values that travel between the parts: frames, tensors and what a network looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from model_api.arrays import require_image

Image = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, BGR."""

Alpha = npt.NDArray[np.float32]
"""(H, W) float32 in [0, 1]: 1 where the person is."""

Levels = npt.NDArray[np.uint8]
"""(H, W) uint8: alpha in 255ths."""

Floats = npt.NDArray[np.float32]
"""(H, W) or (H, W, C) float32."""

Tensors = Mapping[str, npt.NDArray[Any]]
"""Arrays by the name of a network's input or output."""

Part = tuple[slice, slice]
"""Rows and columns of a picture."""

Size = tuple[int, int]
"""(width, height) in pixels."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source, with all that belongs to it.

    image: (H, W, 3) uint8 BGR. index: position in the run, from 0. timestamp_s: seconds since the run's first frame.
    clip: counts uninterrupted stretches; a recurrent model starts afresh when it changes.
    clean_plate: (H, W, 3) uint8 BGR, the same scene without the person, for models that ask for it.
    decoding_s: how long the source took to produce the image.
    Raises ShapeError for an image or plate that is none.
    """

    index: int
    image: Image
    timestamp_s: Fraction = Fraction(0)
    clip: int = 0
    clean_plate: Image | None = None
    decoding_s: float = 0.0

    def __post_init__(self) -> None:
        require_image("image", self.image)
        if self.clean_plate is not None:
            require_image("clean_plate", self.clean_plate)

    @property
    def size(self) -> Size:
        height, width = self.image.shape[:2]
        return width, height


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a network. A dimension that may vary is None."""

    names: frozenset[str]
    shape: tuple[int | None, ...]
    dtype: str = "f32"
    layout: str = ""

    def __str__(self) -> str:
        dimensions = "×".join("?" if n is None else str(n) for n in self.shape)
        return f"{'/'.join(sorted(self.names))} {dimensions}"


@dataclass(frozen=True)
class Signature:
    """What a network takes and gives. states: input name -> the output that feeds it in the next frame,
    known beforehand only for networks that were stored with their state inside."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def input_names(self) -> frozenset[str]:
        return frozenset().union(*(spec.names for spec in self.inputs))

    @property
    def output_names(self) -> frozenset[str]:
        return frozenset().union(*(spec.names for spec in self.outputs))

    def input(self, name: str) -> TensorSpec:
        """Raises KeyError if no input has this name."""
        return _named(self.inputs, name)

    def output(self, name: str) -> TensorSpec:
        """Raises KeyError if no output has this name."""
        return _named(self.outputs, name)

    def __str__(self) -> str:
        return f"inputs [{', '.join(map(str, self.inputs))}], outputs [{', '.join(map(str, self.outputs))}]"


def _named(specs: tuple[TensorSpec, ...], name: str) -> TensorSpec:
    for spec in specs:
        if name in spec.names:
            return spec
    raise KeyError(name)
