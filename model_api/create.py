"""From a file to a model that turns frames into mattes."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Protocol

from model_api.adapters.factory import ADAPTERS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.arrays import described
from model_api.errors import ModelContractError, OptionError
from model_api.graph.reading.formats import EXPORT
from model_api.layouts import image_layout
from model_api.models.background_matting_v2 import BackgroundMatting
from model_api.models.base import MattingModel, ModelOptions
from model_api.models.instance_segmentation import MaskRcnn
from model_api.models.network_facts import NetworkFacts
from model_api.models.portrait_matting import PortraitMatting
from model_api.models.robust_video_matting import RobustVideoMatting
from model_api.models.yolact import Yolact
from model_api.preprocessing import BYTES, SIGNED_BYTES, ImageInput, Override, Preprocessing
from model_api.ranges import require_choice
from model_api.recognition.file_facts import Info, completed, find_preprocessing, find_training
from model_api.recognition.known_networks import find_known
from model_api.recognition.outputs import mask_of
from model_api.recognition.reading import reading_of
from model_api.recognition.structure import NOTHING, Structure
from model_api.resize import STANDARD
from model_api.types import Binding, Signature, TensorSpec

OWN_OUTPUTS: tuple[type[MattingModel], ...] = (RobustVideoMatting, BackgroundMatting, MaskRcnn, Yolact)
"""Contracts that say what their outputs are, tried in this order. What none of them takes may be a PortraitMatting."""

WHOLE = {"u8": BYTES, "i8": SIGNED_BYTES}
"""Inputs of these types take nothing else."""
WHAT_PIXELS = (
    "%s: nothing says which pixels it takes: %s is a guess. If the person comes out badly, give "
    "--reverse_input_channels, --mean_values and --scale_values; model_tools info --image PICTURE tries the usual ones"
)
CONVERTED_SO = (
    "%s: which pixels it takes was a guess when it was converted. If the person comes out badly, convert the original "
    "again, with --image PICTURE, which tries the usual ones (%s goes in)"
)
"""Warnings of a guess: name, pixels."""

log = logging.getLogger(__name__)


class Recognizable(Protocol):
    """What a file or a server tells about a network."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def signature(self) -> Signature:
        """Its inputs and outputs."""

    @property
    def info(self) -> Info:
        """The sections of its rt_info."""

    @property
    def by_model_optimizer(self) -> bool:
        """Whether it counts as an IR of the Model Optimizer, with which the Open Model Zoo converted."""

    @property
    def structure(self) -> Structure:
        """What its graph tells."""


def create_model(
    model: str | os.PathLike[str],
    device: str = "CPU",
    *,
    inference: InferenceOptions = InferenceOptions(),
    override: Override = Override(),
    options: ModelOptions = ModelOptions(),
    adapter: str = "openvino",
    dtype: None = None,
) -> MattingModel:
    """Open a network, find the contract that it follows, and make it ready to compute.

    Args:
        model: IR (.xml), ONNX, or another file that OpenVINO reads; the name of a bundled model, such as "video"; or,
            with `adapter="ovms"`, an address, host:port/models/NAME[:VERSION] or
            host:port/v2/models/NAME[/versions/VERSION].
        device: "CPU", "GPU", "NPU", "AUTO", "HETERO:GPU,CPU", …
        inference: how the network is computed.
        override: what the file says wrongly, or does not say, about colours and layouts.
        options: about the model.
        adapter: "openvino", or "ovms" for a model on a server that speaks KServe v2.
        dtype: not taken. It is here so that the error says what to use: `InferenceOptions.precision`.

    Returns:
        The model, a context manager.

    Raises:
        OptionError: a value that a parameter does not take.
        ModelFileError: there is no model that can be read.
        ModelContractError: the network follows no known contract.
        DeviceError: no such device or server, or it refuses the network.
    """
    _require_model(model)
    require_choice(ADAPTERS, adapter=adapter)
    if dtype is not None:
        raise OptionError(
            f"{dtype} is PyTorch's. Use inference=InferenceOptions(precision=…): f32, bf16 or f16", "dtype"
        )
    # Where a frame is laid into the input in another way, the filter's image would not be the whole frame.
    outside = inference.refiner_outside and options.resize_type == STANDARD
    network = ADAPTERS[adapter](os.fspath(model), device, replace(inference, refiner_outside=outside))
    contract, facts = recognized(network, override)
    images = {
        name: ImageInput(image_layout(network.signature.input(name), override.layouts), facts.preprocessing)
        for name in facts.binding.images
    }
    say(network.name, contract, facts)
    with ExitStack() as stack:
        running = stack.enter_context(closing(network.run(facts.binding, images)))
        created = contract(running, facts, options)
        stack.pop_all()
        return created


