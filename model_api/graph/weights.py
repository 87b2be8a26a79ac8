"""What graphs in 8 bits consist of: roundings, and weights as bytes with a scale for each output channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from model_api.graph.traversal import constant_of

LIMITS = range(1, 5)
"""Inputs of a FakeQuantize: low and high before, low and high after."""

LEVELS = 256
"""Of a value in 8 bits."""
ROUNDING = "FakeQuantize"

Values = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of a convolution in 8 bits.

    Attributes:
        values: (outputs, inputs, height, width) int8.
        scale: (outputs, 1, 1, 1) float32.
    """

    values: Values
    scale: Values

    @classmethod
    def of(cls, convolution: Any) -> Weights | None:
        """The weights of a convolution, None if they are stored in another way."""
        scaled = convolution.input_value(1).get_node()
        if scaled.get_type_name() != "Multiply":
            return None
        stored = scaled.input_value(0).get_node()
        if stored.get_type_name() != "Convert" or stored.input_value(0).get_element_type() != ov.Type.i8:
            return None
        values, scale = constant_of(scaled.input_value(0), np.int8), constant_of(scaled.input_value(1), np.float32)
        if values is None or scale is None or values.ndim != 4 or scale.size != len(values):
            return None
        return cls(values, scale.reshape(-1, 1, 1, 1))

    def changed(self, change: Callable[[Values], Values], factor: float = 1.0) -> Weights:
        """Weights of the same outputs.

        Args:
            change: what becomes of the bytes.
            factor: what the scale is multiplied with.
        """
        return Weights(change(self.values), self.scale * np.float32(factor))

    def node(self) -> Any:
        """The same in a graph, as OpenVINO recognizes them."""
        bytes_ = ops.constant(np.ascontiguousarray(self.values, np.int8))
        return ops.multiply(ops.convert(bytes_, "f32"), ops.constant(np.ascontiguousarray(self.scale, np.float32)))


def is_quantized(model: ov.Model) -> bool:
    """Whether a graph rounds what it computes: whether it is in 8 bits."""
    return any(is_rounding(node) for node in model.get_ordered_ops())


def is_rounding(node: Any) -> bool:
    """Whether an operation rounds to levels, so that the next one computes in 8 bits."""
    return bool(node.get_type_name() == ROUNDING)
