"""The values that travel between the parts: frames, tensors, and what a network looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy.typing as npt

from model_api.arrays import Alpha as Alpha
from model_api.arrays import Floats as Floats
from model_api.arrays import Image as Image
from model_api.arrays import Levels as Levels
from model_api.arrays import Size as Size
from model_api.arrays import Tile as Tile
from model_api.arrays import spelled
from model_api.pictures.picture import Picture, bgr_of, require_picture, size_of

Tensors = Mapping[str, npt.NDArray[Any]]
"""Arrays by the name of a network's input or output."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a source, with all that belongs to it.

    Attributes:
        index: position in the run, from 0.
        picture: (H, W, 3) uint8 BGR, or planes of luma and chroma.
        timestamp_s: seconds since the run's first frame.
        clip: counts uninterrupted stretches. A recurrent model starts afresh when it changes.
        clean_plate: a picture of the same scene without the person, for models that compare with it.
        decoding_s: seconds that the source took to produce the picture.
        opacity: (H, W) uint8, the alpha that the source itself has. None: opaque.
        arrived_s: `time.perf_counter()` when it came from a live source, 0 where this is not measured.

    Raises:
        ShapeError: `picture` or `clean_plate` is not a picture.
    """

    index: int
    picture: Picture
    timestamp_s: Fraction = Fraction(0)
    clip: int = 0
    clean_plate: Picture | None = None
    decoding_s: float = 0.0
    opacity: Levels | None = None
    arrived_s: float = 0.0

    def __post_init__(self) -> None:
        require_picture("picture", self.picture)
        if self.clean_plate is not None:
            require_picture("clean_plate", self.clean_plate)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 BGR. Planes are converted once."""
        return bgr_of(self.picture)

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        return size_of(self.picture)


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a network.

    Attributes:
        names: all names that it goes by.
        shape: its dimensions, None for one that may vary.
        dtype: OpenVINO's name of the element type.
        layout: such as "NCHW", "" where the file does not say.
    """

    names: frozenset[str]
    shape: tuple[int | None, ...]
    dtype: str = "f32"
    layout: str = ""

    def __str__(self) -> str:
        return f"{'/'.join(sorted(self.names))} {spelled(self.shape)}"


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a network.

    Attributes:
        inputs: every input.
        outputs: every output.
        states: input name -> the output that feeds it in the next frame. Known here only for networks that were
            stored with their state inside.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def input_names(self) -> frozenset[str]:
        """All names of all inputs."""
        return frozenset().union(*(spec.names for spec in self.inputs))

    @property
    def output_names(self) -> frozenset[str]:
        """All names of all outputs."""
        return frozenset().union(*(spec.names for spec in self.outputs))

    def input(self, name: str) -> TensorSpec:
        """The input of this name.

        Raises:
            KeyError: no input has it.
        """
        return _named(self.inputs, name)

    def output(self, name: str) -> TensorSpec:
        """The output of this name.

        Raises:
            KeyError: no output has it.
        """
        return _named(self.outputs, name)

    def __str__(self) -> str:
        return f"inputs [{', '.join(map(str, self.inputs))}], outputs [{', '.join(map(str, self.outputs))}]"


@dataclass(frozen=True)
class Binding:
    """The roles that a contract gives to a network's inputs and outputs.

    Attributes:
        images: inputs that take images. They are fed with 1×H×W×3 uint8 BGR, whatever the network itself takes.
        answers: role -> output that the contract reads: "alpha" of a matting network, "boxes" and more of one that
            detects objects.
        foreground: the output that holds the person's colours. It comes out as 1×H×W×3 uint8 BGR. None without one.
        states: input -> the output that feeds it in the next frame.
        shape_inputs: inputs whose values decide the shapes. They become constants of the compiled network.
    """

    images: tuple[str, ...]
    answers: Mapping[str, str]
    foreground: str | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    shape_inputs: frozenset[str] = frozenset()


def _named(specs: tuple[TensorSpec, ...], name: str) -> TensorSpec:
    for spec in specs:
        if name in spec.names:
            return spec
    raise KeyError(name)
