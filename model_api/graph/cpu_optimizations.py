"""Graphs rewritten into equal ones that a CPU computes faster. Shapes are fixed.

benchmarks/RESULTS.md has the time that each rewrite saves.
"""

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

from model_api.graph.eight_bits import rewrite_eight_bits
from model_api.graph.traversal import constant_of, consumers, redirect, upstream

HALF_PRECISION = 1e-3
IMAGE_CHANNELS = 4


def rewritten(model: ov.Model, states: Mapping[str, str]) -> ov.Model:
    """A copy of a graph with all rewrites of this module.

    Args:
        model: the graph, of fixed shapes.
        states: input -> the output that feeds it in the next frame. Those of four dimensions become NHWC.
    """
    model = model.clone()
    pool_boxes(model)
    convolve_image_pools(model)
    split_image_off(model)
    model.validate_nodes_and_infer_types()
    model = _with_states_last(model, states)
    rewrite_eight_bits(model, states)
    return model


def pool_boxes(model: ov.Model) -> None:
    """Turn convolutions that take the mean of a window into pooling, all windows of one kind in one.

    A guided filter has four planes in each of four images, and a processor computes sixteen channels at a time.
    The variances of the filter are differences of almost equal means. Weights of 16 bits, and sums in bfloat16, are too
    coarse for them: devices that compute convolutions in bfloat16 leave pooling at the end of a network in float32.
    """
    kinds: dict[Any, list[BoxFilter]] = defaultdict(list)
    for node in model.get_ordered_ops():
        box = averaging(node) if node.get_output_partial_shape(0).is_static else None
        if box is not None and not any(_continues(box, averaging(user)) for user in consumers(node)):
            size, kind = tuple(box.source.get_shape()[2:]), box.source.get_element_type().get_type_name()
            kinds[box.window, box.begin, box.end, size, kind].append(box)
    for boxes in kinds.values():
        together = [boxes] if _independent(boxes) else [[box] for box in boxes]
        for some in together:
            _pool(some)


def convolve_image_pools(model: ov.Model) -> None:
    """Turn pooling that shrinks an image into a convolution: pooling computes 16 channels at once, an image has 3."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "AvgPool" and _shrinks_image(node):
            kernel, edge = node.get_attributes()["kernel"], node.get_output_partial_shape(0)[1].get_length()
            share = np.full(kernel, 1 / np.prod(kernel), np.float32)
            weights = np.eye(edge, dtype=np.float32)[..., np.newaxis, np.newaxis] * share
            means = ops.convolution(node.input_value(0), _like(node, weights), kernel, [0, 0], [0, 0], [1, 1])
            redirect(node.output(0), means.output(0))


def split_image_off(model: ov.Model) -> None:
    """Split a convolution over features joined with an image into the sum of two: the features are not copied then."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convolution" or not _is_image_beside_features(node.input_value(0).get_node()):
            continue
        joined, weights = node.input_value(0).get_node(), constant_of(node.input_value(1), np.float32)
        attributes = node.get_attributes()
        if weights is not None:
            edge = joined.input_value(0).get_partial_shape()[1].get_length()
            around = [attributes[name] for name in ("strides", "pads_begin", "pads_end", "dilations")]
            both = (
                ops.convolution(joined.input_value(number), _like(node, part), *around)
                for number, part in enumerate((weights[:, :edge], weights[:, edge:]))
            )
            redirect(node.output(0), ops.add(*both).output(0))


@dataclass(frozen=True, eq=False)
class BoxFilter:
    """The mean of a window, with zeros around the image.

    Attributes:
        node: the convolution that computes it, or the second of two, one along the rows and one along the columns.
        source: what it takes the mean of.
        window: height and width in pixels.
        begin: padding above and on the left.
        end: padding below and on the right.
    """

    node: Any
    source: Any
    window: tuple[int, int]
    begin: tuple[int, int]
    end: tuple[int, int]


