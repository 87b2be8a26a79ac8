"""Sets of operations that can be a stage, and the best one of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import openvino as ov

from model_api.graph.stages.costs import nanoseconds
from model_api.graph.stages.crossings import Levels, can_be_carried, carrying_ns
from model_api.graph.traversal import inputs

LEAST_GAIN = 0.85
"""The slowest stage must take less than this share of the time of the whole."""


@dataclass(frozen=True, eq=False)
class Edge:
    """A value that is computed, and those who take it.

    Attributes:
        place: of the operation among all, and of the value among its own.
        source: the bit of the operation.
        takers: the bits of those that take it.
        ns: nanoseconds that it takes to carry it from one stage to the next.
    """

    place: tuple[int, int]
    source: int
    takers: int
    ns: float


class Operations:
    """The operations of a graph. Sets of them are whole numbers: bit n is the n-th operation in their order.

    A stage is a set with all that comes before its operations, and with the whole way of a state or nothing of it.
    """

    def __init__(self, model: ov.Model, states: Mapping[str, str]) -> None:
        """Read a graph. See `cutting.in_stages`."""
        self._nodes = model.get_ordered_ops()
        self._bits = {node.get_name(): 1 << number for number, node in enumerate(self._nodes)}
        self._before: dict[str, int] = {}
        for node in self._nodes:
            self._before[node.get_name()] = reduce(or_, map(self.before, inputs(node)), self.bit(node))
        self._costs = [(self.bit(node), ns) for node in self._nodes if (ns := nanoseconds(node))]
        self._along = [
            (self.bit(node), self.bit(node.input_value(0).get_node())) for node in filter(_goes_along, self._nodes)
        ]
        self._edges = [edge for number in range(len(self._nodes)) for edge in self._edges_of(number)]
        names = {name for port in model.inputs for name in port.names}
        self._ways = [self._way(model, *state) for state in states.items() if state[0] in names]

    def bit(self, node: Any) -> int:
        """The set of one operation."""
        return self._bits[node.get_name()]

    def before(self, node: Any) -> int:
        """The set of an operation and of all that comes before it."""
        return self._before[node.get_name()]

    def best_stage(self, left: int) -> int:
        """The first of `left` stages that take about equally long. 0: no cut pays."""
        whole = self._ns(-1)
        stages = {self._closed(self.before(node)) for node in self._nodes}
        slowest, best = min((self._slowest(stage, left), stage) for stage in stages)
        return best if slowest < LEAST_GAIN * whole else 0

    def leaving(self, stage: int) -> list[Edge]:
        """The values that others take of a stage."""
        return [edge for edge in self._edges if edge.source & stage and edge.takers & ~stage]

    def _ns(self, some: int) -> float:
        return sum(ns for bit, ns in self._costs if bit & some)

    def _slowest(self, stage: int, left: int) -> float:
        """Nanoseconds of the slowest stage, where the others share what one leaves."""
        carrying = sum(edge.ns for edge in self.leaving(stage)) / 2
        return max(self._ns(stage), self._ns(~stage) / (left - 1)) + carrying

    def _closed(self, some: int) -> int:
        """The least stage with some operations."""
        while True:
            stage = reduce(or_, (before for way, before in self._ways if way & some), some)
            stage = reduce(or_, (bit for bit, source in self._along if source & stage), stage)
            if stage == some:
                return stage
            some = stage

    def _way(self, model: ov.Model, state: str, output: str) -> tuple[int, int]:
        """The operations that a state passes on its way, and those with all that comes before them."""
        begin, end = model.input(state).get_node(), model.output(output).get_node()
        passed = (self.bit(node) for node in self._nodes if self.before(node) & self.bit(begin))
        return reduce(or_, passed, 0) & self.before(end), self.before(end)

    def _edges_of(self, number: int) -> Iterator[Edge]:
        """None of what is computed anew in less time than it is carried: constants, and the image in another size."""
        node = self._nodes[number]
        anew_ns, bits = self._ns(self.before(node)), self.bit(node)
        for place, port in enumerate(node.outputs()):
            takers = reduce(or_, (self.bit(taker.get_node()) for taker in port.get_target_inputs()), 0)
            if anew_ns > carrying_ns(port):
                yield Edge((number, place), bits, takers, carrying_ns(port) if can_be_carried(node) else math.inf)


def _goes_along(node: Any) -> bool:
    """Whether an operation is in the stage of what it takes: what is rounded is less to carry."""
    return node.get_type_name() == "Result" or Levels.of(node) is not None
