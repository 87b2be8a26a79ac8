"""Graphs that say the same in a way that a CPU computes faster. Shapes are fixed; each rewrite was timed: see
benchmarks/RESULTS.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops
from openvino.preprocess import PrePostProcessor

from model_api.graph.loading import inputs, redirect

HALF_PRECISION = 1e-3
PICTURE_CHANNELS = 4


def rewritten(model: ov.Model, states: Mapping[str, str]) -> ov.Model:
    """A copy. states: input -> output; those of four dimensions become NHWC, however the network holds them."""
    model = model.clone()
    pool_boxes(model)
    convolve_pictures(model)
    split_pictures_off(model)
    model.validate_nodes_and_infer_types()
    return _with_states_last(model, states)


def pool_boxes(model: ov.Model) -> None:
    """Convolutions that take the mean of a window become what they are, all windows of one kind in one pooling: a
    guided filter has four planes in each of four pictures, where a processor computes sixteen channels at a time.

    The variances of the filter are differences of almost equal means, for which weights of 16 bits, and sums in
    bfloat16, are too coarse: devices that compute convolutions in bfloat16 leave pooling at the end of a network in
    float32.
    """
    kinds: dict[Any, list[Box]] = defaultdict(list)
    for node in model.get_ordered_ops():
        box = averaging(node) if node.get_output_partial_shape(0).is_static else None
        if box is not None and not any(_continues(box, averaging(user.get_node())) for user in _users(node)):
            kinds[box.window, box.begin, box.end, tuple(box.source.get_shape()[2:])].append(box)
    for boxes in kinds.values():
        together = [boxes] if _independent(boxes) else [[box] for box in boxes]
        for some in together:
            _pool(some)


def convolve_pictures(model: ov.Model) -> None:
    """A picture made smaller by the means of blocks is convolved instead: pooling wants sixteen channels side by side,
    and a picture has three."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "AvgPool" and _shrinks_picture(node):
            kernel, edge = node.get_attributes()["kernel"], node.get_output_partial_shape(0)[1].get_length()
            share = np.full(kernel, 1 / np.prod(kernel), np.float32)
            weights = np.eye(edge, dtype=np.float32)[..., np.newaxis, np.newaxis] * share
            means = ops.convolution(node.input_value(0), ops.constant(weights), kernel, [0, 0], [0, 0], [1, 1])
            redirect(node.output(0), means.output(0))


