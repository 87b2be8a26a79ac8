"""Robust Video Matting's guided filter taken out of its graph, so that nothing is computed there at the frame's size.

The filter ends in answer = a · image + b. The coefficients a and b are enlarged from the small size at which the
network sees the frame; image is the frame's red, green, blue and grey (He and Sun, "Fast Guided Filter", arXiv
1505.00996; the deep one of Wu et al., arXiv 1803.05619, computes the coefficients in another way and ends the same).
Without its filter the network takes the small image and answers a and b; `mattes.GuidedMatte` does the rest. Where a
and b come from the fast filter, that part is taken out too, and `guided_filter.fit_coefficients` computes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from model_api.graph.cpu_optimizations import averaging
from model_api.graph.traversal import downstream, inputs, is_pointwise, redirect, upstream
from model_api.mattes.guided_filter import fit_coefficients, with_grey
from model_api.types import Binding

SLOPE, OFFSET, ANSWER = "slope", "offset", "answer"
"""Outputs of networks without their filter: a and b, or what the fast filter computes them from."""

TRIAL_PX = 6
EXACT = 1e-3
FITTED = 1e-2
CLOSE = 2 / 255
"""Foregrounds come in whole levels."""


@dataclass(frozen=True)
class ExtractedRefiner:
    """A network without its guided filter.

    Attributes:
        model: takes the small image and answers SLOPE and OFFSET, for answers in [0, 1] from images in [0, 1], or
            ANSWER, which the fast filter computes them from. Each is (1, h, w, 4) float32: red, green, blue and alpha,
            the colours as residuals.
        binding: the roles of its inputs and outputs.
    """

    model: ov.Model
    binding: Binding


def extract_refiner(model: ov.Model, binding: Binding) -> ExtractedRefiner | None:
    """Take the guided filter out of a copy of a network.

    Args:
        model: with its preprocessing inside, so that images and foreground are uint8 NHWC BGR.
        binding: the roles of its inputs and outputs.

    Returns:
        The rest of the network, or None if it has no guided filter that is known.
    """
    if len(binding.images) != 1 or "alpha" not in binding.answers or not binding.states:
        return None
    model = model.clone()
    end = _filter_end(model, binding.answers["alpha"])
    if end is None or not _ends_so(model, binding, end):
        return None
    try:
        without_end = _without_end(model, binding, end)
    except RuntimeError:  # something else than the filter takes the whole image
        return None
    if without_end is None:
        return None
    rest = Binding(binding.images, {name: name for name in (SLOPE, OFFSET)}, states=binding.states)
    without_fit = _without_fit(without_end, binding)
    if without_fit is None:
        return ExtractedRefiner(without_end, rest)
    return ExtractedRefiner(without_fit, replace(rest, answers={ANSWER: ANSWER}))


@dataclass(frozen=True)
class _FilterEnd:
    """The last sum of the filter: the nodes that enlarge a and b."""

    slope: Any
    offset: Any


def _filter_end(model: ov.Model, alpha: str) -> _FilterEnd | None:
    """Upstream of alpha, the first sum of an enlarged image and a product with an enlarged image."""
    for node in upstream([model.output(alpha).get_node()], _is_pointwise_or_result):
        if node.get_type_name() == "Add":
            for product, offset in (inputs(node), inputs(node)[::-1]):
                slope = _resized_factor(product)
                if slope is not None and _is_bilinear(offset):
                    return _FilterEnd(slope, offset)
    return None


def _is_pointwise_or_result(node: Any) -> bool:
    return is_pointwise(node) or node.get_type_name() == "Result"


def _resized_factor(product: Any) -> Any:
    if product.get_type_name() != "Multiply":
        return None
    return next((node for node in inputs(product) if _is_bilinear(node)), None)


def _is_bilinear(node: Any) -> bool:
    """Whether a node resizes as OpenCV does, with pixels as areas."""
    if node.get_type_name() != "Interpolate":
        return False
    attributes = node.get_attributes()
    centres = attributes["coordinate_transformation_mode"] in ("half_pixel", "pytorch_half_pixel")
    return centres and attributes["mode"] in ("linear", "linear_onnx") and not attributes["antialias"]


def _ends_so(model: ov.Model, binding: Binding, end: _FilterEnd) -> bool:
    """Whether `GuidedMatte` computes the same alpha and foreground from a, b and the image: tried with numbers."""
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (1, TRIAL_PX, TRIAL_PX, 3), np.uint8)
    slope, offset = (random.normal(0, 0.5, (1, 4, TRIAL_PX, TRIAL_PX)).astype(np.float32) for _ in range(2))
    outputs = [name for name in (binding.answers["alpha"], binding.foreground) if name]
    computed = _computed(model, binding.images[0], image, {end.slope: slope, end.offset: offset}, outputs)
    if computed is None:
        return False
    rgb = image[..., ::-1].transpose(0, 3, 1, 2) / 255
    planes = np.concatenate([rgb, rgb.mean(1, keepdims=True)], 1)
    answer = slope * planes + offset
    expected = [answer[:, 3:], (answer[:, :3] + rgb).transpose(0, 2, 3, 1)[..., ::-1]]
    scales = (1, 255)
    return all(
        np.abs(one / scale - np.clip(other, 0, 1)).max() < CLOSE
        for one, other, scale in zip(computed, expected, scales, strict=False)
    )


def _computed(
    model: ov.Model, input_name: str, image: Any, values: dict[Any, Any], outputs: Sequence[str]
) -> list[Any] | None:
    """The outputs where `values` replace what the nodes compute; None if they need more than these and the image."""
    stand_ins = {node.get_friendly_name(): ops.constant(value) for node, value in values.items()}
    trial = model.clone()
    source = trial.input(input_name).get_node()
    try:
        for node in trial.get_ordered_ops():
            if node.get_friendly_name() in stand_ins:
                redirect(node.output(0), stand_ins[node.get_friendly_name()].output(0))
        results = [ops.result(trial.output(name).get_node().input_value(0)) for name in outputs]
        source.set_partial_shape(ov.PartialShape(image.shape))
        alone = ov.Model(results, [source], "trial")
        alone.validate_nodes_and_infer_types()
        answers = ov.Core().compile_model(alone, "CPU")([image])
    except RuntimeError:
        return None
    return [np.array(answers[number]) for number in range(len(outputs))]


def _without_end(model: ov.Model, binding: Binding, end: _FilterEnd) -> ov.Model | None:
    """Feed the image where the shrunk one went, and return a and b before they are enlarged.

    None if it is not known which points of an image of fixed size the network sees.
    """
    source = model.input(binding.images[0]).get_node()
    shape = source.get_output_partial_shape(0)
    slope, offset = (node.input_value(0) for node in (end.slope, end.offset))
    results = [*_state_results(model, binding), _answer(slope, SLOPE), _answer(offset, OFFSET)]
    parameters = [model.input(name).get_node() for name in (binding.images[0], *binding.states)]
    shrunk = next((node for node in downstream([source], _is_pointwise_or_parameter) if _is_bilinear(node)), None)
    if shrunk is not None:  # else the network sees images of the frame's size
        if shape.is_static and not _covers_all(shrunk):
            return None
        small = shrunk.get_output_partial_shape(0)
        redirect(shrunk.output(0), shrunk.input_value(0))
        source.set_partial_shape(ov.PartialShape([shape[0], small[2], small[3], shape[3]]))
    rest = ov.Model(results, parameters, model.get_friendly_name())
    rest.validate_nodes_and_infer_types()
    return rest


def _is_pointwise_or_parameter(node: Any) -> bool:
    return is_pointwise(node) or node.get_type_name() == "Parameter"


def _state_results(model: ov.Model, binding: Binding) -> list[Any]:
    return [model.output(name).get_node() for name in binding.states.values()]


def _covers_all(shrunk: Any) -> bool:
    """Whether an image is shrunk from edge to edge. A scale that leaves a part of a pixel over does not."""
    before, after = shrunk.get_input_partial_shape(0), shrunk.get_output_partial_shape(0)
    if shrunk.get_attributes()["shape_calculation_mode"] == "sizes":
        return after.is_static
    scales = shrunk.input_value(1).get_node()
    if after.is_dynamic or scales.get_type_name() != "Constant":
        return False
    scaled = np.array(before.to_shape()) * np.array(scales.get_data(), np.float64)
    return bool(np.abs(scaled - np.array(after.to_shape())).max() < EXACT)


def _without_fit(model: ov.Model, binding: Binding) -> ov.Model | None:
    """Take out the fast filter too, if a and b come from it: tried with numbers. None if they do not."""
    random = np.random.default_rng(1)
    # Light and dark in every window: where all is alike, the rounding of the network's own weights decides.
    light = 200 * (np.indices((TRIAL_PX, TRIAL_PX)).sum(0) % 2)
    image = (random.integers(0, 56, (1, TRIAL_PX, TRIAL_PX, 3)) + light[..., np.newaxis]).astype(np.uint8)
    answer = random.normal(0, 0.5, (1, 4, TRIAL_PX, TRIAL_PX)).astype(np.float32)
    slope, offset = fit_coefficients(with_grey(image[0]), _bgra(answer.transpose(0, 2, 3, 1)))
    expected = slope * np.float32(255), offset
    for source in _averaged(model.output(SLOPE).get_node()):
        computed = _computed(model, binding.images[0], image, {source.get_node(): answer}, [SLOPE, OFFSET])
        if computed and all(
            np.abs(_bgra(one) - other).max() < FITTED for one, other in zip(computed, expected, strict=True)
        ):
            results = [*_state_results(model, binding), _answer(source, ANSWER)]
            return ov.Model(results, model.get_parameters(), model.get_friendly_name())
    return None


def _averaged(result: Any) -> list[Any]:
    """The sources of the first box filters upstream of `result`."""
    walk = upstream([result], lambda node: _is_pointwise_or_result(node) and averaging(node) is None)
    return [box.source for box in map(averaging, walk) if box is not None]


def _bgra(planes: Any) -> Any:
    return planes[0][..., [2, 1, 0, 3]]


def _answer(planes: Any, name: str) -> Any:
    """(1, 4, h, w) as an output in NHWC."""
    result = ops.result(ops.transpose(ops.convert(planes, "f32"), [0, 2, 3, 1]))
    result.output(0).get_tensor().set_names({name})
    return result
