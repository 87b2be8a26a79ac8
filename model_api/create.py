"""From a file to a model that turns frames into mattes."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, closing
from dataclasses import replace

from model_api.adapters.factory import ADAPTERS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.arrays import described
from model_api.errors import ModelContractError, OptionError
from model_api.graph.loading import EXPORT
from model_api.layouts import image_layout
from model_api.models.background_matting_v2 import BackgroundMatting
from model_api.models.base import MattingModel, ModelOptions, NetworkFacts
from model_api.models.instance_segmentation import MaskRcnn
from model_api.models.portrait_matting import PortraitMatting
from model_api.models.robust_video_matting import RobustVideoMatting
from model_api.models.yolact import Yolact
from model_api.preprocessing import BYTES, ImageInput, Override, Preprocessing, find_preprocessing, find_training
from model_api.ranges import require_choice
from model_api.resize import STANDARD
from model_api.types import Binding, Signature

CONTRACTS: tuple[type[MattingModel], ...] = (RobustVideoMatting, BackgroundMatting, MaskRcnn, Yolact, PortraitMatting)
"""Tried in this order."""

log = logging.getLogger(__name__)


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
    contract, binding = recognize(network.signature, network.name)
    default = default_preprocessing(contract, binding, network.signature)
    preprocessing = find_preprocessing(override, network.info, is_ir=network.is_ir, default=default)
    images = {
        name: ImageInput(image_layout(network.signature.input(name), override.layouts), preprocessing)
        for name in binding.images
    }
    log.info("Model %s: %s, input %s", network.name, contract.__name__, preprocessing)
    facts = NetworkFacts(network.signature, binding, preprocessing, find_training(network.info))
    with ExitStack() as stack:
        running = stack.enter_context(closing(network.run(binding, images)))
        created = contract(running, facts, options)
        stack.pop_all()
        return created


def recognize(signature: Signature, name: str) -> tuple[type[MattingModel], Binding]:
    """Find the contract that a network follows.

    Args:
        signature: its inputs and outputs.
        name: for the message.

    Returns:
        The contract, and the roles that it gives to the inputs and outputs.

    Raises:
        ModelContractError: it follows none; the message lists what it has and what is known.
    """
    for contract in CONTRACTS:
        binding = contract.match(signature)
        if binding is not None:
            return contract, binding
    known = "; ".join(contract.known_as for contract in CONTRACTS)
    raise ModelContractError(f"{name} matches no known model. Found: {signature}. Known: {known}")


def default_preprocessing(contract: type[MattingModel], binding: Binding, signature: Signature) -> Preprocessing:
    """What a network expects if its file says nothing: bytes if its input takes them, else what its contract says."""
    return BYTES if signature.input(binding.images[0]).dtype == "u8" else contract.original


def _require_model(model: object) -> None:
    if not isinstance(model, (str, os.PathLike)):
        remedy = f" {EXPORT}" if hasattr(model, "state_dict") else ""
        raise OptionError(f"{described(model)}. Expected a file or the name of a bundled model.{remedy}", "model")
