"""From a path to a model that answers frames with mattes."""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from model_api.adapters.base import Binding
from model_api.adapters.factory import ADAPTERS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.errors import ModelContractError, OptionError
from model_api.graph.refiner_extraction import FILTERED
from model_api.models.background_matting_v2 import BackgroundMatting
from model_api.models.base import MattingModel, ModelOptions
from model_api.models.guided_video_matting import GuidedVideoMatting
from model_api.models.instance_segmentation import MaskRcnn
from model_api.models.portrait_matting import PortraitMatting
from model_api.models.robust_video_matting import RobustVideoMatting
from model_api.models.yolact import Yolact
from model_api.preprocessing import BYTES, ImageInput, Override, find_preprocessing, find_training, image_layout
from model_api.resize import standard
from model_api.types import Signature

CONTRACTS: tuple[type[MattingModel], ...] = (RobustVideoMatting, BackgroundMatting, MaskRcnn, Yolact, PortraitMatting)
"""Asked in this order."""

log = logging.getLogger(__name__)


def create_model(
    path: str | Path,
    device: str = "CPU",
    inference: InferenceOptions = InferenceOptions(),
    override: Override = Override(),
    options: ModelOptions = ModelOptions(),
    adapter: str = "openvino",
) -> MattingModel:
    """Find a network, see which contract it follows, and make it ready to compute.

    path: IR (.xml), ONNX, what else OpenVINO reads, or the name of a bundled model, as "video".
    device: "CPU", "GPU", "NPU", "AUTO", "HETERO:GPU,CPU", …
    adapter: "openvino", or "ovms" for a model on a server that speaks KServe v2; path is then its address,
    host:port/models/NAME[:VERSION] or host:port/v2/models/NAME[/versions/VERSION].
    Raises ModelFileError, ModelContractError, DeviceError or OptionError. The model is a context manager.
    """
    if adapter not in ADAPTERS:
        raise OptionError(f'"{adapter}". Expected {" or ".join(ADAPTERS)}', "adapter")
    # Where a frame is laid into the input in another way, the filter's picture would not be the whole frame.
    outside = inference.refiner_outside and options.fit is standard
    network = ADAPTERS[adapter](str(path), device, replace(inference, refiner_outside=outside))
    contract, binding = recognize(network.signature, network.name)
    takes_bytes = network.signature.input(binding.images[0]).dtype == "u8"
    default = BYTES if takes_bytes else contract.original
    preprocessing = find_preprocessing(override, network.info, network.is_ir, default)
    images = {
        name: ImageInput(image_layout(network.signature.input(name), override.layouts), preprocessing)
        for name in binding.images
    }
    log.info("Model %s: %s, input %s", network.name, contract.__name__, preprocessing)
    with ExitStack() as stack:
        running = stack.enter_context(closing(network.run(binding, images)))
        if not FILTERED.isdisjoint(running.binding.answers):
            contract = GuidedVideoMatting
        model = contract(running, preprocessing, options, find_training(network.info))
        stack.pop_all()
        return model


def recognize(signature: Signature, name: str) -> tuple[type[MattingModel], Binding]:
    """Raises ModelContractError, listing what was found and what is known, if no contract fits."""
    for contract in CONTRACTS:
        binding = contract.bind(signature)
        if binding is not None:
            return contract, binding
    known = "; ".join(contract.known_as for contract in CONTRACTS)
    raise ModelContractError(f"{name} matches no known model. Found: {signature}. Known: {known}")
