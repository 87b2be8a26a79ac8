"""The OpenVINO graph before it is compiled: read it, take its state out, put the preprocessing in, fix its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops
from openvino.preprocess import PrePostProcessor

from model_api.errors import ModelContractError, ModelFileError
from model_api.graph.reading import formats
from model_api.graph.reading.front_ends import FRONT_END_ERRORS
from model_api.graph.structure import structure_of
from model_api.graph.traversal import constant_of, redirect
from model_api.layouts import layout_of
from model_api.preprocessing import ImageInput, Preprocessing
from model_api.recognition.file_facts import SILENT_IR
from model_api.recognition.structure import NOTHING, Structure
from model_api.types import Signature, TensorSpec

RT_INFO_SECTIONS = ("model_info", "conversion_parameters", "framework")
"""The last holds what an ONNX file says of itself (metadata_props)."""
OPTIMIZER_VERSION = "MO_version"
"""The key of rt_info that only the Model Optimizer writes."""


@dataclass(frozen=True)
class Network:
    """A network as its file has it.

    Attributes:
        path: the file.
        model: its graph, with any state outside, as inputs and outputs.
        signature: its inputs and outputs.
        info: the sections of its rt_info that say something about preprocessing, as text.
        structure: what its graph tells about it.
    """

    path: Path
    model: ov.Model
    signature: Signature
    info: Mapping[str, Mapping[str, str]]
    structure: Structure = NOTHING

    @property
    def name(self) -> str:
        """The file's, for messages."""
        return self.path.name

    @property
    def by_model_optimizer(self) -> bool:
        """Whether it is an IR of the Model Optimizer, with which the Open Model Zoo converted."""
        return self.path.suffix.lower() == ".xml" and self.model.has_rt_info([OPTIMIZER_VERSION])


def read(path: Path) -> Network:
    """Read a network from a file.

    Raises:
        ModelFileError: there is no model at `path` that can be read.
    """
    try:
        network = network_of(path, formats.read(path))
    except (ValueError, *FRONT_END_ERRORS) as error:  # ValueError: names that are not UTF-8
        raise ModelFileError(
            f"{path}: OpenVINO cannot read this model ({reason(error)}). Expected a whole IR or ONNX file"
        ) from error
    if not (network.signature.inputs and network.signature.outputs):
        raise ModelFileError(f"{path}: a network without inputs or without outputs. Expected a whole IR or ONNX file")
    empty = [str(spec) for spec in network.signature.inputs if 0 in spec.shape]
    if empty:  # OpenVINO divides by it, which ends the process
        raise ModelFileError(f"{path}: input {', '.join(empty)} has a side of 0. Expected a whole IR or ONNX file")
    return network


def network_of(path: Path, model: ov.Model) -> Network:
    """Describe a graph. Its state becomes inputs and outputs, and ports without a name get one: `model` is changed."""
    states = _take_state_out(model)
    for prefix, ports in (("input", model.inputs), ("output", model.outputs)):
        for number, port in enumerate(ports):
            if not port.names:
                port.get_tensor().set_names({f"{prefix}_{number}"})
    info = _text_info(model)
    if path.suffix.lower() == ".xml" and not info and not model.has_rt_info([OPTIMIZER_VERSION]):
        info = {SILENT_IR: {}}
    return Network(path, model, signature_of(model, states), info, structure_of(model))


def signature_of(model: ov.Model, states: Mapping[str, str] | None = None) -> Signature:
    """The inputs and outputs of a graph.

    Args:
        model: the graph.
        states: input -> output, of a network that was stored with its state inside.
    """
    return Signature(tuple(map(_spec, model.inputs)), tuple(map(_spec, model.outputs)), states or {})


