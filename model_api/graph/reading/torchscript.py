"""TorchScript: networks that PyTorch stored with their code. Needs PyTorch, an extra."""

from __future__ import annotations

import io
import logging
import os
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import openvino as ov

from model_api.errors import ModelFileError
from model_api.extras import install_command
from model_api.graph.reading.front_ends import FRONT_END_ERRORS

ANSWERS = {("src", "bgr"): ("pha", "fgr", "pha_sm", "fgr_sm", "err_sm", "ref_sm")}
"""Inputs -> outputs, of published networks. TorchScript has no names for outputs."""
EXAMPLE_SIDE_PX = 512
ADVICE = "Export the network to ONNX, or take its published ONNX file"


def is_torchscript(path: Path) -> bool:
    """Whether a file of PyTorch holds a network. `torch.save` writes weights alone, in an archive without code."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read(path: Path) -> ov.Model:
    """Read a TorchScript file whose inputs are images, of any size.

    Traced networks go through OpenVINO's front end, and those with control flow through PyTorch's exporter to ONNX.
    PyTorch runs code of the file in both.

    Raises:
        ModelFileError: PyTorch is missing, or cannot read the file, or the network has other inputs, or operations
            that neither way takes.
    """
    try:
        torch: Any = import_module("torch")
    except ImportError as error:
        raise ModelFileError(
            f"{path}: TorchScript needs PyTorch, which is not installed. {install_command('training')}, or export the "
            "network to ONNX"
        ) from error
    with _quiet():
        try:
            module = torch.jit.load(str(path), map_location="cpu").eval()
            arguments = module.forward.schema.arguments[1:]
        except (RuntimeError, AttributeError, OSError, ValueError) as error:
            raise ModelFileError(f"{path}: PyTorch cannot read it as TorchScript ({_first_line(error)})") from error
        names = tuple(argument.name for argument in arguments)
        if not arguments or any(str(argument.type) != "Tensor" for argument in arguments):
            inputs = ", ".join(f"{argument.name}: {argument.type}" for argument in arguments)
            raise ModelFileError(f"{path}: takes ({inputs}). Expected images alone. {ADVICE}")
        try:
            model = _graph(torch, module.float(), names)
        except (*FRONT_END_ERRORS, AttributeError, TypeError, ValueError, torch.onnx.errors.OnnxExporterError) as error:
            raise ModelFileError(
                f"{path}: has control flow or operations that neither OpenVINO nor PyTorch's exporter to ONNX takes. "
                f"{ADVICE}"
            ) from error
    # What the tracer records as conversion_parameters does not describe images.
    model = ov.Model(model.get_results(), model.get_sinks(), model.get_parameters(), model.get_friendly_name())
    _name(model.inputs, names)
    _name(model.outputs, ANSWERS.get(names, ("output",) if len(model.outputs) == 1 else ()))
    return model


def _graph(torch: Any, module: Any, names: Sequence[str]) -> ov.Model:
    shapes = [ov.PartialShape([1, 3, -1, -1])] * len(names)
    try:
        return ov.convert_model(module, input=shapes)
    except FRONT_END_ERRORS:
        return _through_onnx(torch, module, names)


def _through_onnx(torch: Any, module: Any, names: Sequence[str]) -> ov.Model:
    examples = tuple(torch.zeros(1, 3, EXAMPLE_SIDE_PX, EXAMPLE_SIDE_PX) for _ in names)
    sides = {name: {2: "height", 3: "width"} for name in names}
    file = io.BytesIO()
    with _without_stdout():
        torch.onnx.export(
            module, examples, file, input_names=list(names), dynamic_axes=sides, opset_version=17, dynamo=False
        )
    return ov.Core().read_model(file.getvalue())


def _name(ports: Sequence[ov.Output], names: Sequence[str]) -> None:
    for port, name in zip(ports, names, strict=False):
        port.get_tensor().set_names({name})


@contextmanager
def _quiet() -> Iterator[None]:
    """Tracing and exporting warn of what does not change here. The exporter leaves all loggers at ERROR."""
    level = logging.getLogger().level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.getLogger().setLevel(level)


@contextmanager
def _without_stdout() -> Iterator[None]:
    """Where the exporter fails it prints the whole graph, past the stdout of Python, whatever its settings."""
    try:
        kept = os.dup(1)
    except OSError:  # closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(".")[:200]
