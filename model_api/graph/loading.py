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
from openvino.frontend import (
    FrontEndManager,
    GeneralFailure,
    InitializationFailure,
    NotImplementedFailure,
    OpConversionFailure,
    OpValidationFailure,
)
from openvino.preprocess import PrePostProcessor

from model_api.errors import ModelContractError, ModelFileError
from model_api.preprocessing import ImageInput, Preprocessing
from model_api.types import Signature, TensorSpec

FRONT_ENDS = {".xml": "ir", ".onnx": "onnx", ".tflite": "tflite", ".pdmodel": "paddle", ".pb": "tf"}
FRONT_END_ERRORS = (
    GeneralFailure,
    InitializationFailure,
    NotImplementedFailure,
    OpConversionFailure,
    OpValidationFailure,
)
RT_INFO_SECTIONS = ("model_info", "conversion_parameters", "framework")
"""The last holds what an ONNX file says of itself (metadata_props)."""


@dataclass(frozen=True)
class Network:
    """A network as it was read. info: the sections of its rt_info that tell about pictures, as text."""

    path: Path
    model: ov.Model
    signature: Signature
    info: Mapping[str, Mapping[str, str]]

    @property
    def is_ir(self) -> bool:
        return self.path.suffix.lower() == ".xml"


def read(path: Path) -> Network:
    """Raises ModelFileError if there is no readable model at `path`."""
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file. Expected an .xml (IR) or .onnx file")
    if path.suffix.lower() == ".bin":
        raise ModelFileError(f"{path}: these are the weights alone. Give the .xml file beside it")
    if path.suffix.lower() not in FRONT_ENDS:
        raise ModelFileError(f"{path}: no model by its ending. Expected {', '.join(FRONT_ENDS)}")
    try:
        model = _load(path)
    except (RuntimeError, *FRONT_END_ERRORS) as error:
        raise ModelFileError(
            f"{path}: OpenVINO cannot read this model ({reason(error)}). Expected a whole IR or ONNX file"
        ) from error
    return network_of(path, model)


def network_of(path: Path, model: ov.Model) -> Network:
    """What a model says of itself; its state becomes inputs and outputs, and what has no name gets one."""
    states = _take_state_out(model)
    for prefix, ports in (("input", model.inputs), ("output", model.outputs)):
        for number, port in enumerate(ports):
            if not port.names:
                port.get_tensor().set_names({f"{prefix}_{number}"})
    return Network(path, model, signature_of(model, states), _text_info(model))


def signature_of(model: ov.Model, states: Mapping[str, str] | None = None) -> Signature:
    """states: of a network that was stored with its state inside."""
    return Signature(tuple(map(_spec, model.inputs)), tuple(map(_spec, model.outputs)), states or {})


def embed(network: Network, images: Mapping[str, ImageInput], pictures: tuple[str, ...]) -> ov.Model:
    """The network with its preprocessing inside.

    images: these inputs become u8 NHWC BGR. pictures: these outputs, float RGB in [0, 1], become
    u8 NHWC BGR. Works on a copy.
    """
    steps = PrePostProcessor(network.model.clone())
    for name, image in images.items():
        _embed_input(steps, name, image)
    for name in pictures:
        layout = "NHWC" if network.signature.output(name).shape[-1] == 3 else "NCHW"
        steps.output(name).postprocess().custom(_to_bgr_bytes(layout))
    return steps.build()


def specialize(
    model: ov.Model,
    shapes: Mapping[str, tuple[int, ...]],
    baked: Mapping[str, npt.NDArray[Any]],
    states: Mapping[str, str],
) -> ov.Model:
    """A copy for inputs of just these `shapes`, with the inputs `baked` made constants; the states' shapes follow."""
    model = model.clone()
    for name, value in baked.items():
        bake(model, name, value)
    if model.is_dynamic():
        free = {name for name in states if model.input(name).partial_shape.is_dynamic}
        reshape(model, shapes, {name: states[name] for name in free})
    return model


def reshape(model: ov.Model, shapes: Mapping[str, tuple[int, ...]], states: Mapping[str, str]) -> None:
    """Give the inputs these shapes, and the `states` (input -> output) those that follow from them.

    They are found by asking what the network answers to states of any size, or, where not even their channels are
    known, to states of 1×1×1×1, which the published recurrent networks broadcast. Raises RuntimeError as OpenVINO does.
    """
    before = {name: model.input(name).partial_shape for name in states}
    _set_shapes(model, {**shapes, **{name: _trial(shape) for name, shape in before.items()}})
    after = {name: model.output(output).partial_shape for name, output in states.items()}
    _set_shapes(model, {name: before[name] if shape.is_dynamic else shape for name, shape in after.items()})


