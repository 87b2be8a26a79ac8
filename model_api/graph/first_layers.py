"""The first layers of a graph in 8 bits, made to take an image as the bytes that it consists of. Shapes are fixed.

Calibration rounds an image after each step of its normalization, though it has 256 levels already. Each step is then a
pass over the image. Here one shift and one scale are left, which OpenVINO computes after the convolution, and the
order of the colours is changed in the weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from model_api.graph.traversal import constant_of, consumers, inputs, redirect
from model_api.graph.weights import LEVELS, LIMITS, Weights

COLOURS = 3
ROUGHNESS = 0.03
"""How far the step of a FakeQuantize may be from that of the bytes, as a share of it."""
BEYOND = 4.0
"""By how many bytes its range may end too early."""
WHOLE = 0.05
"""How far a zero point may be from a whole number."""
TO_NCHW = [0, 3, 1, 2]

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ImageLevels:
    """Values that are the bytes of an image times `scale` plus `offset`.

    Attributes:
        image: the parameter, 1×H×W×3 uint8.
        scale: one number for all channels.
        offset: the same.
        order: the channels of the image that these are.
    """

    image: Any
    scale: float = 1.0
    offset: float = 0.0
    order: tuple[int, ...] = tuple(range(COLOURS))

    @property
    def zero(self) -> int | None:
        """The byte that stands for 0, None without one."""
        level = -self.offset / self.scale
        return round(level) if abs(level - round(level)) < WHOLE and 0 <= round(level) < LEVELS else None

    def node(self) -> Any:
        """These values in a graph, NCHW, in the channel order of the image."""
        shifted = ops.subtract(ops.convert(self.image, "f32"), ops.constant(np.float32(self.zero)))
        return ops.transpose(ops.multiply(shifted, ops.constant(np.float32(self.scale))), ops.constant(TO_NCHW))

    def weights(self, weights: Weights) -> Weights:
        """Weights for these channels, for the channel order of the image."""
        return weights.changed(lambda values: values[:, np.argsort(self.order)])


def convolve_bytes(model: ov.Model) -> None:
    """Give convolutions that look at an image its bytes, and convolve what is pooled from it beside features."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Convolution":
            _convolve_image(node)
            _convolve_pooled(node)


def levels_of(port: Any) -> ImageLevels | None:
    """What these values are of an image's bytes, as far as a network normalizes them; None for other values."""
    node = port.get_node()
    if node.get_type_name() == "Parameter":
        shape = node.get_output_partial_shape(0)
        is_image = node.get_element_type() == ov.Type.u8 and len(shape) == len(TO_NCHW) and shape[3] == COLOURS
        return ImageLevels(node) if is_image else None
    read = _STEPS.get(node.get_type_name())
    before = levels_of(node.input_value(0)) if read else None
    return read(before, node) if read and before else None


def _same(levels: ImageLevels, node: Any) -> ImageLevels | None:
    return levels


def _turned(levels: ImageLevels, node: Any) -> ImageLevels | None:
    order = constant_of(node.input_value(1), np.int64)
    return levels if order is not None and order.tolist() == TO_NCHW else None


def _reordered(levels: ImageLevels, node: Any) -> ImageLevels | None:
    order = constant_of(node.input_value(1), np.int64)
    if order is None or sorted(order.ravel().tolist()) != list(range(COLOURS)):
        return None
    return replace(levels, order=tuple(levels.order[number] for number in order.ravel()))


def _scaled(levels: ImageLevels, node: Any) -> ImageLevels | None:
    factor = _number(node.input_value(1))
    if not factor:
        return None
    factor = 1 / factor if node.get_type_name() == "Divide" else factor
    return replace(levels, scale=levels.scale * factor, offset=levels.offset * factor)


def _shifted(levels: ImageLevels, node: Any) -> ImageLevels | None:
    shift = _number(node.input_value(1))
    if shift is None:
        return None
    return replace(levels, offset=levels.offset + (shift if node.get_type_name() == "Add" else -shift))


def _rounded(levels: ImageLevels, node: Any) -> ImageLevels | None:
    """The same, where it is rounded to about its own levels."""
    low, high, *after = (_number(node.input_value(number)) for number in LIMITS)
    if low is None or high is None or [low, high] != after or node.get_attributes()["levels"] != LEVELS:
        return None
    step = (high - low) / (LEVELS - 1)
    alike = abs(step / levels.scale - 1) < ROUGHNESS and abs(low - levels.offset) < BEYOND * levels.scale
    return levels if alike else None


_STEPS = {
    "Add": _shifted, "Convert": _same, "Divide": _scaled, "FakeQuantize": _rounded, "Gather": _reordered,
    "Multiply": _scaled, "Subtract": _shifted, "Transpose": _turned,
}  # fmt: skip


def _convolve_image(convolution: Any) -> None:
    padding = convolution.input_value(0).get_node()
    padded = padding.get_type_name() == "Pad" and _number(padding.input_value(3)) == 0
    before = padding if padded else convolution
    levels = levels_of(before.input_value(0))
    weights = Weights.of(convolution) if levels else None
    if levels and weights and levels.zero is not None:
        before.input(0).replace_source_output(levels.node().output(0))
        convolution.input(1).replace_source_output(levels.weights(weights).node().output(0))


