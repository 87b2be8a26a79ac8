"""Whether a file of which no checksum is known is a model at all: servers also answer with pages that ask to log in.

Nothing of the file is run. A checkpoint is a pickle in a ZIP archive (torch.save, since PyTorch 1.6): its instructions
are read, not followed.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from model_api.create import recognize
from model_api.errors import ModelContractError
from model_api.terminal.foreign_text import one_line
from model_api.types import Signature, TensorSpec

LARGEST_PICKLE = 1 << 26
"""Bytes. The pickle of a checkpoint holds names and shapes; the numbers lie beside it."""
CHECKPOINT_CALLS = re.compile(r"torch\._utils\._rebuild_\w+|torch\.\w+Storage|collections\.OrderedDict")
"""What a checkpoint of tensors calls."""
FEWEST_TENSORS = 10


class NoModelError(Exception):
    """Why a file is no model, as a part of a line."""


def require_model(path: Path, suffix: str) -> None:
    """Raise NoModelError unless a file is what its suffix says: a network of a known contract, or a checkpoint.

    Args:
        path: The file.
        suffix: Of its published name.
    """
    if suffix not in RECOGNIZERS:
        raise NoModelError(f"a {suffix} file cannot be told from others without a checksum")
    RECOGNIZERS[suffix](path)


def _require_network(path: Path) -> None:
    try:
        graph = onnx.load_model(path, load_external_data=False).graph
    except (DecodeError, ValueError, OSError) as error:
        raise NoModelError(f"not ONNX ({one_line(error, 60)})") from None
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [item for item in graph.input if item.name not in constants]
    try:
        recognize(Signature(_specs(inputs), _specs(graph.output)), "the network")
    except ModelContractError as error:
        raise NoModelError(one_line(error)) from None


def _specs(values: Iterable[onnx.ValueInfoProto]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            frozenset({value.name}),
            tuple(size.dim_value or None for size in value.type.tensor_type.shape.dim),
        )
        for value in values
    )


def _require_checkpoint(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            (entry,) = [item for item in archive.infolist() if item.filename.endswith("/data.pkl")]
            if entry.file_size > LARGEST_PICKLE:
                raise NoModelError(f"a checkpoint's pickle of {entry.file_size:,} bytes")
            names, globals_ = _read_pickle(archive.read(entry))
            tensors = [item for item in archive.namelist() if "/data/" in item]
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise NoModelError(f"no checkpoint of PyTorch ({one_line(error, 60)})") from None
    foreign = [name for name in globals_ if not CHECKPOINT_CALLS.fullmatch(name)]
    if foreign:
        raise NoModelError(f"a checkpoint that calls {one_line(foreign[0], 60)}")
    if min(len(tensors), sum(name.endswith(".weight") for name in names)) < FEWEST_TENSORS:
        raise NoModelError(f"a checkpoint of {len(tensors)} tensors")


def _read_pickle(content: bytes) -> tuple[list[str], list[str]]:
    """The texts in a pickle, and what it calls. Raises ValueError for one that cannot be read."""
    texts, globals_ = [], []
    for code, argument, _ in pickletools.genops(content):
        if code.name == "GLOBAL":
            globals_.append(str(argument).replace(" ", "."))
        elif code.name in ("STACK_GLOBAL", "INST"):
            globals_.append(f"{code.name} of an unknown kind")
        elif isinstance(argument, str):
            texts.append(argument)
    return texts, globals_


RECOGNIZERS: Mapping[str, Callable[[Path], None]] = {
    ".onnx": _require_network,
    ".pth": _require_checkpoint,
    ".ckpt": _require_checkpoint,
}
"""Suffix of a published file -> what it has to pass."""