def embed(network: Network, images: Mapping[str, ImageInput], foregrounds: tuple[str, ...]) -> ov.Model:
    """Put the preprocessing into a copy of the network.

    Args:
        network: its graph stays as it is.
        images: these inputs become 1×H×W×3 uint8 BGR.
        foregrounds: these outputs, float RGB in [0, 1], become 1×H×W×3 uint8 BGR.

    Raises:
        ModelContractError: a foreground is no image.
    """
    steps = PrePostProcessor(network.model.clone())
    for name, image in images.items():
        _embed_input(steps, name, image)
    for name in foregrounds:
        rank = network.model.output(name).partial_shape.rank
        if rank.is_static and rank.get_length() != 4:
            raise ModelContractError(
                f"{network.path}: the foreground {name} has {rank} dimensions. Expected 4: 1×3×H×W or 1×H×W×3"
            )
        layout = layout_of(network.signature.output(name).shape) or "NCHW"
        steps.output(name).postprocess().custom(_to_bgr_bytes(layout))
    return steps.build()


def specialize(
    model: ov.Model,
    shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, npt.NDArray[Any]],
    states: Mapping[str, str],
) -> ov.Model:
    """A copy of a graph for inputs of just one set of shapes.

    Args:
        model: the graph.
        shapes: input -> its shape.
        constants: inputs that decide shapes -> their values. They become constants.
        states: input -> the output that feeds it in the next frame. Their shapes follow from the others.
    """
    model = model.clone()
    for name, value in constants.items():
        make_constant(model, name, value)
    if model.is_dynamic():
        free = {name for name in states if model.input(name).partial_shape.is_dynamic}
        reshape(model, shapes, {name: states[name] for name in free})
    return model


def reshape(model: ov.Model, shapes: Mapping[str, tuple[int, ...]], states: Mapping[str, str]) -> None:
    """Give the inputs these shapes, and the states those that follow from them.

    The shapes of the states are what the network answers to states of any size, or, where not even their channels are
    known, to states of 1×1×1×1, which the published recurrent networks broadcast.

    Args:
        model: the graph, changed in place.
        shapes: input -> its shape.
        states: input -> the output that feeds it in the next frame.

    Raises:
        RuntimeError: OpenVINO's, where the network does not take such shapes.
    """
    _let_topk_take_all(model)
    before = {name: model.input(name).partial_shape for name in states}
    _set_shapes(model, {**shapes, **{name: _trial(shape) for name, shape in before.items()}})
    after = {name: model.output(output).partial_shape for name, output in states.items()}
    _set_shapes(model, {name: before[name] if shape.is_dynamic else shape for name, shape in after.items()})


def make_constant(model: ov.Model, name: str, value: npt.NDArray[Any]) -> None:
    """Replace an input by a constant of its own type."""
    parameter = model.input(name).get_node()
    constant = ops.constant(value.astype(parameter.get_element_type().to_dtype()))
    redirect(parameter.output(0), constant.output(0))
    model.remove_parameter(parameter)


def normalize(steps: Any, preprocessing: Preprocessing) -> None:
    """Add to an input's preprocessing `steps` what turns float BGR of 0..255 into what the network takes."""
    if preprocessing.channels == "RGB":
        steps.reverse_channels()
    if any(preprocessing.mean):
        steps.mean(list(preprocessing.mean))
    if preprocessing.scale != (1.0, 1.0, 1.0):
        steps.scale(list(preprocessing.scale))


