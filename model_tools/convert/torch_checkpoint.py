"""MODNet's checkpoint, which needs the network's own source: the published files, and nothing else, are run."""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import openvino as ov

from model_api.errors import ModelFileError
from model_api.graph import loading
from model_api.graph.loading import Network
from model_api.preprocessing import MINUS_ONE_TO_ONE
from model_tools.download.catalogue import PublishedFile, known_models

PUBLISHED = MINUS_ONE_TO_ONE.as_info()
"""As in MODNet's onnx/inference_onnx.py."""
MODEL = "modnet-webcam-portrait-matting"
DOWNLOAD = f"python -m model_tools download {MODEL} gets both"
NETWORK = PurePosixPath("modnet_onnx.py")
MODULES = {
    "src.models.backbones.mobilenetv2": "src/models/backbones/mobilenetv2.py",
    "src.models.backbones.wrapper": "src/models/backbones/wrapper.py",
    "src.models.backbones": "src/models/backbones/__init__.py",
    "modnet_onnx": str(NETWORK),
}
"""Module -> its file, in the order in which they need each other."""
PACKAGES = ("src", "src.models", "src.models.backbones")
ELSEWHERE = {NETWORK: PurePosixPath("onnx/modnet_onnx.py")}
"""Where MODNet's own repository has a file, the Open Model Zoo's downloader another place."""


def read(path: Path) -> Network:
    """MODNet's checkpoint as a network of one input, of any size. Its folder, or one above, holds the source.

    Raises:
        ModelFileError: the checkpoint or the source is missing, the source is not the published one, or they do not
            belong together.
        ImportError: PyTorch is missing.
    """
    import torch

    from model_tools.convert.checkpoints import load_checkpoint

    if not path.is_file():
        raise ModelFileError(f"{path}: no such checkpoint")
    source = published_source(path)
    try:
        weights = load_checkpoint(path)
        with _imported(source) as modules:
            module = modules["modnet_onnx"].MODNet(backbone_pretrained=False)
        module.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()})
    except (RuntimeError, ImportError, AttributeError, TypeError, OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read as MODNet's: {loading.reason(error)}") from error
    model = _traced(module.eval(), torch.zeros(1, 3, 512, 512))
    # What the tracer records does not describe images. What MODNet takes is published.
    return replace(loading.network_of(path, model), info={"framework": PUBLISHED})


def published_source(path: Path) -> Mapping[str, bytes]:
    """The source of MODNet's network, as published.

    Args:
        path: The checkpoint, which it lies beside, or at most two folders below.

    Returns:
        Path as in the catalogue -> content.

    Raises:
        ModelFileError: it is missing, or another one lies there.
    """
    published = {file.path: file for model in known_models() if model.name == MODEL for file in model.files}
    faults = []
    for root in (path.parent, *path.resolve().parents[1:3]):
        found = {name: _content(root, published[PurePosixPath(name)]) for name in MODULES.values()}
        contents = {name: content for name, content in found.items() if isinstance(content, bytes)}
        if len(contents) == len(MODULES):
            return contents
        faults += [content for content in found.values() if isinstance(content, Path)]
    other = f"{faults[0]} is not the published one and is not run; " if faults else ""
    raise ModelFileError(
        f"{path}: the source of its network, {NETWORK} and src/models/backbones, is not beside it. {other}{DOWNLOAD}"
    )


def _content(root: Path, file: PublishedFile) -> bytes | Path | None:
    """The content of a published file, the path of another one in its place, None for none."""
    places = [root / place for place in (file.path, ELSEWHERE.get(file.path)) if place]
    present = [place for place in places if place.is_file()]
    for place in present:
        if place.stat().st_size == file.size:
            content = place.read_bytes()
            if hashlib.sha384(content).hexdigest() == file.checksum:
                return content
    return present[0] if present else None


@contextmanager
def _imported(source: Mapping[str, bytes]) -> Iterator[Mapping[str, ModuleType]]:
    """The modules of the network, made of `source` alone: nothing is looked for in any folder of theirs."""
    modules = {name: ModuleType(name) for name in (*PACKAGES, *MODULES)}
    for name in PACKAGES:
        modules[name].__path__ = []
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        for name, file in MODULES.items():
            modules[name].__package__ = name if name in PACKAGES else name.rpartition(".")[0]
            exec(compile(source[file], file, "exec"), vars(modules[name]))  # its checksum is the published one
        yield modules
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _traced(module: Any, example: Any) -> ov.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of what does not change here
        model = ov.convert_model(module, example_input=example, input=[1, 3, -1, -1])
    model.inputs[0].get_tensor().set_names({"input"})
    model.outputs[0].get_tensor().set_names({"output"})
    return model
