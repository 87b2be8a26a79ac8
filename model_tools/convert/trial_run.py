"""An IR is run once before it gets its name: what does not run is not left behind."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from model_api import create_model
from model_api.errors import BackgroundSubtractionError, ModelContractError
from model_api.types import Size
from model_tools.convert.comparison import WHOLE
from model_tools.reporting.quiet import quiet


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
    # What it is has been said of the original, and its name here is not its own.
    with (
        quiet("model_api.create", logging.ERROR),
        quiet("model_api.graph.precision"),
        create_model(path, inference=WHOLE) as model,
    ):
        width, height = model.input_size(size)
        black = np.zeros((height, width, 3), np.uint8)
        model(black, clean_plate=black)
