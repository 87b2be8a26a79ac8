"""PyTorch checkpoints, through the source of the network that they belong to. Needs PyTorch, an extra."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openvino as ov

from model_api.errors import ModelFileError
from model_api.graph import loading
from model_api.graph.loading import Network

MODNET_SOURCES = ("modnet_onnx.py", "onnx/modnet_onnx.py")
"""Where the Open Model Zoo's downloader and MODNet's own repository have the network."""


def read(path: Path) -> Network:
    """MODNet's checkpoint as a network of one input, of any size. Its folder, or one above, holds the source.

    The source is run: convert only checkpoints from places that you trust.

    Raises:
        ModelFileError: the checkpoint or the source is missing, or they do not belong together.
        ImportError: PyTorch is missing.
    """
    import torch

    if not path.is_file():
        raise ModelFileError(f"{path}: no such checkpoint")
    root, source = _source(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        with _importable(root, source.parent):
            module = importlib.import_module(source.stem).MODNet(backbone_pretrained=False)
        module.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()})
    except (RuntimeError, ImportError, AttributeError, OSError, EOFError) as error:
        raise ModelFileError(f"{path} cannot be read with {source}: {loading.reason(error)}") from error
    model = _traced(module.eval(), torch.zeros(1, 3, 512, 512))
    # What the tracer records does not describe images.
    return replace(loading.network_of(path, model), info={})


def _source(path: Path) -> tuple[Path, Path]:
    for root in (path.parent, *path.resolve().parents[1:3]):
        for name in MODNET_SOURCES:
            if (root / name).is_file() and (root / "src/models/backbones").is_dir():
                return root, root / name
    raise ModelFileError(
        f"{path}: the source of its network, modnet_onnx.py and src/models/backbones, is not beside it. "
        "python -m model_tools download modnet-webcam-portrait-matting gets both"
    )


def _traced(module: Any, example: Any) -> ov.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of what does not change here
        model = ov.convert_model(module, example_input=example, input=[1, 3, -1, -1])
    model.inputs[0].get_tensor().set_names({"input"})
    model.outputs[0].get_tensor().set_names({"output"})
    return model


@contextmanager
def _importable(*folders: Path) -> Iterator[None]:
    """The network's source imports its own parts by names that start at its root."""
    kept = list(sys.path)
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = kept