def averaging(node: Any) -> BoxFilter | None:
    """The box filter that a convolution computes, None if it computes anything else."""
    window = _averaged_window(node)
    if window is None:
        return None
    attributes, source = node.get_attributes(), node.input_value(0)
    own = BoxFilter(node, source, window, tuple(attributes["pads_begin"]), tuple(attributes["pads_end"]))
    before = averaging(source.get_node())
    if before is None or not _continues(before, own):
        return own
    height, width = (a * b for a, b in zip(before.window, own.window, strict=True))
    return BoxFilter(node, before.source, (height, width), _sum(before.begin, own.begin), _sum(before.end, own.end))


def _continues(before: BoxFilter, box: BoxFilter | None) -> bool:
    """Whether one is along the rows, the other along the columns, and nothing else takes the result of `before`."""
    if box is None or len(consumers(before.node)) != 1:
        return False
    return 1 in (before.window[0], box.window[0]) and 1 in (before.window[1], box.window[1])


def _averaged_window(node: Any) -> tuple[int, int] | None:
    """(height, width) of the window if all weights are equal parts of 1 and every plane is on its own."""
    if node.get_type_name() != "GroupConvolution":
        return None
    attributes, weights = node.get_attributes(), constant_of(node.input_value(1), np.float32)
    if weights is None or any(step != 1 for step in (*attributes["dilations"], *attributes["strides"])):
        return None
    height, width = weights.shape[-2:]
    alone = weights.shape[1:-2] == (1, 1)
    return (height, width) if alone and np.abs(weights * height * width - 1).max() < HALF_PRECISION else None


def _pool(boxes: Sequence[BoxFilter]) -> None:
    first = boxes[0]
    joined = ops.concat([box.source for box in boxes], 1) if len(boxes) > 1 else first.source
    means = ops.avg_pool(joined, [1, 1], first.begin, first.end, first.window, exclude_pad=False)
    planes = [box.source.get_shape()[1] for box in boxes]
    parts = ops.variadic_split(means, 1, planes) if len(boxes) > 1 else means
    for number, box in enumerate(boxes):
        redirect(box.node.output(0), parts.output(number))


def _independent(boxes: Sequence[BoxFilter]) -> bool:
    """Whether none of them has to be known before another can be computed."""
    names = {box.node.get_name() for box in boxes}
    return all(node.get_name() not in names for node in upstream(box.source.get_node() for box in boxes))


def _is_image_beside_features(node: Any) -> bool:
    if node.get_type_name() != "Concat" or node.get_input_size() != 2 or node.get_attributes()["axis"] not in (1, -3):
        return False
    features, image = (node.get_input_partial_shape(number)[1] for number in range(2))
    known = features.is_static and image.is_static
    return known and image.get_length() <= IMAGE_CHANNELS < features.get_length()


def _shrinks_image(pool: Any) -> bool:
    """Not after a FakeQuantize: in 8 bits pooling is the faster one."""
    attributes, shape = pool.get_attributes(), pool.get_input_partial_shape(0)
    if shape.is_dynamic or pool.input_value(0).get_node().get_type_name() == "FakeQuantize":
        return False
    _, planes, *sides = shape.to_shape()
    whole = not any(side % block for side, block in zip(sides, attributes["kernel"], strict=True))
    padded = any((*attributes["pads_begin"], *attributes["pads_end"]))
    blocks = attributes["strides"] == attributes["kernel"] and not padded
    return blocks and whole and planes <= IMAGE_CHANNELS


def _with_states_last(model: ov.Model, states: Mapping[str, str]) -> ov.Model:
    """Convolutions keep channels last on a CPU: states that travel so need not be turned, twice a frame."""
    steps = PrePostProcessor(model)
    for name, output in states.items():
        if len(model.input(name).partial_shape) == 4:
            for side in (steps.input(name), steps.output(output)):
                side.model().set_layout(ov.Layout("NCHW"))
                side.tensor().set_layout(ov.Layout("NHWC"))
    return steps.build()


def _like(node: Any, weights: npt.NDArray[np.float32]) -> Any:
    """Weights of a convolution in the place of `node`: a network in half precision takes no others."""
    return ops.constant(np.ascontiguousarray(weights, node.get_output_element_type(0).to_dtype()))


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]
