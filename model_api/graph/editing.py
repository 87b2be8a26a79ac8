"""Changes to a graph that make an IR complete: its size, its preprocessing, its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset15 as ops
from openvino.passes import ConstantFolding, MakeStateful, Manager
from openvino.preprocess import PrePostProcessor

from model_api.errors import ModelContractError
from model_api.graph import loading
from model_api.graph.traversal import downstream, is_pointwise, redirect
from model_api.layouts import image_shape, image_size, layout_of
from model_api.preprocessing import ImageInput
from model_api.resize import MULTIPLE_PX, rounded_size
from model_api.types import Binding, Signature, Size

EXACT = 1e-4
"""A scaled size this close to a whole number of pixels is that number."""
FIXED_SIZES = "Where a file has fixed sizes, convert the file that it was made from, or export that one again"


def set_size(model: ov.Model, signature: Signature, binding: Binding, size: Size, ratio: float | None) -> None:
    """Fix every shape for images of one size.

    Args:
        model: the graph, changed in place.
        signature: its inputs and outputs.
        binding: their roles.
        size: (width, height) in pixels.
        ratio: the downsample ratio, for networks that shrink their image first; None leaves it as it is.

    Raises:
        ModelContractError: the network cannot be made to take such images.
    """
    for name in binding.shape_inputs:
        loading.make_constant(model, name, np.array([ratio], np.float32))
    if not binding.shape_inputs and ratio is not None:
        _set_ratio(model, binding.images[0], ratio)
    shapes = {name: image_shape(size, layout_of(signature.input(name).shape) or "NCHW") for name in binding.images}
    try:
        loading.reshape(model, shapes, binding.states)
    except RuntimeError as error:
        raise ModelContractError(
            f"This network does not take images of {size[0]}x{size[1]}: {loading.reason(error)}. {_advice(size)}"
        ) from error
    fold(model)
    if size != image_size(signature.input(binding.images[0])):  # its own may have a smaller answer
        _require_whole(model, binding, size)


def fold(model: ov.Model) -> None:
    """Compute now what does not depend on the images, and replace scales by sizes in whole pixels.

    A device that computes a size from a scale in its own precision may come out a pixel short.

    Args:
        model: the graph, changed in place.
    """
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    for op in model.get_ops():
        if op.get_type_name() == "Interpolate":
            _use_sizes(op)
    model.validate_nodes_and_infer_types()


def embed_preprocessing(model: ov.Model, images: Mapping[str, ImageInput]) -> ov.Model:
    """Build a graph that takes float BGR of 0..255, in the network's own layout.

    Args:
        model: the graph. What is returned takes its place.
        images: input -> its layout and preprocessing.
    """
    steps = PrePostProcessor(model)
    for name, image in images.items():
        item = steps.input(name)
        item.tensor().set_layout(ov.Layout(image.layout))
        item.model().set_layout(ov.Layout(image.layout))
        loading.normalize(item.preprocess().convert_element_type(ov.Type.f32), image.preprocessing)
    return steps.build()


def keep_state_inside(model: ov.Model, states: Mapping[str, str]) -> None:
    """Turn pairs of state inputs and outputs into ReadValue and Assign.

    Args:
        model: the graph, changed in place.
        states: input -> the output that feeds it in the next frame.
    """
    pairs = [(model.input(name).get_node(), _result(model, output)) for name, output in states.items()]
    MakeStateful(pairs).run_on_model(model)


def shrinks_first(model: ov.Model, name: str) -> bool:
    """Whether the network resizes the image of this input before anything else."""
    return _first_resize(model, name) is not None


def _set_ratio(model: ov.Model, name: str, ratio: float) -> None:
    """The Open Model Zoo's networks shrink their image to a size that is a constant in the file."""
    resize = _first_resize(model, name)
    if resize is not None:
        _replace(resize, "scales", np.array([1, 1, ratio, ratio], np.float32))


def _replace(resize: Any, mode: str, values: npt.NDArray[Any]) -> None:
    attributes = {**resize.get_attributes(), "shape_calculation_mode": mode}
    changed = ops.interpolate(resize.input_value(0), ops.constant(values), **attributes)
    changed.set_friendly_name(resize.get_friendly_name())
    redirect(resize.output(0), changed.output(0))


def _first_resize(model: ov.Model, name: str) -> Any:
    """The resize that the image meets before anything but pointwise operations, None without one."""
    source = model.input(name).get_node()
    walk = downstream([source], lambda node: is_pointwise(node) or node.get_type_name() == "Parameter")
    resize = next((node for node in walk if node.get_type_name() == "Interpolate"), None)
    return resize if resize is not None and resize.get_input_size() == 2 else None


def _use_sizes(resize: Any) -> None:
    before, after = resize.input(0).get_partial_shape(), resize.output(0).get_partial_shape()
    by_scale = resize.get_attributes()["shape_calculation_mode"] == "scales"
    scales = resize.input_value(1).get_node()
    if not by_scale or before.is_dynamic or resize.get_input_size() != 2 or scales.get_type_name() != "Constant":
        return
    sizes = np.array([axis.get_length() for axis in after], np.int64)
    scaled = np.array([axis.get_length() for axis in before]) * np.array(scales.get_data(), np.float64)
    # Where a scale leaves a part of a pixel over, sizes would sample the image a little beside the original's points.
    if np.abs(scaled - sizes).max() < EXACT:
        _replace(resize, "sizes", sizes)


def _result(model: ov.Model, output: str) -> Any:
    return next(result for result in model.get_results() if output in result.input_value(0).get_names())


def _advice(size: Size) -> str:
    width, height = rounded_size(size)
    if (width, height) != size:
        return f"Many networks take only multiples of {MULTIPLE_PX}: try {width}x{height}"
    return FIXED_SIZES


def _require_whole(model: ov.Model, binding: Binding, size: Size) -> None:
    if "alpha" not in binding.answers:
        return
    shape = model.output(binding.answers["alpha"]).partial_shape
    if shape.is_dynamic or not {size[0], size[1]} <= set(shape.to_shape()):
        raise ModelContractError(
            f"Made for images of {size[0]}x{size[1]}, this network answers {shape}. {_advice(size)}"
        )
