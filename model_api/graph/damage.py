"""Damage that ends the process inside OpenVINO, looked for before it reads the file."""

from __future__ import annotations

import re
from pathlib import Path

from model_api.errors import ModelFileError

STATE_LAYER = re.compile(
    rb"<layer\b[^>]*\btype\s*=\s*[\"'](ReadValue|Assign)[\"'][^>]*>(.*?)(?=<layer\b|</layers>|\Z)", re.S
)
VARIABLE = re.compile(rb"<data\b[^>]*\bvariable_id\s*=")


def require_named_states(path: Path) -> None:
    """Check that every state of an IR has a name: OpenVINO 2026.4 follows a null pointer where one has none.

    Args:
        path: the file, of any format.

    Raises:
        ModelFileError: a layer that reads or writes a state does not say which.
    """
    if path.suffix.lower() != ".xml":
        return
    for layer in STATE_LAYER.finditer(path.read_bytes()):
        if not VARIABLE.search(layer[2]):
            raise ModelFileError(
                f"{path}: a {layer[1].decode()} layer without a variable_id. The file is damaged. Expected a whole IR"
            )
