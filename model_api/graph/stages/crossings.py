"""A value on its way from one stage to the next: with channels last, and as bytes where it is rounded to 256 levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from model_api.graph.stages.costs import NS_A_CARRIED_NUMBER, numbers
from model_api.graph.traversal import constant_of
from model_api.graph.weights import LEVELS, LIMITS, is_rounding

SIGNED_FROM = -128
EXACT = 1e-3
"""How far from a whole number the level of 0 may be."""
LAST, FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


@dataclass(frozen=True, eq=False)
class Levels:
    """A rounding to 256 levels, 0 among them, the same for all channels.

    Attributes:
        lowest: of the bytes: -128 where 0 is in the middle, else 0.
        zero: the byte of 0.
        step: from level to level.
    """

    lowest: int
    zero: int
    step: float

    @classmethod
    def of(cls, node: Any) -> Levels | None:
        """The levels of a node in 32 bits, None where it rounds in another way or not at all."""
        if not is_rounding(node) or node.get_attributes()["levels"] != LEVELS:
            return None
        if node.get_output_element_type(0) != ov.Type.f32:
            return None
        low, high = (constant_of(node.input_value(number), np.float32) for number in LIMITS[2:])
        if low is None or high is None or low.size != 1 or high.size != 1 or high.item() <= low.item():
            return None
        step = float(high.item() - low.item()) / (LEVELS - 1)
        place = -float(low.item()) / step
        if not 0 <= round(place) < LEVELS or abs(place - round(place)) > EXACT:
            return None
        lowest = SIGNED_FROM if round(place) == -SIGNED_FROM else 0
        return cls(lowest, round(place) + lowest, step)

    def rounded(self, node: Any) -> Any:
        """The bytes of what a node rounds."""
        before = [node.input_value(number) for number in range(3)]
        after = [ops.constant(np.float32(level)) for level in (self.lowest, self.lowest + LEVELS - 1)]
        return ops.convert(ops.fake_quantize(*before, *after, LEVELS), "i8" if self.lowest else "u8")

    def restored(self, levels: Any) -> Any:
        """What was rounded, of its bytes."""
        value = ops.convert(levels, "f32")
        if self.zero:
            value = ops.subtract(value, ops.constant(np.float32(self.zero)))
        return ops.multiply(value, ops.constant(np.float32(self.step)))


def can_be_carried(node: Any) -> bool:
    """Whether a stage may end with an operation: of what it rounds for each channel, the next one would not know it."""
    return not is_rounding(node) or Levels.of(node) is not None


def carrying_ns(port: Any) -> float:
    """Nanoseconds that it takes to carry a value from one stage to the next, about."""
    return numbers(port) * NS_A_CARRIED_NUMBER[Levels.of(port.get_node()) is not None]


def sent(port: Any, name: str) -> Any:
    """A value as a result of its stage, under a name."""
    node = port.get_node()
    levels = Levels.of(node)
    value = levels.rounded(node).output(0) if levels else port
    value = ops.transpose(value, LAST).output(0) if len(value.get_shape()) == len(LAST) else value
    value.get_tensor().add_names({name})
    return ops.result(value)


def received(result: Any, name: str, port: Any, takers: Iterable[Any]) -> Any:
    """The parameter of the next stage that `sent` gave a value.

    Args:
        result: what `sent` returned.
        name: the value's.
        port: the same value in a graph where it is still computed.
        takers: the inputs that take it there.
    """
    levels = Levels.of(port.get_node())
    parameter = ops.parameter(result.get_output_shape(0), result.get_output_element_type(0))
    parameter.output(0).get_tensor().set_names({name})
    value = levels.restored(parameter) if levels else parameter
    value = ops.transpose(value, FIRST) if len(result.get_output_shape(0)) == len(FIRST) else value
    for taker in takers:
        taker.replace_source_output(value.output(0))
    return parameter
