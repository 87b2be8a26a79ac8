"""Walks along the edges of an OpenVINO graph, and what lies there.

Nodes are OpenVINO's own. Their `==` builds a new operation, so a walk tells them apart by their names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

POINTWISE = frozenset({
    "Add", "Clamp", "Concat", "Convert", "Divide", "FakeQuantize", "Gather", "Maximum", "Minimum", "Multiply", "Power",
    "ReduceMean", "Reverse", "Split", "Subtract", "Transpose", "VariadicSplit",
})  # fmt: skip
"""Operations that leave every value at its pixel."""

Number = TypeVar("Number", bound=np.generic)


def is_pointwise(node: Any) -> bool:
    """Whether the operation works on each pixel alone."""
    return node.get_type_name() in POINTWISE


def inputs(node: Any) -> list[Any]:
    """The nodes whose values `node` takes, in order."""
    return [node.input_value(number).get_node() for number in range(node.get_input_size())]


def consumers(node: Any) -> list[Any]:
    """The nodes that take the values of `node`."""
    return [port.get_node() for output in node.outputs() for port in output.get_target_inputs()]


def upstream(nodes: Iterable[Any], through: Callable[[Any], bool] = lambda node: True) -> Iterator[Any]:
    """Walk from `nodes` towards the inputs of the network, the nearest first.

    Args:
        nodes: where to begin. They come first.
        through: whether the walk goes on beyond a node.

    Yields:
        Each node once.
    """
    return _walk(nodes, inputs, through)


def downstream(nodes: Iterable[Any], through: Callable[[Any], bool] = lambda node: True) -> Iterator[Any]:
    """Walk from `nodes` towards the outputs of the network: see `upstream`."""
    return _walk(nodes, consumers, through)


def constant_of(port: Any, dtype: type[Number]) -> npt.NDArray[Number] | None:
    """A copy of a constant's numbers, stored in half precision or not. None: they are computed."""
    node = port.get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return np.array(node.get_data(), dtype) if node.get_type_name() == "Constant" else None


def redirect(port: Any, replacement: Any) -> None:
    """Give everything that takes the value of `port` the value of `replacement` in its place."""
    for consumer in port.get_target_inputs():
        consumer.replace_source_output(replacement)


def _walk(
    nodes: Iterable[Any], neighbours: Callable[[Any], list[Any]], through: Callable[[Any], bool]
) -> Iterator[Any]:
    waiting, seen = deque(nodes), set()
    while waiting:
        node = waiting.popleft()
        if node.get_name() in seen:
            continue
        seen.add(node.get_name())
        yield node
        if through(node):
            waiting.extend(neighbours(node))
