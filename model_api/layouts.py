"""Where an array of four dimensions has its channels: NCHW or NHWC is decided only here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from model_api.errors import ModelContractError, OptionError
from model_api.types import Size, TensorSpec

LAYOUTS = ("NCHW", "NHWC")
COLOURS = (3,)
"""How many channels an image has."""


def layout_of(shape: Sequence[int | None], channels: Collection[int] = COLOURS) -> str:
    """Guess a layout from a shape.

    Args:
        shape: the dimensions, None for one that may vary.
        channels: how many channels there may be.

    Returns:
        "NCHW" or "NHWC", whichever has such channels, "NCHW" where both have; "" for any other shape.
    """
    if len(shape) != 4:
        return ""
    return next((layout for layout in LAYOUTS if shape[layout.index("C")] in channels), "")


def is_image(spec: TensorSpec) -> bool:
    """Whether an input has four dimensions, three channels among them."""
    return bool(layout_of(spec.shape))


def image_layout(spec: TensorSpec, layouts: Mapping[str, str]) -> str:
    """The layout of an image input: what the user says, what the file says, or a guess from its shape.

    Args:
        spec: the input.
        layouts: input name -> what the user says; the name "" stands for every image input.

    Returns:
        "NCHW" or "NHWC".

    Raises:
        OptionError: the user's layout does not fit the input.
        ModelContractError: neither says, and no dimension is 3.
    """
    asked = next((layouts[name] for name in ("", *spec.names) if name in layouts), "")
    if asked:
        if asked not in LAYOUTS or len(spec.shape) != 4:
            raise OptionError(f"{asked} does not fit input {spec}. Expected NCHW or NHWC", "layouts")
        return asked
    layout = _known_layout(spec)
    if not layout:
        raise ModelContractError(f"Input {spec} is not an image of 3 channels. Name its layout", "layouts")
    return layout


def image_size(spec: TensorSpec) -> Size | None:
    """(width, height) of an image input in pixels, None if they may vary."""
    layout = _known_layout(spec)
    if not layout:
        return None
    width, height = (spec.shape[layout.index(axis)] for axis in "WH")
    return None if width is None or height is None else (width, height)


def image_shape(size: Size, layout: str) -> tuple[int, ...]:
    """The shape of one colour image of (width, height) pixels: 1×3×H×W or 1×H×W×3."""
    width, height = size
    lengths = {"N": 1, "C": 3, "H": height, "W": width}
    return tuple(lengths[axis] for axis in layout)


def _known_layout(spec: TensorSpec) -> str:
    return spec.layout if spec.layout in LAYOUTS else layout_of(spec.shape)
