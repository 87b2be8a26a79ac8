"""Graphs cut into stages: what they compute, and where they are cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api.graph.stages.crossings import Levels
from model_api.graph.stages.cutting import in_stages

HEIGHT, WIDTH, CHANNELS = 40, 64, 16
Arrays = dict[str, Any]


def parameter(name: str, *shape: int) -> Any:
    node = ops.parameter(shape, np.float32)
    node.output(0).get_tensor().set_names({name})
    return node


def result(value: Any, name: str) -> Any:
    node = ops.result(value)
    node.output(0).get_tensor().add_names({name})
    return node


def convolution(source: Any, outputs: int = CHANNELS, seed: int = 1) -> Any:
    inputs = source.output(0).get_shape()[1]
    weights = np.random.default_rng(seed).normal(0, 0.1, (outputs, inputs, 3, 3)).astype(np.float32)
    return ops.convolution(source, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])


def network(*, one_way: bool = False, rounded: tuple[float, float] | None = None) -> tuple[ov.Model, Mapping[str, str]]:
    """Four convolutions in a row, a state after the second and the fourth; the first one's answer is also added at
    the end. one_way: the second state's way is through all of them. rounded: the limits of what lies between them."""
    image = parameter("image", 1, 3, HEIGHT, WIDTH)
    states = [parameter(name, 1, CHANNELS, HEIGHT, WIDTH) for name in ("r1", "r2")]
    first = ops.tanh(convolution(image))
    begin = ops.add(first, ops.tanh(states[1])) if one_way else first
    middle = ops.add(ops.multiply(states[0], ops.constant(np.float32(0.5))), convolution(begin, seed=2))
    between = middle
    if rounded:
        limits = [ops.constant(np.float32(limit)) for limit in rounded * 2]
        between = ops.fake_quantize(middle, *limits, 256)
    third = ops.tanh(convolution(between, seed=3))
    last = ops.add(ops.multiply(states[1], ops.constant(np.float32(0.25))), convolution(third, seed=4))
    answer = convolution(ops.add(last, first), 1, seed=5)
    results = [result(middle, "rr1"), result(last, "rr2"), result(answer, "answer")]
    return ov.Model(results, [image, *states]), {"r1": "rr1", "r2": "rr2"}


def played(parts: Sequence[ov.Model], states: Mapping[str, str], frames: int = 6) -> list[Any]:
    """The answers to some frames, each part with what those before it gave, and the states of the frame before."""
    compiled = [ov.Core().compile_model(part, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}) for part in parts]
    random, answers = np.random.default_rng(7), []
    left: Arrays = {name: np.zeros((1, CHANNELS, HEIGHT, WIDTH), np.float32) for name in states}
    for _ in range(frames):
        values: Arrays = {"image": random.normal(0, 1, (1, 3, HEIGHT, WIDTH)).astype(np.float32), **left}
        for part in compiled:
            given = {port.any_name: values[port.any_name] for port in part.inputs}
            values |= {name: np.array(value) for port, value in part(given).items() for name in port.names}
        left = {name: values[output] for name, output in states.items()}
        answers.append(values["answer"])
    return answers


def names(ports: Sequence[Any]) -> set[str]:
    return {name for port in ports for name in port.names}


@pytest.mark.parametrize("count", [2, 3])
def test_stages_compute_what_the_whole_computes(count: int) -> None:
    model, states = network()
    stages = in_stages(model, states, count)
    assert len(stages) == count
    for one, other in zip(played(stages, states), played([model], states), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_way_of_a_state_is_in_one_stage() -> None:
    model, states = network()
    for stage in in_stages(model, states, 2):
        for name, output in states.items():
            assert (name in names(stage.inputs)) == (output in names(stage.outputs))


def test_stages_share_no_work() -> None:
    """Each convolution over features is in one of them. That of the image takes less time than to carry its answer."""
    model, states = network()
    seen = [
        node.get_friendly_name()
        for stage in in_stages(model, states, 2)
        for node in stage.get_ordered_ops()
        if node.get_type_name() == "Convolution" and node.input_value(0).get_shape()[1] == CHANNELS
    ]
    assert len(seen) == len(set(seen)) == 4


def test_a_state_that_passes_everything_leaves_nothing_to_cut() -> None:
    model, states = network(one_way=True)
    assert len(in_stages(model, states, 2)) == 1


def test_a_graph_of_open_shape_is_not_cut() -> None:
    image = ops.parameter(ov.PartialShape([1, 3, -1, -1]), np.float32)
    model = ov.Model([ops.result(ops.relu(image))], [image])
    assert in_stages(model, {}, 2) == [model]


@pytest.mark.parametrize("limits", [(0.0, 2.55), (-1.28, 1.27), (-0.55, 2.0)])
def test_what_is_rounded_travels_as_bytes(limits: tuple[float, float]) -> None:
    model, states = network(rounded=limits)
    stages = in_stages(model, states, 2)
    carried = {port.any_name: port.element_type for port in stages[0].outputs if port.any_name.startswith("stage")}
    assert sum(kind in (ov.Type.u8, ov.Type.i8) for kind in carried.values()) == 1
    for one, other in zip(played(stages, states), played([model], states), strict=True):
        # A value in the middle between two levels may fall to either of them.
        assert np.abs(one - other).mean() < 1e-3


@pytest.mark.parametrize(
    ("limits", "levels", "expected"),
    [
        ((0.0, 2.55), 256, (0, 0, 0.01)),
        ((-1.28, 1.27), 256, (-128, 0, 0.01)),
        ((-0.55, 2.0), 256, (0, 55, 0.01)),
        ((-0.555, 2.0), 256, None),  # 0 is no level
        ((1.0, 2.0), 256, None),
        ((0.0, 1.5), 16, None),
        ((0.0, 0.0), 256, None),
    ],
)
def test_levels(limits: tuple[float, float], levels: int, expected: tuple[int, int, float] | None) -> None:
    bounds = [ops.constant(np.float32(limit)) for limit in limits * 2]
    found = Levels.of(ops.fake_quantize(parameter("x", 1, 2, 3, 4), *bounds, levels))
    assert (None if found is None else (found.lowest, found.zero, round(found.step, 6))) == expected


def test_levels_of_each_channel_do_not_travel_as_bytes() -> None:
    low = [ops.constant(np.zeros((1, 2, 1, 1), np.float32)) for _ in range(2)]
    high = [ops.constant(np.ones((1, 2, 1, 1), np.float32)) for _ in range(2)]
    node = ops.fake_quantize(parameter("x", 1, 2, 3, 4), low[0], high[0], low[1], high[1], 256)
    assert Levels.of(node) is None


def test_levels_of_a_graph_in_half_precision_do_not_travel_as_bytes() -> None:
    """What is restored of them is in 32 bits: the next operation would not take it."""
    bounds = [ops.constant(np.float16(limit)) for limit in (0.0, 2.55) * 2]
    source = ops.convert(parameter("x", 1, 2, 3, 4), "f16")
    assert Levels.of(ops.fake_quantize(source, *bounds, 256)) is None
