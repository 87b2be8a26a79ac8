"""What a graph tells about the network: see `recognition.structure`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

from model_api.graph.traversal import constant_of, consumers, inputs
from model_api.recognition.structure import Kernel, Normalization, Structure

KEEPS_VALUES = frozenset({
    "Convert", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "StridedSlice", "Slice", "Gather", "Split",
    "VariadicSplit", "Concat", "FakeQuantize",
})  # fmt: skip
"""Operations that move values and do not change them."""
ENDS_IN_PROBABILITY = frozenset({"Sigmoid", "Softmax", "HardSigmoid"})
LIMITS = frozenset({"Minimum", "Maximum"})
BETWEEN = "Interpolate"
"""Enlarges probabilities to probabilities."""
COMMUTES = frozenset({"Add", "Multiply"})
ARITHMETIC = COMMUTES | {"Subtract", "Divide"}
HEAD = ARITHMETIC | {"Convert", "Transpose", "Reshape"}
"""What an image may meet before the first operation of the network proper."""

Floats = npt.NDArray[np.float64]


def structure_of(model: ov.Model, image: str | None = None) -> Structure:
    """Describe a graph.

    Args:
        model: the graph. It stays as it is.
        image: the input that takes the image. None: the first one.
    """
    port = model.input(image) if image else model.inputs[0] if model.inputs else None
    kernels = _kernels(model)
    return Structure(
        Counter(kernels),
        _normalization(port.get_node()) if port else None,
        frozenset(_probabilities(model)),
        _quantized(model),
        kernels[-1][0] if kernels else 0,
    )


def _kernels(model: ov.Model) -> list[Kernel]:
    """In the order of their computation."""
    operations = (op for op in model.get_ordered_ops() if op.get_type_name() == "Convolution")
    shapes = (op.input(1).get_partial_shape() for op in operations)
    return [tuple(shape.to_shape()) for shape in shapes if shape.is_static]


def _probabilities(model: ov.Model) -> set[str]:
    return {name for port in model.outputs if _is_probability(port.get_node()) for name in port.names}


def _quantized(model: ov.Model) -> dict[str, tuple[float, float]]:
    """TensorFlow Lite's networks of 8 bits end in a quantization of a range to levels."""
    ranges = {port: _last_quantization(port.get_node()) for port in model.outputs if port.element_type.size == 1}
    return {name: found for port, found in ranges.items() if found for name in port.names}


def _last_quantization(result: Any) -> tuple[float, float] | None:
    node = result.input_value(0).get_node()
    while node.get_type_name() in ("Convert", "Transpose", "Reshape", "Squeeze", "Unsqueeze"):
        node = node.input_value(0).get_node()
    if node.get_type_name() != "FakeQuantize":
        return None
    limits = [constant_of(node.input_value(number), np.float64) for number in range(1, 5)]
    numbers = [float(limit.item()) for limit in limits if limit is not None and limit.size == 1]
    if len(numbers) != len(limits):
        return None
    low, high, first, last = numbers
    factor = (high - low) / (last - first) if last > first else 0.0
    return (factor, low - first * factor) if factor else None


def _is_probability(result: Any) -> bool:
    waiting, sources = [result.input_value(0).get_node()], []
    while waiting:
        node = waiting.pop()
        kind = node.get_type_name()
        if kind in KEEPS_VALUES or kind == BETWEEN:
            waiting += [*inputs(node)] if kind == "Concat" else [node.input_value(0).get_node()]
        else:
            sources.append(node)
    return all(map(_bounds, sources))


def _bounds(node: Any) -> bool:
    """Whether an operation answers numbers of 0..1."""
    kind = node.get_type_name()
    if kind == "Clamp":
        attributes = node.get_attributes()
        return bool(attributes["min"] >= 0 and attributes["max"] <= 1)
    return kind in ENDS_IN_PROBABILITY or (kind in LIMITS and _is_clip(node))


def _is_clip(node: Any) -> bool:
    """Whether a minimum and a maximum together leave numbers of 0..1."""
    limits: dict[str, float] = {}
    while (kind := node.get_type_name()) in LIMITS and kind not in limits:
        sides = {number: constant_of(node.input_value(number), np.float64) for number in (0, 1)}
        constants = {number: value for number, value in sides.items() if value is not None}
        if len(constants) != 1:
            break
        ((number, value),) = constants.items()
        limits[kind] = float(value.max() if kind == "Minimum" else value.min())
        node = node.input_value(1 - number).get_node()
    return limits.get("Minimum", 2.0) <= 1 and limits.get("Maximum", -1.0) >= 0


def _normalization(parameter: Any) -> Normalization | None:
    """Follow the image to the first operation that is not arithmetic with constants."""
    gain, offset, node, met = np.ones(3), np.zeros(3), parameter, False
    while True:
        following = consumers(node)
        if len(following) != 1 or following[0].get_type_name() not in HEAD:
            break
        before, node = node, following[0]
        if (number := _operand(node, before)) is not None:
            gain, offset = _applied(node.get_type_name(), number, gain, offset)
            met = True
        elif node.get_type_name() in ARITHMETIC:
            break
    if not met or not np.all(gain):
        return None
    mean, scale = -offset / gain, 1 / gain
    return Normalization((mean[0], mean[1], mean[2]), (scale[0], scale[1], scale[2]))


def _operand(node: Any, image: Any) -> Floats | None:
    """The constant of an arithmetic operation whose first operand is the image: three numbers, None for none."""
    if node.get_type_name() not in ARITHMETIC:
        return None
    sides = [node.input_value(number).get_node() for number in (0, 1)]
    if sides[0].get_name() != image.get_name():
        if node.get_type_name() not in COMMUTES:
            return None
        sides.reverse()
    numbers = constant_of(sides[1].output(0), np.float64)
    return np.resize(numbers.ravel(), 3) if numbers is not None and numbers.size in (1, 3) else None


def _applied(kind: str, number: Floats, gain: Floats, offset: Floats) -> tuple[Floats, Floats]:
    if kind == "Multiply":
        return gain * number, offset * number
    if kind == "Divide":
        return gain / number, offset / number
    return gain, offset + (number if kind == "Add" else -number)
