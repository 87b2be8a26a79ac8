"""Robust Video Matting's guided filter taken out of its graph, so that nothing is computed there at the frame's size.

The filter ends in answer = slope · picture + offset, slope and offset enlarged from the small size at which the
network looks, picture the frame's red, green, blue and grey (He and Sun, "Fast Guided Filter", arXiv 1505.00996; the
deep one of Wu et al., arXiv 1803.05619, finds the slopes in another way and ends the same). Cut there, the network
takes the small picture and answers slope and offset; `mattes.GuidedMatte` does the rest. Where slope and offset come
from the fast filter, the network is cut before that too, and `guided_filter` finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from model_api.adapters.base import Binding
from model_api.graph.cpu_optimizations import averaging
from model_api.graph.loading import inputs, redirect
from model_api.mattes.guided_filter import slope_and_offset, with_grey

SLOPE, OFFSET, ANSWER = "slope", "offset", "answer"
FILTERED = frozenset({SLOPE, ANSWER})
"""The answers of networks without their filter."""

POINTWISE = ("Add", "Clamp", "Concat", "Convert", "Divide", "FakeQuantize", "Gather", "Maximum", "Minimum", "Multiply",
             "Power", "ReduceMean", "Reverse", "Split", "Subtract", "Transpose", "VariadicSplit")  # fmt: skip
TRIAL_PX = 6
EXACT = 1e-3
FITTED = 1e-2
CLOSE = 2 / 255
"""Foregrounds come in whole levels."""


@dataclass(frozen=True)
class ExtractedRefiner:
    """model: takes the small picture and answers SLOPE and OFFSET, for answers in [0, 1] from pictures in [0, 1], or
    ANSWER, from which the fast filter finds them; each (1, h, w, 4) float32 of red, green, blue and alpha, the colours
    as residuals."""

    model: ov.Model
    binding: Binding


def extract_refiner(model: ov.Model, binding: Binding) -> ExtractedRefiner | None:
    """The network without its guided filter, or None if it has none that is known. Works on a copy.

    model: with its preprocessing inside, so that pictures and foreground are u8 NHWC BGR.
    """
    if len(binding.images) != 1 or "alpha" not in binding.answers or not binding.states:
        return None
    model = model.clone()
    end = _filter_end(model, binding.answers["alpha"])
    if end is None or not _ends_so(model, binding, end):
        return None
    height, width = model.input(binding.images[0]).get_partial_shape()[1:3]
    whole_wh = None if height.is_dynamic or width.is_dynamic else (width.get_length(), height.get_length())
    rest = Binding(binding.images, {SLOPE: SLOPE, OFFSET: OFFSET}, states=binding.states, whole_wh=whole_wh)
    try:
        made = _without_filter(model, binding, end)
    except RuntimeError:  # something else than the filter wants the whole picture
        return None
    if made is None:
        return None
    low = _without_boxes(made, binding)
    return ExtractedRefiner(low, replace(rest, answers={ANSWER: ANSWER})) if low else ExtractedRefiner(made, rest)


@dataclass(frozen=True)
class _End:
    """The last sum of the filter: slope and offset as they are enlarged."""

    slope: Any
    offset: Any


def _filter_end(model: ov.Model, alpha: str) -> _End | None:
    """Upwards from alpha, the first sum of an enlarged picture and a product with an enlarged picture."""
    waiting = [model.output(alpha).get_node()]
    while waiting:
        node = waiting.pop(0)
        above = inputs(node)
        if node.get_type_name() == "Add":
            for product, offset in (above, above[::-1]):
                slope = _resized_factor(product)
                if slope is not None and _is_bilinear(offset):
                    return _End(slope, offset)
        waiting += [other for other in above if node.get_type_name() in (*POINTWISE, "Result")]
    return None


def _resized_factor(product: Any) -> Any:
    if product.get_type_name() != "Multiply":
        return None
    return next((node for node in inputs(product) if _is_bilinear(node)), None)


def _is_bilinear(node: Any) -> bool:
    """As OpenCV enlarges and shrinks, pixels being areas."""
    if node.get_type_name() != "Interpolate":
        return False
    told = node.get_attributes()
    centres = told["coordinate_transformation_mode"] in ("half_pixel", "pytorch_half_pixel")
    return centres and told["mode"] in ("linear", "linear_onnx") and not told["antialias"]


def _ends_so(model: ov.Model, binding: Binding, end: _End) -> bool:
    """Whether alpha and foreground follow from slope, offset and picture as `mattes.GuidedMatte` computes them: asked
    of the graph itself, with numbers."""
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (1, TRIAL_PX, TRIAL_PX, 3), np.uint8)
    slope, offset = (random.normal(0, 0.5, (1, 4, TRIAL_PX, TRIAL_PX)).astype(np.float32) for _ in range(2))
    outputs = [name for name in (binding.answers["alpha"], binding.foreground) if name]
    found = _computed(model, binding.images[0], picture, {end.slope: slope, end.offset: offset}, outputs)
    if found is None:
        return False
    rgb = picture[..., ::-1].transpose(0, 3, 1, 2) / 255
    planes = np.concatenate([rgb, rgb.mean(1, keepdims=True)], 1)
    answer = slope * planes + offset
    expected = [answer[:, 3:], (answer[:, :3] + rgb).transpose(0, 2, 3, 1)[..., ::-1]]
    scales = (1, 255)
    return all(
        np.abs(one / scale - np.clip(other, 0, 1)).max() < CLOSE
        for one, other, scale in zip(found, expected, scales, strict=False)
    )


def _computed(model: ov.Model, image: str, picture: Any, given: dict[Any, Any], outputs: Sequence[str]) -> Any:
    """The outputs of the graph where `given` stands for what those nodes compute, None if they need more than that and
    the picture."""
    stand_ins = {node.get_friendly_name(): ops.constant(value) for node, value in given.items()}
    trial = model.clone()
    source = trial.input(image).get_node()
    try:
        for node in trial.get_ordered_ops():
            if node.get_friendly_name() in stand_ins:
                redirect(node.output(0), stand_ins[node.get_friendly_name()].output(0))
        results = [ops.result(trial.output(name).get_node().input_value(0)) for name in outputs]
        source.set_partial_shape(ov.PartialShape(picture.shape))
        alone = ov.Model(results, [source], "trial")
        alone.validate_nodes_and_infer_types()
        answers = ov.Core().compile_model(alone, "CPU")([picture])
    except RuntimeError:
        return None
    return [np.array(answers[number]) for number in range(len(outputs))]


def _without_filter(model: ov.Model, binding: Binding, end: _End) -> ov.Model | None:
    """The picture goes where the shrunk one went; slope and offset come out before they are enlarged. None if it is not
    known which points of a picture of fixed size the network sees."""
    source = model.input(binding.images[0]).get_node()
    shape = source.get_output_partial_shape(0)
    slope, offset = (node.input_value(0) for node in (end.slope, end.offset))
    states = [model.output(name).get_node() for name in (binding.states or {}).values()]
    results = [*states, _answer(slope, SLOPE), _answer(offset, OFFSET)]
    parameters = [model.input(name).get_node() for name in (binding.images[0], *(binding.states or {}))]
    shrunk = next((node for node in _reached(source) if _is_bilinear(node)), None)
    if shrunk:  # else it looks at pictures of the frame's size
        if shape.is_static and not _covers_all(shrunk):
            return None
        small = shrunk.get_output_partial_shape(0)
        redirect(shrunk.output(0), shrunk.input_value(0))
        source.set_partial_shape(ov.PartialShape([shape[0], small[2], small[3], shape[3]]))
    made = ov.Model(results, parameters, model.get_friendly_name())
    made.validate_nodes_and_infer_types()
    return made


def _covers_all(shrunk: Any) -> bool:
    """Whether a picture is shrunk from edge to edge: by a scale that leaves a part of a pixel over, it is not."""
    before, after = shrunk.get_input_partial_shape(0), shrunk.get_output_partial_shape(0)
    if shrunk.get_attributes()["shape_calculation_mode"] == "sizes":
        return after.is_static
    scales = shrunk.input_value(1).get_node()
    if after.is_dynamic or scales.get_type_name() != "Constant":
        return False
    scaled = np.array(before.to_shape()) * np.array(scales.get_data(), np.float64)
    return bool(np.abs(scaled - np.array(after.to_shape())).max() < EXACT)


def _reached(source: Any) -> Iterator[Any]:
    """What the picture runs into, through nothing but work on single pixels."""
    waiting = [source]
    while waiting:
        for port in waiting.pop(0).outputs():
            for consumer in port.get_target_inputs():
                yield consumer.get_node()
                if consumer.get_node().get_type_name() in POINTWISE:
                    waiting.append(consumer.get_node())


def _without_boxes(model: ov.Model, binding: Binding) -> ov.Model | None:
    """Cut where the fast filter begins, if that is how slope and offset are found: asked of the graph with numbers."""
    random = np.random.default_rng(1)
    # Light and dark in every window: where all is alike, the rounding of the network's own weights decides.
    light = 200 * (np.indices((TRIAL_PX, TRIAL_PX)).sum(0) % 2)
    picture = (random.integers(0, 56, (1, TRIAL_PX, TRIAL_PX, 3)) + light[..., np.newaxis]).astype(np.uint8)
    answer = random.normal(0, 0.5, (1, 4, TRIAL_PX, TRIAL_PX)).astype(np.float32)
    slope, offset = slope_and_offset(with_grey(picture[0]), _bgra(answer.transpose(0, 2, 3, 1)))
    expected = slope * np.float32(255), offset
    for source in _averaged(model.output(SLOPE).get_node()):
        found = _computed(model, binding.images[0], picture, {source.get_node(): answer}, [SLOPE, OFFSET])
        if found and all(np.abs(_bgra(one) - other).max() < FITTED for one, other in zip(found, expected, strict=True)):
            states = [model.output(name).get_node() for name in (binding.states or {}).values()]
            return ov.Model([*states, _answer(source, ANSWER)], model.get_parameters(), model.get_friendly_name())
    return None


def _averaged(result: Any) -> list[Any]:
    """What the first averages above are of."""
    found, waiting, seen = [], [result], set()
    while waiting:
        node = waiting.pop(0)
        box = averaging(node)
        if box is not None:
            found.append(box.source)
        elif node.get_friendly_name() not in seen and node.get_type_name() in (*POINTWISE, "Result"):
            waiting += inputs(node)
        seen.add(node.get_friendly_name())
    return found


def _bgra(planes: Any) -> Any:
    return planes[0][..., [2, 1, 0, 3]]


def _answer(planes: Any, name: str) -> Any:
    """(1, 4, h, w) as NHWC."""
    result = ops.result(ops.transpose(ops.convert(planes, "f32"), [0, 2, 3, 1]))
    result.output(0).get_tensor().set_names({name})
    return result