def reason(error: BaseException) -> str:
    """The line of an OpenVINO error that says what is wrong: the first ones name its own source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Exception from", "Check '", "[ERROR]"))]
    return (telling or lines or [type(error).__name__])[-1].rstrip(".")[:200]


def _spec(port: ov.Output) -> TensorSpec:
    ranked = port.partial_shape.rank.is_static
    shape = tuple(None if n.is_dynamic else n.get_length() for n in port.partial_shape) if ranked else ()
    layout = getattr(port.node, "layout", None)
    text = "" if layout is None else layout.to_string().strip("[]").replace(",", "")
    return TensorSpec(frozenset(port.names), shape, port.element_type.get_type_name(), "" if "." in text else text)


def _text_info(model: ov.Model) -> dict[str, dict[str, str]]:
    sections = {}
    for name in RT_INFO_SECTIONS:
        if model.has_rt_info([name]):
            value = model.get_rt_info([name])
            items = getattr(value, "value", value)
            if isinstance(items, dict):
                sections[name] = {key: str(getattr(item, "value", item)) for key, item in items.items()}
    return sections


def _take_state_out(model: ov.Model) -> dict[str, str]:
    """Turn ReadValue/Assign pairs into inputs and outputs, so that state is a value for every network.

    Returns input name -> output name. The values are handed over without a copy, so nothing is lost by it.
    """
    reads = {op.get_variable_id(): op for op in model.get_ops() if op.get_type_name() == "ReadValue"}
    assigns = [op for op in model.get_sinks() if op.get_type_name() == "Assign"]
    variables = {variable.info.variable_id: variable for variable in model.get_variables()}
    states = {}
    for assign in assigns:
        name = assign.get_variable_id()
        if name not in reads:
            raise ModelContractError(f"State {name} is written but never read. Expected ReadValue and Assign in pairs")
        read = reads[name]
        _require_zero_start(name, read)
        parameter = ops.parameter(read.output(0).partial_shape, read.output(0).element_type, name=f"{name}_in")
        parameter.output(0).get_tensor().set_names({f"{name}_in"})
        answer = ops.result(ops.convert_like(assign.input_value(0), parameter))
        answer.output(0).get_tensor().set_names({f"{name}_out"})
        redirect(read.output(0), parameter.output(0))
        model.remove_sink(assign)
        model.add_parameters([parameter])
        model.add_results([answer])
        model.remove_variable(variables[name])
        states[f"{name}_in"] = f"{name}_out"
    model.validate_nodes_and_infer_types()
    return states


def _require_zero_start(name: str, read: Any) -> None:
    if not read.get_input_size():
        return
    start = constant_of(read.input_value(0), np.float64)
    if start is None or np.any(start):
        raise ModelContractError(f"State {name} does not begin with zeros, as every known recurrent model does")


def _embed_input(steps: PrePostProcessor, name: str, image: ImageInput) -> None:
    item = steps.input(name)
    item.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    item.model().set_layout(ov.Layout(image.layout))
    normalize(item.preprocess().convert_element_type(ov.Type.f32), image.preprocessing)


def _to_bgr_bytes(layout: str) -> Any:
    def convert(rgb: ov.Output) -> ov.Output:
        channels_last = ops.transpose(rgb, [0, 2, 3, 1]) if layout == "NCHW" else rgb
        # Not a Gather: OpenVINO takes one for the input's reversed channels, and moves it into convolutions that are
        # shared with alpha (2026.4, PrePostProcessor.build).
        bgr = ops.slice(channels_last, [-1], [-4], [-1], [3])
        levels = ops.round(ops.multiply(ops.clamp(ops.convert(bgr, "f32"), 0.0, 1.0), np.float32(255)))
        return ops.convert(levels, "u8").output(0)

    return convert


def _set_shapes(model: ov.Model, shapes: Mapping[str, Any]) -> None:
    # Not `model.reshape`: it wants the graph to be consistent before, which it is not while it is being changed.
    for name, shape in shapes.items():
        model.input(name).get_node().set_partial_shape(ov.PartialShape(shape))
    model.validate_nodes_and_infer_types()


def _let_topk_take_all(model: ov.Model) -> None:
    """Limit how many TopK takes by how many there are.

    BackgroundMattingV2 refines the 5000 patches with the largest errors: in a smaller image there are fewer.
    """
    for node in model.get_ops():
        if node.get_type_name() == "TopK":
            axis = ops.constant(node.get_attributes()["axis"])
            count = ops.convert_like(
                ops.gather(ops.shape_of(node.input_value(0)), axis, ops.constant(0)), node.input_value(1)
            )
            node.input(1).replace_source_output(ops.minimum(node.input_value(1), count).output(0))


def _trial(shape: ov.PartialShape) -> list[int]:
    if shape.rank.is_dynamic or len(shape) < 2:
        return [1] * (4 if shape.rank.is_dynamic else len(shape))
    _, channels, *sides = shape
    return [1, 1, 1, 1] if channels.is_dynamic else [1, channels.get_length(), *[-1] * len(sides)]
