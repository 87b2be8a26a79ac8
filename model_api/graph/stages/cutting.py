"""A recurrent network cut into stages that are computed one after the other, each for another frame.

A state feeds only the operations that compute it for the next frame, and what comes after them. So stage 1 can compute
frame n+1 while stage 2 computes frame n, if each state's way from its input to its output lies in one stage: pipeline
parallelism, as GPipe (Huang et al., arXiv 1811.06965) has it for layers, here with recurrence inside the stages. Cores
that share one operation wait for each other at its end, hundreds of times a frame; stages meet once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import openvino as ov
from openvino import opset13 as ops

from model_api.graph.stages.crossings import received, sent
from model_api.graph.stages.operations import Operations
from model_api.graph.traversal import redirect, upstream


def in_stages(model: ov.Model, states: Mapping[str, str], count: int) -> list[ov.Model]:
    """Cut a graph into stages that take about equally long.

    Args:
        model: the graph. It is not cut where a shape in it is open.
        states: input -> the output that feeds it in the next frame.
        count: how many stages are wanted.

    Returns:
        The stages in their order, fewer where no cut pays. What one takes of the stage before it, or of the frame, has
        the same name in both.
    """
    if count == 1 or _has_open_shapes(model):
        return [model]
    model = with_fixed_shapes(model)
    stages: list[ov.Model] = []
    for left in range(count, 1, -1):
        operations = Operations(model, states)
        stage = operations.best_stage(left)
        if not stage:
            break
        first, model = parted(model, operations, stage, f"stage{len(stages) + 1}")
        stages.append(first)
    return [*stages, model]


def _has_open_shapes(model: ov.Model) -> bool:
    return any(port.get_partial_shape().is_dynamic for node in model.get_ordered_ops() for port in node.outputs())


def with_fixed_shapes(model: ov.Model) -> ov.Model:
    """A copy, with constants for what is computed from the shape of a value."""
    model = model.clone()
    for node in model.get_ordered_ops():
        if node.get_type_name() == "ShapeOf":
            shape, kind = list(node.input_value(0).get_shape()), node.get_output_element_type(0)
            redirect(node.output(0), ops.constant(shape, kind).output(0))
    return model


def parted(model: ov.Model, operations: Operations, stage: int, name: str) -> tuple[ov.Model, ov.Model]:
    """Two graphs: a stage, and the others.

    Args:
        model: the graph.
        operations: its own.
        stage: a set of them.
        name: what the names of the values between both begin with.
    """
    rest = model.clone()
    nodes, again = model.get_ordered_ops(), rest.get_ordered_ops()
    assert all(one.get_friendly_name() == other.get_friendly_name() for one, other in zip(nodes, again, strict=True))
    own = [bool(operations.bit(node) & stage) for node in nodes]
    results = [node for node, is_own in zip(nodes, own, strict=True) if is_own and _is_result(node)]
    left = [node for node, is_own in zip(again, own, strict=True) if not is_own and _is_result(node)]
    others = {node.get_name() for node, is_own in zip(again, own, strict=True) if not is_own}
    carried = []
    for order, edge in enumerate(operations.leaving(stage)):
        number, place = edge.place
        port, title = again[number].output(place), f"{name}.{order}"
        results.append(sent(nodes[number].output(place), title))
        takers = [taker for taker in port.get_target_inputs() if taker.get_node().get_name() in others]
        carried.append(received(results[-1], title, port, takers))
    return _of(results, model.get_parameters()), _of(left, [*rest.get_parameters(), *carried])


def _of(results: list[Any], parameters: list[Any]) -> ov.Model:
    """The graph that computes some results, with those parameters that it takes."""
    taken = {node.get_name() for node in upstream(results)}
    return ov.Model(results, [parameter for parameter in parameters if parameter.get_name() in taken])


def _is_result(node: Any) -> bool:
    return bool(node.get_type_name() == "Result")
