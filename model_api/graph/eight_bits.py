"""Graphs in 8 bits rewritten into ones that a CPU computes faster, and nearer to those in 32 bits. Shapes are fixed.

A `FakeQuantize` rounds to 256 levels, so that the convolution after it computes with bytes. benchmarks/RESULTS.md has
the time that each rewrite saves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from model_api.graph.first_layers import convolve_bytes
from model_api.graph.pixel_shuffle import convolve_neighbours
from model_api.graph.traversal import constant_of, consumers, inputs, redirect, upstream
from model_api.graph.weights import LIMITS, is_quantized

PRODUCTS = frozenset({"Add", "Multiply", "Subtract"})
RECURRENT = PRODUCTS | {"Convert", "FakeQuantize", "Sigmoid", "Slice", "Split", "Tanh", "Transpose", "VariadicSplit"}
"""What a gated recurrent unit does between its convolutions and its state."""


def rewrite_eight_bits(model: ov.Model, states: Mapping[str, str]) -> None:
    """Apply all rewrites of this module, where the graph is in 8 bits.

    Args:
        model: the graph, of fixed shapes, its states NHWC.
        states: input -> the output that feeds it in the next frame.
    """
    if not is_quantized(model):
        return
    begin_levels_at_zero(model)
    leave_recurrence_unrounded(model, states)
    round_states_as_they_come(model, states)
    convolve_bytes(model)
    convolve_neighbours(model)
    model.validate_nodes_and_infer_types()


def begin_levels_at_zero(model: ov.Model) -> None:
    """Let levels begin at 0 where nothing is negative.

    Calibration gives channels that are always 0 a range around it. A zero point for their sake makes the convolution
    before and the depthwise one after it slower for all channels.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize" and _never_negative(node.input_value(0)):
            low, high, *after = (constant_of(node.input_value(number), np.float32) for number in LIMITS)
            if low is None or high is None or low.min() >= 0 or not _same(low, after[0]) or not _same(high, after[1]):
                continue
            for number in (1, 3):
                node.input(number).replace_source_output(ops.constant(np.zeros_like(low)).output(0))


def leave_recurrence_unrounded(model: ov.Model, states: Mapping[str, str]) -> None:
    """Compute a state from the one before without rounding, as far as no convolution takes part.

    Sums and products of a recurrent unit are computed in 32 bits either way. A state that is rounded in each frame
    drifts away from that of the network in 32 bits.
    """
    results = {name: port.get_node() for port in model.outputs for name in port.names}
    unit = [node for name in states.values() for node in upstream([results[name]], _within_unit)]
    for name in states:
        unit += [node for value in _rounded(model.input(name).get_node()) for node in consumers(value)]
    for node in unit:
        if node.get_type_name() in PRODUCTS:
            for number, value in enumerate(inputs(node)):
                if value.get_type_name() == "FakeQuantize" and constant_of(value.input_value(0), np.float32) is None:
                    node.input(number).replace_source_output(value.input_value(0))


def round_states_as_they_come(model: ov.Model, states: Mapping[str, str]) -> None:
    """Round NHWC states before they are turned to NCHW: bytes with channels last need not be turned at all."""
    for name in states:
        state = model.input(name).get_node()
        for turned in consumers(state):
            for rounded in consumers(turned) if turned.get_type_name() == "Transpose" else ():
                if rounded.get_type_name() == "FakeQuantize" and _per_tensor(rounded):
                    limits = [rounded.input_value(number) for number in LIMITS]
                    levels = ops.fake_quantize(state, *limits, rounded.get_attributes()["levels"])
                    redirect(rounded.output(0), ops.transpose(levels, turned.input_value(1)).output(0))


def _never_negative(port: Any) -> bool:
    node, constant = port.get_node(), constant_of(port, np.float32)
    if constant is not None:
        return bool(constant.min() >= 0)
    match node.get_type_name():
        case "Relu" | "Sigmoid":
            return True
        case "Clamp":
            return bool(node.get_attributes()["min"] >= 0)
        case "Maximum":
            return any(_never_negative(node.input_value(number)) for number in range(2))
        case "Minimum":
            return all(_never_negative(node.input_value(number)) for number in range(2))
    return False


def _within_unit(node: Any) -> bool:
    return node.get_type_name() in RECURRENT | {"Result"}


def _rounded(state: Any) -> list[Any]:
    """A state as its network sees it: turned, and rounded."""
    turned = [node for node in consumers(state) if node.get_type_name() in ("Convert", "Transpose")]
    values = [state, *turned]
    return values + [node for value in values for node in consumers(value) if node.get_type_name() == "FakeQuantize"]


def _per_tensor(rounded: Any) -> bool:
    return all(rounded.input_value(number).get_shape() in ([], [1]) for number in LIMITS)


def _same(one: Any, other: Any) -> bool:
    return other is not None and np.array_equal(one, other)
