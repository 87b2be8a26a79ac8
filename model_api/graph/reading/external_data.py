"""ONNX files whose weights are in other files beside them (external data)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model_api.errors import ModelFileError

MARK = b"location"
"""The key of a file's name. Files without it have no external data, and are not parsed for it."""


def files_of(path: Path) -> list[Path]:
    """The files that an ONNX file names for its weights, whether they exist or not. None of a file that is no ONNX."""
    return [path.parent / location for location in _locations(path)]


def require(path: Path) -> None:
    """Say what is wrong with the files that an ONNX file names for its weights.

    Raises:
        ModelFileError: one is missing, not in the folder of `path`, or shorter than its weights.
    """
    folder = path.parent.resolve()
    for location, size in _locations(path).items():
        file = path.parent / location
        if not file.resolve().is_relative_to(folder):
            raise ModelFileError(
                f"{path}: its weights are in {location}, which leads out of its folder, and are not read there. "
                "Put both files into one folder"
            )
        if not file.is_file():
            raise ModelFileError(f"{path}: its weights are in {location}, which is not beside it. Put it there")
        if file.stat().st_size < size:
            raise ModelFileError(
                f"{file}: {file.stat().st_size} bytes, expected {size} or more by {path.name}. Get it again, whole"
            )


def _locations(path: Path) -> dict[str, int]:
    """File name -> the bytes that it must have, of every file with weights."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    if MARK not in data:
        return {}
    sizes: dict[str, int] = {}
    for location, size in _references(data):
        sizes[location] = max(size, sizes.get(location, 0))
    return sizes


def _references(data: bytes) -> Iterator[tuple[str, int]]:
    # Imported here: most files have no external data, and the library takes a third of a second.
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        return
    for tensor in _tensors(model.graph):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if "location" in entries:
            offset, length = (entries.get(key, "0") for key in ("offset", "length"))
            whole = int(offset) + int(length) if offset.isdecimal() and length.isdecimal() else 0
            yield os.fspath(Path(entries["location"])), whole


def _tensors(graph: Any) -> Iterator[Any]:
    """Weights and constants of a graph, and of those inside it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from [attribute.t, *attribute.tensors]
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)
