"""Rewritten graphs in 8 bits compute what the same graphs compute in 32 bits, as nearly as before or nearer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
import pytest
from numpy.random import Generator, default_rng
from openvino import opset13 as ops

from model_api.bundled import FOLDER
from model_api.graph import loading
from model_api.graph.cpu_optimizations import rewritten
from model_api.preprocessing import AS_THEY_ARE, ImageInput
from tests.unit.model_api.test_rewrites import computed, parameter, result, types

SIZE = 32
ONES = [1, 1]
STEP = 60 / 255
"""Of features, in the levels that they share with an image of 0..1."""


def rounded(value: Any, low: Any, high: Any, *, exact: bool = False) -> Any:
    """exact: the same in 32 bits."""
    limits = [ops.constant(np.asarray(end, np.float32)) for end in (low, high)]
    return value if exact else ops.fake_quantize(value, *limits, *limits, 256)


def weights(random: Generator, *shape: int) -> Any:
    """As NNCF stores them."""
    scale = random.uniform(0.5, 1.5, (shape[0], *[1] * (len(shape) - 1))).astype(np.float32) / 127
    return ops.multiply(ops.convert(ops.constant(random.integers(-127, 128, shape).astype(np.int8)), "f32"), scale)


def convolution(value: Any, kernel: Any, stride: int = 1, *, padded: bool = True) -> Any:
    around = [1, 1] if padded else [0, 0]
    return ops.convolution(value, kernel, [stride, stride], around, around, ONES)


def biased(random: Generator, value: Any, channels: int) -> Any:
    return ops.add(value, ops.constant(random.normal(0, 0.1, (1, channels, 1, 1)).astype(np.float32)))


def test_levels_begin_at_0_where_nothing_is_negative() -> None:
    """Of a channel that is always 0, calibration says that it goes from -0.0008 to 0.0008."""
    random = default_rng(7)
    x = parameter("x", 4)
    positive = ops.minimum(ops.maximum(x, np.float32(0)), np.float32(6))
    low, high = (np.reshape(ends, (1, 4, 1, 1)) for ends in ([0, -0.0008, 0, 0], [6, 0.0008, 6, 3]))
    kernel = ops.reshape(weights(random, 4, 1, 3, 3), [4, 1, 1, 3, 3], special_zero=False)
    answer = ops.group_convolution(rounded(positive, low, high), kernel, ONES, ONES, ONES, ONES)
    model = ov.Model([result(answer, "a")], [x])
    made = rewritten(model, {})
    (levels,) = (node for node in made.get_ordered_ops() if node.get_type_name() == "FakeQuantize")
    assert np.min(levels.input_value(1).get_node().get_data()) == 0
    image = random.normal(2, 2, (1, 4, *x.get_output_shape(0)[2:])).astype(np.float32)
    image[:, 1] = -1
    np.testing.assert_allclose(computed(made, {"x": image})[0], computed(model, {"x": image})[0], atol=1e-4)


def unit(*, exact: bool) -> ov.Model:
    """A gated recurrent unit, rounded wherever calibration rounds it."""
    random = default_rng(5)
    x, r = parameter("x", 8), parameter("r", 8)
    before = rounded(r, -1.02, 15.2, exact=exact)
    gate = rounded(ops.sigmoid(convolution(rounded(x, -4, 4), weights(random, 8, 8, 3, 3))), 0, 1, exact=exact)
    candidate = rounded(ops.tanh(convolution(rounded(x, -4, 4), weights(random, 8, 8, 3, 3))), -1.007, 1, exact=exact)
    change = ops.multiply(gate, rounded(ops.subtract(candidate, before), -16, 1.03, exact=exact))
    after = ops.add(before, rounded(change, -16, 1, exact=exact))
    answer = convolution(ops.concat([rounded(x, -4, 4), rounded(r, -1.02, 15.2)], 1), weights(random, 8, 16, 3, 3))
    return ov.Model([result(answer, "a"), result(after, "rr")], [x, r])


def test_a_state_is_not_rounded_from_frame_to_frame() -> None:
    random = default_rng(7)
    shape = parameter("x", 8).get_output_shape(0)
    given = {"x": random.normal(0, 1, shape), "r": random.uniform(-1, 15, shape)}
    given = {name: value.astype(np.float32) for name, value in given.items()}
    last = {**given, "r": given["r"].transpose(0, 2, 3, 1)}
    answer, state = computed(unit(exact=True), given)
    made = rewritten(unit(exact=False), {"r": "rr"})
    new_answer, new_state = computed(made, last)
    assert np.abs(computed(unit(exact=False), given)[1] - state).max() > 0.02
    np.testing.assert_allclose(new_state.transpose(0, 3, 1, 2), state, atol=1e-4)
    np.testing.assert_allclose(new_answer, answer, atol=1e-3)
    levels = [node for node in made.get_ordered_ops() if node.get_type_name() == "FakeQuantize"]
    assert any(node.input_value(0).get_node().get_type_name() == "Parameter" for node in levels), "turned, then rounded"


def image_of(*, exact: bool) -> tuple[Any, Any, Any]:
    """The bytes of an image, the same as RGB in [0, 1], and in about [-1, 1]."""
    image = ops.parameter([1, SIZE, SIZE, 3], np.uint8)
    image.output(0).get_tensor().set_names({"src"})
    planes = rounded(ops.transpose(ops.convert(image, "f32"), [0, 3, 1, 2]), 0, 253.9, exact=exact)
    rgb = ops.gather(planes, ops.constant([2, 1, 0]), ops.constant(1))
    part = rounded(ops.multiply(rgb, ops.constant(np.full((1, 3, 1, 1), 1 / 255, np.float32))), 0, 0.9957, exact=exact)
    centred = ops.subtract(ops.multiply(part, np.float32(255 / 128)), np.float32(127 / 128))
    return image, part, rounded(centred, -0.9879211, 0.9957, exact=exact)


def first_layer(*, exact: bool) -> ov.Model:
    random = default_rng(6)
    image, _, centred = image_of(exact=exact)
    padded = ops.pad(centred, [0, 0, 0, 0], [0, 0, 1, 1], "constant", np.float32(0))
    return ov.Model([result(convolution(padded, weights(random, 16, 3, 3, 3), 2, padded=False), "a")], [image])


def test_the_first_convolution_takes_the_bytes_of_the_image() -> None:
    random = default_rng(7)
    image = random.integers(0, 256, (1, SIZE, SIZE, 3)).astype(np.uint8)
    made = rewritten(first_layer(exact=False), {})
    assert not {"FakeQuantize", "Gather"} & set(types(made))
    (expected,) = computed(first_layer(exact=True), {"src": image})
    before, after = (computed(model, {"src": image})[0] for model in (first_layer(exact=False), made))
    assert np.abs(after - expected).max() < min(0.02, np.abs(before - expected).max())


@pytest.mark.parametrize("change", ["shift", "colours", "coarse"])
def test_another_normalization_is_left(change: str) -> None:
    """A zero between two bytes, one for each colour, and a rounding to fewer levels than the image has."""
    random = default_rng(7)
    image = ops.parameter([1, SIZE, SIZE, 3], np.uint8)
    image.output(0).get_tensor().set_names({"src"})
    shift = np.array({"shift": [0.5, 0.5, 0.5], "colours": [0, 127, 127], "coarse": [0, 0, 0]}[change], np.float32)
    planes = ops.subtract(ops.transpose(ops.convert(image, "f32"), [0, 3, 1, 2]), shift.reshape(1, 3, 1, 1))
    levels = rounded(planes, -shift[0], (1023 if change == "coarse" else 255) - shift[0])
    model = ov.Model([result(convolution(levels, weights(random, 16, 3, 3, 3)), "a")], [image])
    assert "FakeQuantize" in types(rewritten(model, {}))


def last_block(*, exact: bool) -> ov.Model:
    """Features joined with the image at half of its size, added to what comes from below."""
    random = default_rng(8)
    image, part, _ = image_of(exact=exact)
    features, below = (ops.parameter([1, 16, SIZE // 2, SIZE // 2], np.float32) for _ in range(2))
    for node, name in ((features, "features"), (below, "below")):
        node.output(0).get_tensor().set_names({name})
    half = rounded(
        ops.avg_pool(part, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True), -128 * STEP, 127 * STEP, exact=exact
    )
    joined = ops.concat([rounded(features, -128 * STEP, 127 * STEP), half], 1)
    mixed = rounded(
        biased(random, convolution(joined, weights(random, 16, 19, 1, 1), padded=False), 16), -8, 8, exact=exact
    )
    answer = rounded(ops.relu(ops.add(mixed, rounded(below, -4, 4))), 0, 9, exact=exact)
    answer = convolution(answer, weights(random, 4, 16, 1, 1), padded=False)
    return ov.Model([result(answer, "a")], [image, features, below])


def test_an_image_beside_features_keeps_its_levels() -> None:
    """It had the few levels that the range of the features leaves."""
    random = default_rng(7)
    sides = (1, 16, SIZE // 2, SIZE // 2)
    given = {
        "src": random.integers(0, 256, (1, SIZE, SIZE, 3)).astype(np.uint8),
        "features": (random.integers(-2, 3, sides) * STEP).astype(np.float32),
        "below": random.uniform(-3, 3, sides).astype(np.float32),
    }
    (expected,) = computed(last_block(exact=True), given)
    made = rewritten(last_block(exact=False), {})
    assert not {"AvgPool", "Concat"} & set(types(made))
    before, after = (np.abs(computed(m, given)[0] - expected).mean() for m in (last_block(exact=False), made))
    assert after < 0.7 * before


@pytest.mark.parametrize(("width", "kernel"), [(SIZE, 3), (SIZE, 1), (SIZE + 2, 3)])
def test_pixels_of_the_last_layer_are_convolved_together(width: int, kernel: int) -> None:
    """The same to the last bit; a width that four do not divide is left."""
    random = default_rng(7)
    x = ops.parameter([1, 16, SIZE, width], np.float32)
    x.output(0).get_tensor().set_names({"x"})
    around = [kernel // 2] * 2
    four = biased(
        random,
        ops.convolution(rounded(x, 0, 10), weights(random, 4, 16, kernel, kernel), ONES, around, around, ONES),
        4,
    )
    alpha = ops.sigmoid(ops.depth_to_space(four, "blocks_first", 2))
    model = ov.Model([result(alpha, "a")], [x])
    made = rewritten(model, {})
    assert ("DepthToSpace" in types(made)) == bool(width % 4)
    given = {"x": random.uniform(0, 10, (1, 16, SIZE, width)).astype(np.float32)}
    np.testing.assert_allclose(computed(made, given)[0], computed(model, given)[0], atol=1e-6)


@pytest.mark.parametrize(("name", "image"), [("video", "src"), ("portrait", "input")])
def test_bundled_models_have_the_form_that_is_rewritten(name: str, image: str) -> None:
    """So that one that is trained and quantized anew is as fast as the one before."""
    network = loading.read(FOLDER / f"{name}.xml")
    model = loading.embed(network, {image: ImageInput("NCHW", AS_THEY_ARE)}, ())
    states = {f"r{number}": f"rr{number}" for number in range(1, 4)} if name == "video" else {}
    made = rewritten(loading.specialize(model, {image: (1, 288, 480, 3)}, {}, states), states)
    assert not {"AvgPool", "DepthToSpace"} & set(types(made))
    assert not (states and rounded_differences(made))


def rounded_differences(model: ov.Model) -> Sequence[str]:
    """Differences that are rounded: those of a recurrent unit."""
    return [
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "FakeQuantize" and node.input_value(0).get_node().get_type_name() == "Subtract"
    ]