def split_pictures_off(model: ov.Model) -> None:
    """A convolution over a picture put beside features becomes the sum of two: the features are not copied then."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convolution" or not _is_picture_beside_features(node.input_value(0).get_node()):
            continue
        joined, weights, told = node.input_value(0).get_node(), _constant(node.input_value(1)), node.get_attributes()
        if weights is not None:
            edge = joined.input_value(0).get_partial_shape()[1].get_length()
            around = told["strides"], told["pads_begin"], told["pads_end"], told["dilations"]
            both = (
                ops.convolution(joined.input_value(number), ops.constant(np.ascontiguousarray(part)), *around)
                for number, part in enumerate((weights[:, :edge], weights[:, edge:]))
            )
            redirect(node.output(0), ops.add(*both).output(0))


@dataclass(frozen=True, eq=False)
class Box:
    """The mean of a window, zeros around the picture. node: the convolution that computes it, or, where one goes along
    the rows and one along the columns, the second. window, begin, end: height and width, and paddings of both."""

    node: Any
    source: Any
    window: tuple[int, int]
    begin: tuple[int, int]
    end: tuple[int, int]


def averaging(node: Any) -> Box | None:
    """What a convolution averages, if it does nothing else."""
    window = _averaged_window(node)
    if window is None:
        return None
    told, source = node.get_attributes(), node.input_value(0)
    own = Box(node, source, window, tuple(told["pads_begin"]), tuple(told["pads_end"]))
    before = averaging(source.get_node())
    if before is None or not _continues(before, own):
        return own
    height, width = (a * b for a, b in zip(before.window, own.window, strict=True))
    return Box(node, before.source, (height, width), _sum(before.begin, own.begin), _sum(before.end, own.end))


def _continues(before: Box, box: Box | None) -> bool:
    """Whether `box` is of the columns of what `before` is of the rows, or the other way about, and nobody else wants
    that."""
    if box is None or len(_users(before.node)) != 1:
        return False
    return 1 in (before.window[0], box.window[0]) and 1 in (before.window[1], box.window[1])


def _averaged_window(node: Any) -> tuple[int, int] | None:
    """(height, width) of the window if all weights are one part of it and every plane is on its own."""
    if node.get_type_name() != "GroupConvolution":
        return None
    told, weights = node.get_attributes(), _constant(node.input_value(1))
    if weights is None or any(step != 1 for step in (*told["dilations"], *told["strides"])):
        return None
    height, width = weights.shape[-2:]
    alone = weights.shape[1:-2] == (1, 1)
    return (height, width) if alone and np.abs(weights * height * width - 1).max() < HALF_PRECISION else None


def _pool(boxes: Sequence[Box]) -> None:
    first = boxes[0]
    joined = ops.concat([box.source for box in boxes], 1) if len(boxes) > 1 else first.source
    means = ops.avg_pool(joined, [1, 1], first.begin, first.end, first.window, exclude_pad=False)
    planes = [box.source.get_shape()[1] for box in boxes]
    parts = ops.variadic_split(means, 1, planes) if len(boxes) > 1 else means
    for number, box in enumerate(boxes):
        redirect(box.node.output(0), parts.output(number))


def _independent(boxes: Sequence[Box]) -> bool:
    """Whether none of them has to be known before another can be computed."""
    names = {box.node.get_friendly_name() for box in boxes}
    waiting, seen = [box.source.get_node() for box in boxes], set()
    while waiting:
        node = waiting.pop()
        name = node.get_friendly_name()
        if name in names:
            return False
        if name not in seen:
            seen.add(name)
            waiting += inputs(node)
    return True


def _is_picture_beside_features(node: Any) -> bool:
    if node.get_type_name() != "Concat" or node.get_input_size() != 2 or node.get_attributes()["axis"] not in (1, -3):
        return False
    features, picture = (node.get_input_partial_shape(number)[1] for number in range(2))
    known = features.is_static and picture.is_static
    return known and picture.get_length() <= PICTURE_CHANNELS < features.get_length()


def _shrinks_picture(pool: Any) -> bool:
    """Not after a FakeQuantize: in 8 bits pooling is the faster one."""
    told, shape = pool.get_attributes(), pool.get_input_partial_shape(0)
    if shape.is_dynamic or pool.input_value(0).get_node().get_type_name() == "FakeQuantize":
        return False
    _, planes, *sides = shape.to_shape()
    whole = not any(side % block for side, block in zip(sides, told["kernel"], strict=True))
    blocks = told["strides"] == told["kernel"] and not any((*told["pads_begin"], *told["pads_end"]))
    return blocks and whole and planes <= PICTURE_CHANNELS


def _with_states_last(model: ov.Model, states: Mapping[str, str]) -> ov.Model:
    """Convolutions keep channels last on a CPU: states that travel so need not be turned, twice a frame."""
    steps = PrePostProcessor(model)
    for name, output in states.items():
        if len(model.input(name).partial_shape) == 4:
            for side in (steps.input(name), steps.output(output)):
                side.model().set_layout(ov.Layout("NCHW"))
                side.tensor().set_layout(ov.Layout("NHWC"))
    return steps.build()


def _constant(port: Any) -> npt.NDArray[np.float32] | None:
    """Stored in half precision or not; None if it is computed."""
    node = port.get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return np.array(node.get_data(), np.float32) if node.get_type_name() == "Constant" else None


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _users(node: Any) -> list[Any]:
    return list(node.output(0).get_target_inputs())