def _convolve_pooled(convolution: Any) -> None:
    """Replace a 1×1 convolution over features joined with a shrunk image by the sum of two, the second of the image.

    Calibration gives both the same levels, which leaves a handful of them to the image. Pooling of three channels and
    joining them with the features take longer than all convolutions at that size.
    """
    joined = convolution.input_value(0).get_node()
    if joined.get_type_name() != "Concat" or joined.get_input_size() != 2:
        return
    pool = joined.input_value(1).get_node()
    pool = pool.input_value(0).get_node() if pool.get_type_name() == "FakeQuantize" else pool
    levels = levels_of(pool.input_value(0)) if _is_block_mean(pool) else None
    sum_, weights = _Sum.after(convolution), Weights.of(convolution)
    if levels is None or levels.zero is None or sum_ is None or weights is None or weights.values.shape[2:] != (1, 1):
        return
    block = pool.get_attributes()["kernel"]
    of_image = levels.weights(weights.changed(lambda values: values[:, -COLOURS:], 1 / np.prod(block)))
    spread = of_image.changed(lambda values: np.tile(values, (1, 1, *block)))
    looked = ops.convolution(levels.node(), spread.node(), block, [0, 0], [0, 0], [1, 1])
    convolution.input(0).replace_source_output(joined.input_value(0))
    convolution.input(1).replace_source_output(weights.changed(lambda values: values[:, :-COLOURS]).node().output(0))
    sum_.add(looked, _reach(levels, levels.zero, of_image, float(np.prod(block))))


def _is_block_mean(pool: Any) -> bool:
    if pool.get_type_name() != "AvgPool" or pool.get_input_partial_shape(0).is_dynamic:
        return False
    attributes, sides = pool.get_attributes(), pool.get_input_shape(0)[2:]
    whole = not any(side % block for side, block in zip(sides, attributes["kernel"], strict=True))
    padded = any((*attributes["pads_begin"], *attributes["pads_end"]))
    return attributes["strides"] == attributes["kernel"] and whole and not padded


def _reach(levels: ImageLevels, zero: int, weights: Weights, times: float) -> tuple[float, float]:
    """The least and the most that a convolution over `times` pixels answers."""
    each = weights.values[:, :, 0, 0] * weights.scale[:, :, 0, 0] * times * levels.scale
    ends = np.stack([each * -zero, each * (LEVELS - 1 - zero)])
    return float(ends.min(axis=0).sum(axis=1).min()), float(ends.max(axis=0).sum(axis=1).max())


@dataclass(frozen=True, eq=False)
class _Sum:
    """relu(fq(convolution + bias) + fq(other)), rounded: the last layers of a block that enlarges.

    Attributes:
        convolution: the convolution.
        bias: the addition of a constant.
        rounded: what it is rounded by.
        other: what it is added to.
        added: the sum.
        answer: what the sum is rounded by.
    """

    convolution: Any
    bias: Any
    rounded: Any
    other: Any
    added: Any
    answer: Any

    @classmethod
    def after(cls, convolution: Any) -> _Sum | None:
        """The sum that a convolution is a part of, None without one."""
        chain = [convolution]
        for kind in ("Add", "FakeQuantize", "Add", "Relu", "FakeQuantize"):
            after = consumers(chain[-1])
            if len(after) != 1 or after[0].get_type_name() != kind:
                return None
            chain.append(after[0])
        _, bias, rounded, added, _, answer = chain
        others = [node for node in inputs(added) if node.get_name() != rounded.get_name()]
        known = constant_of(bias.input_value(1), np.float32) is not None and len(others) == 1
        if not known or others[0].get_type_name() != "FakeQuantize":
            return None
        sum_ = cls(convolution, bias, rounded, others[0], added, answer)
        return sum_ if all(None not in _range(node) for node in (rounded, others[0], answer)) else None

    def add(self, more: Any, reach: tuple[float, float]) -> None:
        """Add a convolution, whose values are within `reach`.

        It is added to `other` first: OpenVINO computes one sum together with each convolution. What is so low that the
        ReLU makes 0 of it, or so high that the last rounding cuts it, need not be told apart.
        """
        bias = constant_of(self.bias.input_value(1), np.float32)
        assert bias is not None
        reach = reach[0] + float(bias.min()), reach[1] + float(bias.max())
        (own_low, own_high), (low, high), (_, most) = (_range(node) for node in (self.rounded, self.other, self.answer))
        both = max(low + reach[0], -own_high), min(high + reach[1], most - own_low)
        image = _in_levels(ops.add(more, self.bias.input_value(1)), reach)
        redirect(self.bias.output(0), self.convolution.output(0))
        number = next(n for n, node in enumerate(inputs(self.added)) if node.get_name() == self.other.get_name())
        self.added.input(number).replace_source_output(_in_levels(ops.add(image, self.other), both).output(0))


def _in_levels(values: Any, reach: tuple[float, float]) -> Any:
    """Round to 256 levels, of which one is 0."""
    low, high = min(reach[0], 0.0), max(reach[1], 0.0)
    zero = round(-low * (LEVELS - 1) / (high - low))
    step = max(high / (LEVELS - 1 - zero) if zero < LEVELS - 1 else 0.0, -low / zero if zero else 0.0)
    ends = [ops.constant(np.float32(level * step)) for level in (-zero, LEVELS - 1 - zero)]
    return ops.fake_quantize(values, *ends, *ends, LEVELS)


def _range(rounded: Any) -> tuple[Any, Any]:
    return _number(rounded.input_value(1)), _number(rounded.input_value(2))


def _number(port: Any) -> float | None:
    """A constant's number, None where it has several or is computed."""
    values = constant_of(port, np.float64)
    return float(values.flat[0]) if values is not None and values.size and np.ptp(values) == 0 else None
