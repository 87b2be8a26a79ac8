"""Changes to a network's graph that make an IR complete: its size, its preprocessing, its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset15 as ops
from openvino.passes import ConstantFolding, MakeStateful, Manager
from openvino.preprocess import PrePostProcessor

from model_api.adapters.base import Binding
from model_api.errors import ModelContractError
from model_api.graph import loading
from model_api.models.base import MULTIPLE_PX
from model_api.preprocessing import ImageInput
from model_api.types import Signature, Size

EXACT = 1e-4
"""A scaled size this close to a whole number of pixels is that number."""


def set_size(model: ov.Model, signature: Signature, binding: Binding, size: Size, ratio: float | None) -> None:
    """Fix every shape for pictures of `size`. ratio: for networks that shrink their picture first.

    Raises ModelContractError if the network cannot be made to take such pictures.
    """
    for name in binding.baked:
        loading.bake(model, name, np.array([ratio], np.float32))
    if not binding.baked and ratio is not None:
        _set_ratio(model, binding.images[0], ratio)
    shapes = {name: _shape(signature.input(name).shape, size) for name in binding.images}
    try:
        loading.reshape(model, shapes, binding.states or {})
    except RuntimeError as error:
        raise ModelContractError(
            f"This network does not take pictures of {size[0]}x{size[1]}: {loading.reason(error)}. {_advice(size)}"
        ) from error
    fold(model)
    _require_whole(model, binding, size)


def fold(model: ov.Model) -> None:
    """Compute now what does not depend on the pictures, and give whole sizes in place of scales.

    A device that computes a size from a scale of its own precision may come out a pixel short.
    """
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    for op in model.get_ops():
        if op.get_type_name() == "Interpolate":
            _use_sizes(op)
    model.validate_nodes_and_infer_types()


def embed_preprocessing(model: ov.Model, images: Mapping[str, ImageInput]) -> ov.Model:
    """The network for BGR pictures of 0..255, float, in its own layout. Returns a new model."""
    steps = PrePostProcessor(model)
    for name, image in images.items():
        item = steps.input(name)
        item.tensor().set_layout(ov.Layout(image.layout))
        item.model().set_layout(ov.Layout(image.layout))
        loading.normalize(item.preprocess(), image.preprocessing)
    return steps.build()


def keep_state_inside(model: ov.Model, states: Mapping[str, str]) -> None:
    """Turn the pairs of state inputs and outputs into ReadValue and Assign."""
    pairs = [(model.input(name).get_node(), _result(model, output)) for name, output in states.items()]
    MakeStateful(pairs).run_on_model(model)


def shrinks_first(model: ov.Model, name: str) -> bool:
    """Whether the network makes this picture smaller before it looks at it."""
    return _first_resize(model, name) is not None


def _set_ratio(model: ov.Model, name: str, ratio: float) -> None:
    """The Open Model Zoo's networks shrink their picture to a size that stands in the file as a constant."""
    resize = _first_resize(model, name)
    if resize is not None:
        _replace(resize, "scales", np.array([1, 1, ratio, ratio], np.float32))


def _replace(resize: Any, mode: str, values: npt.NDArray[Any]) -> None:
    attributes = {**resize.get_attributes(), "shape_calculation_mode": mode}
    changed = ops.interpolate(resize.input_value(0), ops.constant(values), **attributes)
    changed.set_friendly_name(resize.get_friendly_name())
    loading.redirect(resize.output(0), changed.output(0))


def _first_resize(model: ov.Model, name: str) -> Any:
    """The resize that the picture runs into before it meets anything but arithmetic, None if there is none."""
    waiting = [consumer.get_node() for consumer in model.input(name).get_node().output(0).get_target_inputs()]
    while waiting:
        node = waiting.pop(0)
        kind = node.get_type_name()
        if kind == "Interpolate":
            return node if node.get_input_size() == 2 else None
        if kind in ("Multiply", "Divide", "Subtract", "Add", "Convert", "Gather", "Split", "Concat"):
            waiting += [consumer.get_node() for output in node.outputs() for consumer in output.get_target_inputs()]
    return None


def _use_sizes(resize: Any) -> None:
    before, after = resize.input(0).get_partial_shape(), resize.output(0).get_partial_shape()
    by_scale = resize.get_attributes()["shape_calculation_mode"] == "scales"
    scales = resize.input_value(1).get_node()
    if not by_scale or before.is_dynamic or resize.get_input_size() != 2 or scales.get_type_name() != "Constant":
        return
    sizes = np.array([axis.get_length() for axis in after], np.int64)
    scaled = np.array([axis.get_length() for axis in before]) * np.array(scales.get_data(), np.float64)
    # Where a scale leaves a part of a pixel over, sizes would sample the picture a little beside the original's points.
    if np.abs(scaled - sizes).max() < EXACT:
        _replace(resize, "sizes", sizes)


def _shape(shape: tuple[int | None, ...], size: Size) -> tuple[int, ...]:
    """1×3×H×W or 1×H×W×3, as the network has it."""
    width, height = size
    return (1, height, width, 3) if shape[1] != 3 and shape[-1] == 3 else (1, 3, height, width)


def _result(model: ov.Model, output: str) -> Any:
    return next(result for result in model.get_results() if output in result.input_value(0).get_names())


def _advice(size: Size) -> str:
    width, height = (max(MULTIPLE_PX, round(side / MULTIPLE_PX) * MULTIPLE_PX) for side in size)
    if (width, height) != size:
        return f"Many networks take multiples of {MULTIPLE_PX} alone: try {width}x{height}"
    return "Where sizes stand fixed in the file, convert what it was made from, or export that anew"


def _require_whole(model: ov.Model, binding: Binding, size: Size) -> None:
    if "alpha" not in binding.answers:
        return
    shape = model.output(binding.answers["alpha"]).partial_shape
    if shape.is_dynamic or not {size[0], size[1]} <= set(shape.to_shape()):
        raise ModelContractError(
            f"Made for pictures of {size[0]}x{size[1]}, this network answers {shape}: sizes stand fixed in the file. "
            "Convert what it was made from, or export that anew"
        )
