"""Which output of a network is the person's mask, and how its channels are laid out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log2, prod

from model_api.arrays import spelled
from model_api.errors import OptionError
from model_api.layouts import LAYOUTS, image_size, layout_of
from model_api.terminal.foreign_text import one_line
from model_api.types import Binding, Signature, Size, TensorSpec

ALPHA_NAMES = frozenset({"alpha", "pha", "matte"})
MOST_CLASSES = 256
WHOLE_NUMBERS = frozenset({"i64", "i32", "u32", "u64", "i16", "u16"})
"""Types of outputs that number the class of each pixel."""
ASPECT_TOLERANCE = 0.1
"""Small masks are rounded to whole pixels: 33×33 of 257×257."""
COLOURS = 3
ANY_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class MaskOutput:
    """An output that may be the mask.

    Attributes:
        name: its name.
        shape: its dimensions, None for one that may vary.
        dtype: OpenVINO's name of the element type.
        layout: "NCHW" or "NHWC"; "" without an axis of channels.
        channels: how many there are. 1 without an axis of channels.
        size: (width, height), None where they may vary.
        flat: whether all pixels are in one row.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    layout: str
    channels: int
    size: Size | None
    flat: bool = False

    @property
    def numbers_classes(self) -> bool:
        """Whether each pixel holds the number of its class."""
        return self.channels == 1 and self.dtype in WHOLE_NUMBERS

    def __str__(self) -> str:
        return f"{one_line(self.name)} {spelled(self.shape)}"


def find_mask(outputs: Sequence[TensorSpec], image: TensorSpec, asked: str | None = None) -> MaskOutput | None:
    """Choose the mask among a network's outputs.

    Alpha, pha and matte by their names before others, one channel before two before many, fine before coarse, the first
    before later ones.

    Args:
        outputs: all of them.
        image: the input that takes the image. Masks have its aspect ratio.
        asked: the name of the one that the user wants.

    Returns:
        The mask, None where no output may be one.

    Raises:
        OptionError: no output has the name that is asked for, or it cannot be a mask.
    """
    if asked is not None:
        return _asked(outputs, image, asked)
    masks = [mask for mask in _masks(outputs, image) if _is_likely(mask, image)]
    return None if _detects(outputs, image) else min(masks, key=_rank, default=None)


def mask_of(signature: Signature, binding: Binding) -> MaskOutput:
    """The output that a binding takes for the mask.

    Args:
        signature: the network's inputs and outputs.
        binding: their roles.

    Raises:
        OptionError: it cannot be a mask.
    """
    return _asked(signature.outputs, signature.input(binding.images[0]), binding.answers["alpha"])


def _asked(outputs: Sequence[TensorSpec], image: TensorSpec, asked: str) -> MaskOutput:
    known = ", ".join(min(spec.names) for spec in outputs)
    spec = next((spec for spec in outputs if asked in spec.names), None)
    if spec is None:
        raise OptionError(f'"{asked}": the network has no such output. It has {known}', "output_name")
    mask = _mask(spec, image)
    if mask is None:
        raise OptionError(f"{spec} is not a mask of the image's aspect ratio. The outputs are {known}", "output_name")
    return mask


def _masks(outputs: Iterable[TensorSpec], image: TensorSpec) -> list[MaskOutput]:
    return [mask for spec in outputs if (mask := _mask(spec, image))]


def _detects(outputs: Iterable[TensorSpec], image: TensorSpec) -> bool:
    """Whether there are lists beside masks and features: of boxes, labels and scores."""
    return any(len(spec.shape) != 4 and not _mask(spec, image) for spec in outputs)


def _mask(spec: TensorSpec, image: TensorSpec) -> MaskOutput | None:
    shape, name = spec.shape, min(spec.names)
    if len(shape) == 4 and shape[0] in (1, None):
        return _with_channels(spec, name, image)
    if len(shape) in (2, 3) and (len(shape) == 2 or shape[0] in (1, None)):
        if (shape[-1] is None) != (shape[-2] is None):
            return None
        size, wh = _size(shape[-1], shape[-2]), image_size(image)
        if len(shape) == 2 and wh and shape[0] in (1, None) and shape[1] == prod(wh):
            return MaskOutput(name, shape, spec.dtype, "", 1, wh, flat=True)
        return MaskOutput(name, shape, spec.dtype, "", 1, size) if _fits(size, wh) else None
    return None


def _with_channels(spec: TensorSpec, name: str, image: TensorSpec) -> MaskOutput | None:
    """The layout of the image comes first, where both are possible."""
    own = layout_of(image.shape)
    for layout in sorted(LAYOUTS, key=lambda layout: layout != own):
        channels, (width, height) = spec.shape[layout.index("C")], (spec.shape[layout.index(axis)] for axis in "WH")
        size = _size(width, height)
        if channels is None or channels > MOST_CLASSES or not _fits(size, image_size(image)):
            continue
        if size is None or channels == 1 or channels < min(size):
            return MaskOutput(name, spec.shape, spec.dtype, layout, channels, size)
    return None


def _size(width: int | None, height: int | None) -> Size | None:
    return None if width is None or height is None else (width, height)


def _fits(size: Size | None, image_wh: Size | None) -> bool:
    """Whether a mask of this size has the image's aspect ratio, as far as both are known."""
    if size is None:
        return True
    if min(size) < 2:
        return False
    if image_wh is None:
        return True
    ratio = size[0] * image_wh[1] / (size[1] * image_wh[0])
    return abs(log2(ratio)) < ASPECT_TOLERANCE


def _is_likely(mask: MaskOutput, image: TensorSpec) -> bool:
    """Three channels of the image's own size are an image, unless the user says otherwise."""
    return mask.channels != COLOURS or (mask.size is not None and mask.size != image_size(image))


def _rank(mask: MaskOutput) -> tuple[bool, int, float]:
    words = set(ANY_NAME.split(mask.name.lower()))
    area = float("inf") if mask.size is None else prod(mask.size)
    return not words & ALPHA_NAMES, mask.channels, -area
