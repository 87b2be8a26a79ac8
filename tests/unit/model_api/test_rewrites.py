"""Rewritten graphs compute what they computed before."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api.graph.cpu_optimizations import rewritten

HEIGHT, WIDTH = 9, 12


def parameter(name: str, channels: int) -> Any:
    node = ops.parameter([1, channels, HEIGHT, WIDTH], np.float32)
    node.output(0).get_tensor().set_names({name})
    return node


def result(value: Any, name: str) -> Any:
    node = ops.result(value)
    node.output(0).get_tensor().set_names({name})
    return node


def box(source: Any, planes: int, height: int, width: int, weight: float | None = None) -> Any:
    value = 1 / (height * width) if weight is None else weight
    weights = ops.constant(np.full((planes, 1, 1, height, width), value, np.float32))
    around = [height // 2, width // 2]
    return ops.group_convolution(source, weights, [1, 1], around, around, [1, 1])


def convolution(source: Any, channels: int) -> Any:
    weights = np.random.default_rng(3).normal(0, 1, (5, channels, 3, 3)).astype(np.float32)
    return ops.convolution(source, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])


def types(model: ov.Model) -> list[str]:
    return [node.get_type_name() for node in model.get_ordered_ops()]


def computed(model: ov.Model, given: dict[str, Any]) -> list[Any]:
    answers = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(given)
    return [np.array(answers[number]) for number in range(len(model.outputs))]


def noise(*channels: int) -> list[Any]:
    random = np.random.default_rng(4)
    return [random.normal(0, 1, (1, number, HEIGHT, WIDTH)).astype(np.float32) for number in channels]


def assert_alike(model: ov.Model, given: dict[str, Any]) -> ov.Model:
    made = rewritten(model, {})
    for one, other in zip(computed(made, given), computed(model, given), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    return made


def test_means_of_windows_are_pooled_together() -> None:
    """Two of one kind, one of them in two steps, and one of another."""
    x, y = parameter("x", 4), parameter("y", 3)
    in_two = box(box(x, 4, 3, 1), 4, 1, 3)
    outputs = [result(in_two, "a"), result(box(y, 3, 3, 3), "b"), result(box(y, 3, 5, 5), "c")]
    made = assert_alike(ov.Model(outputs, [x, y]), dict(zip("xy", noise(4, 3), strict=True)))
    assert types(made).count("AvgPool") == 2
    assert "GroupConvolution" not in types(made)


def test_a_mean_of_means_is_not_pooled_beside_them() -> None:
    x = parameter("x", 4)
    first = box(x, 4, 3, 3)
    outputs = [result(first, "a"), result(box(ops.multiply(first, x), 4, 3, 3), "b")]
    made = assert_alike(ov.Model(outputs, [x]), {"x": noise(4)[0]})
    assert types(made).count("AvgPool") == 2


def test_the_first_of_two_steps_is_left_where_others_want_it_too() -> None:
    x = parameter("x", 4)
    rows = box(x, 4, 3, 1)
    outputs = [result(rows, "a"), result(box(rows, 4, 1, 3), "b")]
    assert_alike(ov.Model(outputs, [x]), {"x": noise(4)[0]})


@pytest.mark.parametrize("weight", [0.2, -1 / 9])
def test_what_is_no_mean_is_left(weight: float) -> None:
    x = parameter("x", 4)
    made = assert_alike(ov.Model([result(box(x, 4, 3, 3, weight), "a")], [x]), {"x": noise(4)[0]})
    assert "AvgPool" not in types(made)


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
@pytest.mark.parametrize(
    ("channels", "block", "convolved"), [(3, [3, 2], True), (8, [3, 2], False), (3, [2, 2], False)]
)
def test_blocks_of_a_picture_are_averaged_by_a_convolution(
    channels: int, block: list[int], convolved: bool, rounding: str
) -> None:
    """Features are not, nor are blocks that do not fill the picture: it has nine rows."""
    x = parameter("x", channels)
    pool = ops.avg_pool(x, block, [0, 0], [0, 0], block, exclude_pad=True, rounding_type=rounding)
    made = assert_alike(ov.Model([result(pool, "a")], [x]), {"x": noise(channels)[0]})
    assert ("AvgPool" not in types(made)) == convolved


def test_a_picture_beside_features_is_convolved_apart() -> None:
    features, picture = parameter("x", 8), parameter("y", 3)
    answer = convolution(ops.concat([features, picture], 1), 11)
    made = assert_alike(ov.Model([result(answer, "a")], [features, picture]), dict(zip("xy", noise(8, 3), strict=True)))
    assert "Concat" not in types(made)


def test_features_beside_features_stay_together() -> None:
    one, other = parameter("x", 8), parameter("y", 8)
    answer = convolution(ops.concat([one, other], 1), 16)
    made = assert_alike(ov.Model([result(answer, "a")], [one, other]), dict(zip("xy", noise(8, 8), strict=True)))
    assert "Concat" in types(made)


def test_states_travel_with_channels_last_and_the_model_given_stays() -> None:
    picture, state = parameter("x", 3), parameter("r", 8)
    after = ops.add(convolution(ops.concat([state, picture], 1), 11), ops.constant(np.float32(1)))
    model = ov.Model([result(after, "rr")], [picture, state])
    made = rewritten(model, {"r": "rr"})
    assert list(made.input("r").shape) == [1, HEIGHT, WIDTH, 8]
    assert list(made.output("rr").shape) == [1, HEIGHT, WIDTH, 5]
    assert list(model.input("r").shape) == [1, 8, HEIGHT, WIDTH]
    image, before = noise(3, 8)
    expected = computed(model, {"x": image, "r": before})[0]
    found = computed(made, {"x": image, "r": before.transpose(0, 2, 3, 1)})[0]
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2), expected, atol=1e-5)
