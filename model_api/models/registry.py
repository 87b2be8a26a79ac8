"""From a path to a model that answers frames with mattes."""

from __future__ import annotations

import logging
from pathlib import Path

from model_api.adapters.adapter import Binding
from model_api.adapters.openvino_adapter import InferenceOptions, OpenVinoAdapter, read_network
from model_api.errors import ModelContractError
from model_api.graph import ImageInput
from model_api.models.background_matting import BackgroundMatting
from model_api.models.model import MattingModel, ModelOptions
from model_api.models.portrait_matting import PortraitMatting
from model_api.models.robust_video_matting import RobustVideoMatting
from model_api.preprocessing import Override, find_preprocessing, image_layout
from model_api.types import Signature

CONTRACTS: tuple[type[MattingModel], ...] = (RobustVideoMatting, BackgroundMatting, PortraitMatting)
"""Asked in this order."""

log = logging.getLogger(__name__)


def create_model(
    path: str | Path,
    device: str = "CPU",
    inference: InferenceOptions = InferenceOptions(),
    override: Override = Override(),
    options: ModelOptions = ModelOptions(),
) -> MattingModel:
    """Read a network, see which contract it follows, and compile it.

    path: IR (.xml), ONNX, or what else OpenVINO reads. device: "CPU", "GPU", "NPU", "AUTO", "HETERO:GPU,CPU", …
    Raises ModelFileError, ModelContractError, DeviceError or OptionError. The model is a context manager.
    """
    core, device, network = read_network(Path(path), device, inference)
    contract, binding = recognize(network.signature, network.path.name)
    preprocessing = find_preprocessing(override, network.info, network.is_ir, contract.original)
    images = {
        name: ImageInput(image_layout(network.signature.input(name), override.layouts), preprocessing)
        for name in binding.images
    }
    log.info("Model %s: %s, input %s", network.path.name, contract.__name__, preprocessing)
    adapter = OpenVinoAdapter(core, device, network, binding, images, inference)
    return contract(adapter, binding, preprocessing, options)


def recognize(signature: Signature, name: str) -> tuple[type[MattingModel], Binding]:
    """Raises ModelContractError, listing what was found and what is known, if no contract fits."""
    for contract in CONTRACTS:
        binding = contract.bind(signature)
        if binding is not None:
            return contract, binding
    known = "; ".join(contract.known_as for contract in CONTRACTS)
    raise ModelContractError(f"{name} matches no known model. Found: {signature}. Known: {known}")
