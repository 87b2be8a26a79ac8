"""Model files of every format that is read, and what other files are that people take for a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import openvino as ov

from model_api.errors import ModelFileError
from model_api.graph.reading import external_data, front_ends, tflite, torchscript
from model_api.graph.reading.damage import require_no_fatal_damage

EXPORT = "Export it first: python -m model_tools export --network NAME --weights FILE --output model.onnx"
"""What to do with a PyTorch network that is no file of its own."""


def read(path: Path) -> ov.Model:
    """Read the graph that a file holds.

    Raises:
        ModelFileError: there is no file, its suffix is none of a model's, or it lacks a part.
        RuntimeError: or another of `FRONT_END_ERRORS`, for a file that OpenVINO cannot read.
    """
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file. Expected an .xml (IR) or .onnx file")
    suffix = path.suffix.lower()
    if suffix in OTHER_FILES:
        raise ModelFileError(f"{path}: {OTHER_FILES[suffix]}")
    if suffix not in READERS:
        raise ModelFileError(f"{path}: not a model file by its suffix. Expected {', '.join(READERS)}")
    require_no_fatal_damage(path)
    return READERS[suffix](path)


def files_of(path: Path) -> list[Path]:
    """All files that a model consists of, itself first: nothing may be written over them.

    Args:
        path: an IR's .xml, with its .bin, an ONNX file with weights in other files, or any other file.
    """
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        return [path, *external_data.files_of(path)]
    return [path, path.with_suffix(".bin")] if suffix == ".xml" else [path]


def _onnx(path: Path) -> ov.Model:
    try:
        return front_ends.read("onnx", path)
    except front_ends.FRONT_END_ERRORS:
        external_data.require(path)
        raise


def _torchscript(path: Path) -> ov.Model:
    if not torchscript.is_torchscript(path) and path.suffix.lower() == ".torchscript":
        raise ModelFileError(f"{path}: holds no network's code, as TorchScript does: damaged, or of another kind")
    if not torchscript.is_torchscript(path):
        raise ModelFileError(f"{path}: weights of a PyTorch model, without its network. {EXPORT}")
    return torchscript.read(path)


READERS: Mapping[str, Callable[[Path], ov.Model]] = {
    ".xml": partial(front_ends.read, "ir"),
    ".onnx": _onnx,
    ".tflite": tflite.read,
    ".pdmodel": partial(front_ends.read, "paddle"),
    ".pb": partial(front_ends.read, "tf"),
    **dict.fromkeys((".torchscript", ".pt", ".pth"), _torchscript),
}
OTHER_FILES = {
    ".bin": "these are only the weights. Give the .xml file beside it",
    ".data": "these are only the weights. Give the .onnx file beside it",
    ".pt2": "a program of torch.export. Expected ONNX: torch.onnx.export makes it of the same network",
    **dict.fromkeys((".ckpt", ".safetensors"), f"weights of a PyTorch model, without its network. {EXPORT}"),
}
"""Suffixes that people take for a model's -> what the files are, and what to do."""
