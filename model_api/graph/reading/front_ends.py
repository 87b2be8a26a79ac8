"""OpenVINO's readers of model files, asked by name."""

from __future__ import annotations

from pathlib import Path

import openvino as ov
from openvino.frontend import (
    ConversionExtension,
    FrontEndManager,
    GeneralFailure,
    InitializationFailure,
    NotImplementedFailure,
    OpConversionFailure,
    OpValidationFailure,
)

FRONT_END_ERRORS = (
    RuntimeError,
    GeneralFailure,
    InitializationFailure,
    NotImplementedFailure,
    OpConversionFailure,
    OpValidationFailure,
)
"""What they raise for a file that they cannot read."""


def read(framework: str, path: Path, *extensions: ConversionExtension) -> ov.Model:
    """Read a graph with one front end. Raises one of `FRONT_END_ERRORS`.

    Asked to guess, OpenVINO lets every front end try, and some of them write to the terminal when they fail.

    Args:
        framework: its name: "ir", "onnx", "tflite", "paddle", "tf".
        path: the file.
        extensions: how it is to read operations that it does not know.
    """
    reader = FrontEndManager().load_by_framework(framework)
    for extension in extensions:
        reader.add_extension(extension)
    return reader.convert(reader.load(str(path)))
