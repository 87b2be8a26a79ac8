"""The layers of a network that matter for 8 bits: those that multiply, and those of a guided filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import openvino as ov

from model_api.graph.traversal import upstream
from model_api.types import Binding

HEAVY = ("Convolution", "GroupConvolution", "MatMul")
MOVES = ("Broadcast", "Split", "VariadicSplit", "Slice", "StridedSlice", "Reshape", "Transpose")
MATTE_CHANNELS = 4
"""Alpha and foreground of Robust Video Matting, before its refiner."""


@dataclass(frozen=True)
class LayerPrecisions:
    """Names of the layers that multiply: in 8 bits, and in floating point."""

    quantized: tuple[str, ...]
    kept: tuple[str, ...]


def refiner(model: ov.Model, binding: Binding) -> list[str]:
    """Names of the layers of Robust Video Matting's guided filter, which stay in floating point.

    Its gain, hundreds in flat areas, would multiply the 8-bit steps of the image. They are all layers that alpha and
    foreground need after the network's own four channels. Empty for networks without such a filter.
    """
    ends = [model.output(name).get_node() for name in (*binding.answers.values(), binding.foreground) if name]
    needed = list(upstream(ends))
    names = {_name(node) for node in needed}
    matte = [node for node in model.get_ordered_ops() if _name(node) in names and _is_matte(node)]
    if not matte:
        return []
    before = {_name(node) for node in upstream(matte[-1:])}
    passive = ("Constant", "Parameter", "Result", "Convert")
    after = [node for node in needed if _name(node) not in before and node.get_type_name() not in passive]
    enlarges = any(node.get_type_name() == "Interpolate" for node in after)
    return [_name(node) for node in after] if enlarges else []


def layers_of(model: ov.Model) -> LayerPrecisions:
    """Find the layers that multiply."""
    heavy = [node for node in model.get_ordered_ops() if node.get_type_name() in HEAVY]
    quantized = [node for node in heavy if _comes_in_8_bits(node)]
    kept = [node for node in heavy if node not in quantized]
    return LayerPrecisions(tuple(map(_name, quantized)), tuple(map(_name, kept)))


def _comes_in_8_bits(node: Any) -> bool:
    """Whether the input of a node was rounded, possibly before it was concatenated, split or moved."""
    before = node.input_value(0).get_node()
    kind = before.get_type_name()
    if kind == "Concat":
        return all(_is_rounded(before.input_value(number).get_node()) for number in range(before.get_input_size()))
    return _is_rounded(before)


def _is_rounded(node: Any) -> bool:
    kind = node.get_type_name()
    return bool(kind == "FakeQuantize" or (kind in MOVES and _comes_in_8_bits(node)))


def _name(node: Any) -> str:
    return str(node.get_friendly_name())


def _is_matte(node: Any) -> bool:
    shape = node.get_output_partial_shape(0)
    return node.get_type_name() == "Convolution" and shape[1].is_static and shape[1].get_length() == MATTE_CHANNELS
