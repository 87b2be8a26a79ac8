"""What a network is: its contract, inputs and outputs, preprocessing, weights, cost, and which devices take it."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any

import openvino as ov

from background_subtraction.cli.model_arguments import add_preprocessing_arguments, model_file, override_of
from model_api.create import recognized
from model_api.errors import ModelContractError
from model_api.graph import loading
from model_api.graph.loading import Network
from model_api.layouts import image_layout
from model_api.models.base import MattingModel
from model_api.models.network_facts import NetworkFacts
from model_api.preprocessing import Preprocessing
from model_api.terminal.foreign_text import printable
from model_api.types import Binding, TensorSpec
from model_tools.convert.command import read
from model_tools.trials.command import add_trial_arguments, tried
from model_tools.trials.sheet import as_json, table

KERNELS = {
    "Convolution": ("output", 1),
    "GroupConvolution": ("output", 2),
    "ConvolutionBackpropData": ("input", 1),
    "GroupConvolutionBackpropData": ("input", 2),
}
"""Operation -> (where each element meets a kernel, the axis of the weights that this kernel begins at)."""

NO_WORK = ("Constant", "Parameter", "Result")
MEGA, GIGA = 1e6, 1e9
LONGEST_VALUE = 60
"""Characters of a value in the output for people."""


@dataclass(frozen=True)
class Weights:
    """All constants of one type. values: how many numbers they hold."""

    constants: int
    values: int
    megabytes: float


@dataclass(frozen=True)
class Description:
    """What is known about a network.

    Attributes:
        file: Its name.
        contract: None: the program runs no such network.
        known: The name of a network that is known by its structure. None: it is not.
        binding: The roles of its inputs and outputs. None without a contract.
        preprocessing: None without a contract.
        mask: How the mask of a network of one image is read. None for others.
        inputs: All of them.
        outputs: All of them.
        states: Input -> the output that feeds it in the next frame.
        rt_info: What the file says about itself, sections as mappings.
        weights: By type.
        static: Whether every shape is fixed.
        operations: How many there are.
        gmacs: 10⁹ multiply-accumulates of convolutions and matrix products a frame. None: the shapes vary.
        devices: Those of this machine -> whether they run the network.
    """

    file: str
    contract: str | None
    known: str | None
    binding: Binding | None
    preprocessing: Preprocessing | None
    mask: str | None
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    states: Mapping[str, str]
    rt_info: Mapping[str, Any]
    weights: Mapping[str, Weights]
    static: bool
    operations: int
    gmacs: float | None
    devices: Mapping[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    parser.add_argument(
        "model", type=model_file, help="IR (.xml), ONNX, another file that `convert` takes, or a bundled model's name."
    )
    parser.add_argument("--json", action="store_true", help="Print JSON, for programs.")
    add_trial_arguments(parser, "say which fits best")
    add_preprocessing_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Describe the model that the command line names.

    Raises:
        ModelFileError: it cannot be read.
        ModelContractError: it follows no known contract. It has been described by then.
    """
    core = ov.Core()
    network = read(args.model)
    override = override_of(args)
    try:
        contract, facts = recognized(network, override)
        description, unknown = describe(core, network, contract, facts), None
    except ModelContractError as error:
        description, unknown = describe(core, network), error
    # Which of many classes is the person, the trials show.
    is_open = unknown is None or unknown.parameter == "person_class"
    done = tried(args, network, override) if is_open else None
    if args.json:
        print(json.dumps({**asdict(description), **(as_json(done[0]) if done else {})}, indent=2, default=sorted))
    else:
        tries = ["", *table(done[0]), f"Sheet: {done[1]}"] if done else []
        print(printable("\n".join([*lines(description), *tries])))
    if unknown:
        raise ModelContractError(f"The program does not run this network: {unknown}")


def describe(
    core: ov.Core, network: Network, contract: type[MattingModel] | None = None, facts: NetworkFacts | None = None
) -> Description:
    """Collect what is known about a network. contract, facts: None for an unknown one."""
    binding = facts.binding if facts else None
    model, signature = network.model, network.signature
    operations = model.get_ops()
    return Description(
        file=network.path.name,
        contract=contract.__name__ if contract else None,
        known=facts.known.name if facts and facts.known else None,
        binding=binding,
        preprocessing=facts.preprocessing if facts else None,
        mask=str(facts.reading) if facts and facts.reading else None,
        inputs=tuple(_with_layout(spec, binding) for spec in signature.inputs),
        outputs=signature.outputs,
        states=dict((binding and binding.states) or signature.states),
        rt_info=_plain(model.rt_info),
        weights=_weights(model),
        static=not model.is_dynamic(),
        operations=sum(op.get_type_name() not in NO_WORK for op in operations),
        gmacs=None if model.is_dynamic() else sum(map(multiplications, operations)) / GIGA,
        devices={device: _support(core, model, device) for device in core.available_devices},
    )


