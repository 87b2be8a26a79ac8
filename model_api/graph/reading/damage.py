"""Damage that ends the process inside OpenVINO 2026.4, looked for before it reads the file.

It follows null pointers where an IR's state has no name, and where an ONNX node lacks an input that it needs.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from model_api.errors import ModelFileError

STATE_LAYER = re.compile(
    rb"<layer\b[^>]*\btype\s*=\s*[\"'](ReadValue|Assign)[\"'][^>]*>(.*?)(?=<layer\b|</layers>|\Z)", re.S
)
VARIABLE = re.compile(rb"<data\b[^>]*\bvariable_id\s*=")
FEWEST_INPUTS = {
    b"Conv": 2,
    **dict.fromkeys(
        (b"Clip", b"GlobalAveragePool", b"GlobalMaxPool", b"LogSoftmax", b"Max", b"Mean", b"Min", b"Pad", b"Sum"), 1
    ),
}
"""Operations for which it does not look whether the inputs are there."""
GRAPH, NODE, INPUT, OPERATION, ATTRIBUTE = 7, 1, 1, 4, 5
"""Field numbers of ModelProto, GraphProto and NodeProto (ONNX, onnx.proto)."""
BYTES_OF = {1: 8, 5: 4}
"""Wire types of fixed length (Protocol Buffers, "Encoding")."""
LENGTH_DELIMITED = 2


def require_no_fatal_damage(path: Path) -> None:
    """Look for what OpenVINO does not survive.

    Args:
        path: a model file of any format.

    Raises:
        ModelFileError: it has such damage.
    """
    check = CHECKS.get(path.suffix.lower())
    problem = check(path) if check and path.stat().st_size else None
    if problem:
        raise ModelFileError(f"{path}: {problem}. The file is damaged. Expected a whole IR or ONNX file")


def _unnamed_state(path: Path) -> str | None:
    for layer in STATE_LAYER.finditer(path.read_bytes()):
        if not VARIABLE.search(layer[2]):
            return f"a {layer[1].decode()} layer without a variable_id"
    return None


def _missing_input(path: Path) -> str | None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for graph in _fields(data, 0, len(data), GRAPH):
            for node in _fields(data, *graph, NODE):
                operation = b"".join(data[start:end] for start, end in _fields(data, *node, OPERATION))
                inputs = sum(1 for start, end in _fields(data, *node, INPUT) if end > start)
                needed = FEWEST_INPUTS.get(operation, 0)
                if operation == b"Pad" and not any(_fields(data, *node, ATTRIBUTE)):  # before opset 11 one was enough
                    needed = 2
                if inputs < needed:
                    return f"a {operation.decode()} node with {inputs} of its {needed} inputs"
    return None


def _fields(data: mmap.mmap, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Where the parts of a message with this number lie, as far as the message can be read."""
    end = min(end, len(data))
    while start < end:
        key, start = _varint(data, start, end)
        kind = key & 7
        size, start = _varint(data, start, end) if kind in (0, LENGTH_DELIMITED) else (BYTES_OF.get(kind, end), start)
        if kind == 0:
            continue
        if kind == LENGTH_DELIMITED and key >> 3 == number:
            yield start, min(start + size, end)
        start += size


def _varint(data: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    value = 0
    for index in range(start, min(start + 10, end)):
        value |= (data[index] & 127) << 7 * (index - start)
        if data[index] < 128:
            return value, index + 1
    return value, end


CHECKS = {".xml": _unnamed_state, ".onnx": _missing_input}
"""Suffix -> what looks for damage that is fatal in this format, and says which."""
