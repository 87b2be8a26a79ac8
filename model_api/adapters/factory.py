"""Where a network is found and computed, by the name of its adapter."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model_api.adapters.base import Adapter, Binding
from model_api.adapters.kserve.adapter import KServeAdapter, find_network
from model_api.adapters.openvino_adapter import InferenceOptions, OpenVinoAdapter, read_network
from model_api.bundled import find_model
from model_api.graph import loading, refiner_extraction
from model_api.preprocessing import ImageInput
from model_api.types import Signature

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundNetwork:
    """A network before its contract is known. info: the sections of its rt_info that tell about preprocessing.
    run: makes it ready to compute, once the roles of its inputs and outputs are known."""

    name: str
    signature: Signature
    info: Mapping[str, Mapping[str, str]]
    is_ir: bool
    run: Callable[[Binding, Mapping[str, ImageInput]], Adapter]


def in_file(path: str, device: str, inference: InferenceOptions) -> FoundNetwork:
    """path: or the name of a bundled model. Raises DeviceError, ModelFileError, OptionError."""
    core, device, network = read_network(Path(find_model(path)), device, inference)

    def run(binding: Binding, images: Mapping[str, ImageInput]) -> Adapter:
        model = loading.embed(network, images, (binding.foreground,) if binding.foreground else ())
        rest = refiner_extraction.extract_refiner(model, binding) if inference.refiner_outside else None
        if rest is None:
            return OpenVinoAdapter(core, device, model, network.signature, binding, inference)
        return OpenVinoAdapter(core, device, rest.model, loading.signature_of(rest.model), rest.binding, inference)

    return FoundNetwork(network.path.name, network.signature, network.info, network.is_ir, run)


def on_server(address: str, device: str, inference: InferenceOptions) -> FoundNetwork:
    """Raises DeviceError, ModelFileError, OptionError."""
    _tell_ignored(device, inference)
    network = find_network(address)

    def run(binding: Binding, images: Mapping[str, ImageInput]) -> Adapter:
        return KServeAdapter(network, binding, images, inference.requests, inference.clips, inference.timeout_s)

    return FoundNetwork(address, network.signature, network.info, network.is_ir, run)


ADAPTERS: Mapping[str, Callable[[str, str, InferenceOptions], FoundNetwork]] = {"openvino": in_file, "ovms": on_server}


def _tell_ignored(device: str, inference: InferenceOptions) -> None:
    given = {
        "device": device != "CPU",
        "streams": inference.streams,
        "threads": inference.threads,
        "cache_dir": inference.cache_dir,
        "precision": inference.precision,
    }
    ignored = [name for name, value in given.items() if value]
    if ignored:
        log.warning("%s: on a model server the server decides this", ", ".join(ignored))