def lines(description: Description) -> list[str]:
    """The description for people, a fact a line."""
    return [f"{label:<13} {value}" for label, value in _facts(description)]


def multiplications(op: ov.Node) -> int:
    """Multiply-accumulates of a convolution or matrix product of static shapes, 0 for any other operation."""
    kind = op.get_type_name()
    if kind == "MatMul":
        left = list(op.input_value(0).shape)
        depth = left[-2] if op.get_attributes()["transpose_a"] and len(left) > 1 else left[-1]
        return prod(op.output(0).shape) * depth
    if kind not in KERNELS:
        return 0
    place, first_axis = KERNELS[kind]
    elements = op.input_value(0) if place == "input" else op.output(0)
    return prod(elements.shape) * prod(list(op.input_value(1).shape)[first_axis:])


def _with_layout(spec: TensorSpec, binding: Binding | None) -> TensorSpec:
    """As the program takes it, where the file does not tell."""
    is_image = binding and not spec.names.isdisjoint(binding.images)
    return replace(spec, layout=image_layout(spec, {})) if is_image else spec


def _weights(model: ov.Model) -> dict[str, Weights]:
    by_type: dict[str, list[Any]] = defaultdict(list)
    for op in model.get_ops():
        if op.get_type_name() == "Constant":
            by_type[op.get_element_type().get_type_name()].append(op)
    weights = {
        name: Weights(len(ops), sum(prod(op.shape) for op in ops), sum(op.get_byte_size() for op in ops) / MEGA)
        for name, ops in by_type.items()
    }
    return dict(sorted(weights.items(), key=lambda item: -item[1].megabytes))


def _support(core: ov.Core, model: ov.Model, device: str) -> str:
    try:
        name = core.get_property(device, "FULL_DEVICE_NAME")
        known = core.query_model(model, device)
    except RuntimeError as error:
        return f"refuses it: {loading.reason(error)}"
    kinds = {op.get_type_name() for op in model.get_ops() if op.get_friendly_name() not in known}
    return f"{name}, " + (f"does not know {', '.join(sorted(kinds))}" if kinds else "takes all of it")


def _plain(item: Any) -> Any:
    """What OpenVINO keeps in its own types, as dictionaries and text; without the notes that it makes when it reads."""
    value = getattr(item, "value", item)
    if not hasattr(value, "items"):
        return str(value)
    return {key: _plain(part) for key, part in value.items() if not key.startswith("__")}


def _facts(description: Description) -> Iterator[tuple[str, str]]:
    yield "file", description.file
    yield "contract", description.contract or "none that the program knows"
    if description.known:
        yield "known as", description.known
    yield from _ports(description)
    if description.preprocessing:
        yield "preprocessing", str(description.preprocessing)
    if description.mask:
        yield "mask", description.mask
    yield from (("rt_info", f"{section}: {_spell(content)}") for section, content in description.rt_info.items())
    for kind, weights in description.weights.items():
        yield "weights", f"{kind}: {weights.constants} constants, {weights.values} numbers, {weights.megabytes:.2f} MB"
    yield "operations", str(description.operations)
    if description.gmacs is not None:
        yield "GMAC", f"{description.gmacs:.2f} a frame"
    yield "static", _static(description)
    yield from (("device", f"{device}: {support}") for device, support in description.devices.items())


def _ports(description: Description) -> Iterator[tuple[str, str]]:
    for label, specs in (("input", description.inputs), ("output", description.outputs)):
        yield from ((label, f"{spec} {spec.dtype} {spec.layout}".strip()) for spec in specs)
    yield from (("state", f"{name} <- {source}") for name, source in description.states.items())
    if description.binding:
        yield "answers", ", ".join(f"{role} {name}" for role, name in _answers(description.binding).items())


def _answers(binding: Binding) -> dict[str, str]:
    return dict(binding.answers) | ({"foreground": binding.foreground} if binding.foreground else {})


def _spell(content: Any) -> str:
    if not isinstance(content, dict):
        return _short(content)
    return ", ".join(f"{key}={_short(_spell(value))}" for key, value in content.items())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _static(description: Description) -> str:
    if description.static:
        return "yes"
    if any(None in spec.shape for spec in description.inputs):
        return "no. An NPU needs fixed shapes; the program fixes them to the frames' size before it compiles"
    return "no. An NPU needs fixed shapes; in this network some depend on what is in the image"