def bake(model: ov.Model, name: str, value: npt.NDArray[Any]) -> None:
    """Make an input a constant."""
    parameter = model.input(name).get_node()
    constant = ops.constant(value)
    redirect(parameter.output(0), constant.output(0))
    model.remove_parameter(parameter)


def normalize(steps: Any, wanted: Preprocessing) -> None:
    """Add to an input's preprocessing `steps` what turns float BGR of 0..255 into what the network wants."""
    if wanted.channels == "RGB":
        steps.reverse_channels()
    if any(wanted.mean):
        steps.mean(list(wanted.mean))
    if wanted.scale != (1.0, 1.0, 1.0):
        steps.scale(list(wanted.scale))


def reason(error: BaseException) -> str:
    """OpenVINO's errors run over many lines, the first of which name its own source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Exception from", "Check '", "[ERROR]"))]
    return (telling or lines or [type(error).__name__])[-1].rstrip(".")[:200]


def _load(path: Path) -> ov.Model:
    """Asked to guess, OpenVINO lets every front end try, and some of them write to the terminal when they fail."""
    reader = FrontEndManager().load_by_framework(FRONT_ENDS[path.suffix.lower()])
    return reader.convert(reader.load(str(path)))


def _spec(port: ov.Output) -> TensorSpec:
    shape = tuple(None if n.is_dynamic else n.get_length() for n in port.partial_shape) if _ranked(port) else ()
    layout = getattr(port.node, "layout", None)
    text = "" if layout is None else layout.to_string().strip("[]").replace(",", "")
    return TensorSpec(frozenset(port.names), shape, port.element_type.get_type_name(), "" if "." in text else text)


def _ranked(port: ov.Output) -> bool:
    return bool(port.partial_shape.rank.is_static)


def _text_info(model: ov.Model) -> dict[str, dict[str, str]]:
    found = {}
    for section in RT_INFO_SECTIONS:
        if model.has_rt_info([section]):
            value = model.get_rt_info([section])
            items = getattr(value, "value", value)
            if isinstance(items, dict):
                found[section] = {key: str(getattr(item, "value", item)) for key, item in items.items()}
    return found


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
    start = read.input_value(0).get_node() if read.get_input_size() else None
    if start is not None and start.get_type_name() == "Convert":  # stored in half precision
        start = start.input_value(0).get_node()
    if start is not None and (start.get_type_name() != "Constant" or np.any(start.get_data())):
        raise ModelContractError(f"State {name} does not begin with zeros, as every known recurrent model does")


def _embed_input(steps: PrePostProcessor, name: str, image: ImageInput) -> None:
    item = steps.input(name)
    item.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    item.model().set_layout(ov.Layout(image.layout))
    normalize(item.preprocess().convert_element_type(ov.Type.f32), image.preprocessing)


def _to_bgr_bytes(layout: str) -> Any:
    def convert(rgb: ov.Output) -> ov.Output:
        channels_last = ops.transpose(rgb, [0, 2, 3, 1]) if layout == "NCHW" else rgb
        bgr = ops.gather(channels_last, [2, 1, 0], 3)
        levels = ops.round(ops.multiply(ops.clamp(ops.convert(bgr, "f32"), 0.0, 1.0), np.float32(255)))
        return ops.convert(levels, "u8").output(0)

    return convert


def _set_shapes(model: ov.Model, shapes: Mapping[str, Any]) -> None:
    # Not `model.reshape`: it wants the graph to be consistent before, which it is not while it is being changed.
    for name, shape in shapes.items():
        model.input(name).get_node().set_partial_shape(ov.PartialShape(shape))
    model.validate_nodes_and_infer_types()


def _trial(shape: ov.PartialShape) -> list[int]:
    _, channels, *sides = shape
    return [1, 1, 1, 1] if channels.is_dynamic else [1, channels.get_length(), *[-1] * len(sides)]


def inputs(node: Any) -> list[Any]:
    """The nodes whose values it takes, in order."""
    return [node.input_value(number).get_node() for number in range(node.get_input_size())]


def redirect(port: Any, new: Any) -> None:
    """Whoever wanted what comes out of `port` gets what comes out of `new`."""
    for consumer in port.get_target_inputs():
        consumer.replace_source_output(new)
