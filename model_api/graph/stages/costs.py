"""What the operations of a graph cost on one core of a CPU, estimated from their shapes. Only ratios matter.

The rates are the means of OpenVINO's profile of Robust Video Matting and `video`, on a processor with AVX-512 and VNNI.
Other processors have other rates, but much the same ratios.
"""

from __future__ import annotations

import math
from typing import Any

from model_api.graph.weights import ROUNDING

PRODUCTS_PER_NS = {"Convolution": (48.0, 150.0), "MatMul": (48.0, 150.0), "GroupConvolution": (25.0, 30.0)}
"""Multiplications a nanosecond, in 32 bits and in 8 bits."""
NS_A_NUMBER = {"Interpolate": 0.7, "Concat": 0.2, "Split": 0.2, "VariadicSplit": 0.2, "AvgPool": 0.5, "MaxPool": 0.5}
"""Nanoseconds for each number of the output. What is not named is computed with the operation before it."""
NS_A_CARRIED_NUMBER = (1.5, 0.2)
"""Between two stages, in 32 bits and in 8 bits, for both of them together."""


def nanoseconds(node: Any) -> float:
    """How long an operation of fixed shapes takes, about."""
    kind = node.get_type_name()
    if kind in PRODUCTS_PER_NS:
        return products(node) / PRODUCTS_PER_NS[kind][has_rounded_weights(node)]
    return NS_A_NUMBER.get(kind, 0.0) * sum(map(numbers, node.outputs()))


def products(node: Any) -> float:
    """The multiplications of a convolution, or of a product of matrices."""
    channels = node.output(0).get_shape()[-1 if node.get_type_name() == "MatMul" else 1]
    return numbers(node.output(0)) * numbers(node.input_value(1)) / channels


def numbers(port: Any) -> int:
    """How many numbers a value has."""
    return math.prod(port.get_shape())


def has_rounded_weights(node: Any) -> bool:
    """Whether a convolution computes in 8 bits."""
    weights = node.input_value(1).get_node()
    while weights.get_type_name() == "Reshape":
        weights = weights.input_value(0).get_node()
    return weights.get_type_name() in (ROUNDING, "Multiply")
