"""An IR is run once before it gets its name: what does not run is not left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov

from model_api import InferenceOptions, ModelOptions, Override
from model_api.adapters.openvino_adapter import OpenVinoAdapter
from model_api.create import facts_of, recognize
from model_api.errors import BackgroundSubtractionError, ModelContractError
from model_api.graph import loading
from model_api.layouts import image_layout
from model_api.preprocessing import ImageInput
from model_api.recognition.file_facts import completed
from model_api.types import Size


def require_running(path: Path, name: str, size: Size) -> None:
    """Compute one black frame as the program would, on the CPU.

    Args:
        path: The IR.
        name: What it is going to be called, for the message.
        size: (width, height) of the frame in pixels. A network of fixed size gets its own.

    Raises:
        ModelContractError: the network cannot compute it.
    """
    try:
        _run(path, size)
    except BackgroundSubtractionError as error:
        raise ModelContractError(f"{name} would not run, and is not written: {error}") from error


def _run(path: Path, size: Size) -> None:
    network = loading.read(path)
    override = completed(Override(), network.info)
    contract, binding = recognize(network.signature, path.name, override.output_name)
    facts = facts_of(network, contract, binding, override)
    images = {
        name: ImageInput(image_layout(network.signature.input(name), {}), facts.preprocessing)
        for name in binding.images
    }
    embedded = loading.embed(network, images, (binding.foreground,) if binding.foreground else ())
    adapter = OpenVinoAdapter(ov.Core(), "CPU", embedded, binding=binding, options=InferenceOptions())
    with contract(adapter, facts, ModelOptions()) as model:
        width, height = model.input_size(size)
        black = np.zeros((height, width, 3), np.uint8)
        model(black, clean_plate=black)