def recognized(network: Recognizable, override: Override = Override()) -> tuple[type[MattingModel], NetworkFacts]:
    """Find the contract that a network follows, and what is known of it.

    Args:
        network: what its file or its server tells.
        override: what the user knows better; the file completes it.

    Raises:
        ModelContractError: it follows none, or nothing says which of many classes is the person.
        ModelFileError: its file says what cannot be.
        OptionError: an output, classes or an activation that it does not have.
    """
    override = completed(override, network.info)
    contract, binding = recognize(network.signature, network.name, override.output_name)
    return contract, facts_of(network, contract, binding, override)


def recognize(signature: Signature, name: str, output_name: str | None = None) -> tuple[type[MattingModel], Binding]:
    """Find the contract that a network follows.

    Args:
        signature: its inputs and outputs.
        name: for the message.
        output_name: the output that is the mask, of a network of one image. None: see `recognition.outputs`.

    Returns:
        The contract, and the roles that it gives to the inputs and outputs.

    Raises:
        ModelContractError: it follows none; the message lists what it has and what is known.
        OptionError: an output's name, and the network has no such mask.
    """
    for contract in OWN_OUTPUTS:
        if binding := contract.match(signature):
            if output_name is not None:
                raise OptionError(
                    f'"{output_name}": {contract.__name__} reads its own outputs. Leave it out', "output_name"
                )
            return contract, binding
    if binding := PortraitMatting.match(signature, output_name):
        return PortraitMatting, binding
    known = "; ".join([*(contract.known_as for contract in OWN_OUTPUTS), PortraitMatting.known_as])
    raise ModelContractError(f"{name} matches no known model. Found: {signature}. Known: {known}")


def facts_of(network: Recognizable, contract: type[MattingModel], binding: Binding, override: Override) -> NetworkFacts:
    """What is known of a network.

    Args:
        network: what its file or its server tells.
        contract: what it follows.
        binding: the roles of its inputs and outputs.
        override: what the user knows better, `completed` by the file.

    Raises:
        ModelFileError: its file says what cannot be.
        ModelContractError: nothing says which of many classes is the person.
        OptionError: classes or an activation that the mask does not have.
    """
    structure = network.structure if contract.one_mask else NOTHING
    default = default_preprocessing(contract, network.signature.input(binding.images[0]), structure)
    preprocessing = find_preprocessing(
        override, network.info, by_model_optimizer=network.by_model_optimizer, default=default
    )
    facts = NetworkFacts(network.signature, binding, preprocessing, find_training(network.info))
    if not contract.one_mask:
        _require_no_reading(override, contract)
        return facts
    mask = mask_of(network.signature, binding)
    reading = reading_of(mask, structure=structure, person=override.person_class, asked=override.activation)
    return replace(facts, reading=reading, known=find_known(structure))


def default_preprocessing(contract: type[MattingModel], image: TensorSpec, structure: Structure) -> Preprocessing:
    """What a network expects if its file says nothing.

    Bytes if its input takes them; what its graph begins with; what is published for a known network; what its contract
    says, which for a portrait network is a guess.
    """
    if image.dtype in WHOLE:
        return WHOLE[image.dtype]
    if structure.normalization:
        return structure.normalization.takes
    known = find_known(structure)
    return known.preprocessing if known else contract.original


def say(name: str, contract: type[MattingModel], facts: NetworkFacts) -> None:
    """Log what a network is, what it takes, which output is read and how; a guess as a warning."""
    what = f"{contract.__name__} ({facts.known.name})" if facts.known else contract.__name__
    reading = f"; {facts.reading}" if facts.reading else ""
    log.info("Model %s: %s, input %s%s", name, what, facts.preprocessing, reading)
    if facts.preprocessing.guessed:
        log.warning(CONVERTED_SO if facts.preprocessing.is_none else WHAT_PIXELS, name, facts.preprocessing.pixels)
    if facts.reading and facts.reading.guessed:
        log.warning(
            "%s: nothing says which classes are the person: %s is a guess. Name them with --person_class",
            name, " ".join(map(str, facts.reading.person)),
        )  # fmt: skip


def _require_no_reading(override: Override, contract: type[MattingModel]) -> None:
    classes = None if override.person_class is None else ",".join(map(str, override.person_class))
    for parameter, value in {"person_class": classes, "activation": override.activation}.items():
        if value is not None:
            raise OptionError(
                f"{value}: only for networks of one image and one mask, not {contract.__name__}", parameter
            )


def _require_model(model: object) -> None:
    if not isinstance(model, (str, os.PathLike)):
        remedy = f" {EXPORT}" if hasattr(model, "state_dict") else ""
        raise OptionError(f"{described(model)}. Expected a file or the name of a bundled model.{remedy}", "model")
