"""Networks by where they are computed: on a device of this machine, or on a model server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model_api.adapters.base import Adapter
from model_api.adapters.kserve.access import ServerAccess
from model_api.adapters.kserve.adapter import KServeAdapter, find_network
from model_api.adapters.openvino_adapter import InferenceOptions, OpenVinoAdapter, read_network
from model_api.bundled import find_model
from model_api.errors import renamed
from model_api.graph import loading, refiner_extraction
from model_api.graph.precision import AUTO
from model_api.preprocessing import ImageInput
from model_api.recognition.structure import NOTHING, Structure
from model_api.types import Binding, Signature

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundNetwork:
    """A network before its contract is known.

    Attributes:
        name: for messages.
        signature: its inputs and outputs.
        info: the sections of its rt_info that say something about preprocessing.
        by_model_optimizer: whether it counts as an IR of the Model Optimizer, with which the Open Model Zoo converted.
        structure: what its graph tells, nothing of a network on a server.
        run: makes it ready to compute, once the roles of its inputs and outputs are known.
    """

    name: str
    signature: Signature
    info: Mapping[str, Mapping[str, str]]
    by_model_optimizer: bool
    structure: Structure
    run: Callable[[Binding, Mapping[str, ImageInput]], Adapter]


def in_file(path: str, device: str, inference: InferenceOptions) -> FoundNetwork:
    """Read a network that a device of this machine computes.

    Args:
        path: a file, or the name of a bundled model.
        device: its name.
        inference: how it is computed.

    Raises:
        DeviceError: this machine has no such device.
        ModelFileError: there is no model that can be read.
        OptionError: no such bundled model, or options that do not go with the device.
    """
    unused = [name for name in ("server_ca", "server_token") if getattr(inference, name) is not None]
    if unused:
        log.warning("%s: only a model on a server uses this", ", ".join(unused))
    core, device, network = read_network(Path(find_model(path)), device, inference)

    def run(binding: Binding, images: Mapping[str, ImageInput]) -> Adapter:
        model = loading.embed(network, images, (binding.foreground,) if binding.foreground else ())
        rest = refiner_extraction.extract_refiner(model, binding) if inference.refiner_outside else None
        if rest is not None:
            model, binding = rest.model, rest.binding
        return OpenVinoAdapter(core, device, model, binding=binding, options=inference, name=network.path.name)

    return FoundNetwork(
        network.path.name, network.signature, network.info, network.by_model_optimizer, network.structure, run
    )


def on_server(address: str, device: str, inference: InferenceOptions) -> FoundNetwork:
    """Ask a model server for a network.

    Args:
        address: one of `kserve.address.ADDRESS_FORMS`.
        device: ignored, the server decides.
        inference: requests, clips and how the server is reached count; the server decides the rest.

    Raises:
        DeviceError: no server answers, or the model is not ready.
        ModelContractError: what the server says is no description of a network.
        ModelFileError: the server does not have it.
        OptionError: no such address.
    """
    _warn_of_ignored(device, inference)
    with renamed({"ca": "server_ca", "token": "server_token"}):
        access = ServerAccess(timeout_s=inference.timeout_s, ca=inference.server_ca, token=inference.server_token)
    network = find_network(address, access)

    def run(binding: Binding, images: Mapping[str, ImageInput]) -> Adapter:
        return KServeAdapter(
            network,
            binding,
            images,
            requests=inference.requests,
            clips=inference.clips,
            access=access,
        )

    return FoundNetwork(address, network.signature, network.info, network.by_model_optimizer, NOTHING, run)


ADAPTERS: Mapping[str, Callable[[str, str, InferenceOptions], FoundNetwork]] = {"openvino": in_file, "ovms": on_server}


def _warn_of_ignored(device: str, inference: InferenceOptions) -> None:
    settings = {
        "device": device != "CPU",
        "streams": inference.streams,
        "threads": inference.threads,
        "cache_dir": inference.cache_dir,
        "precision": inference.precision != AUTO and inference.precision,
    }
    ignored = [name for name, value in settings.items() if value]
    if ignored:
        log.warning("%s: on a model server the server decides this", ", ".join(ignored))
