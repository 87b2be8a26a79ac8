"""Checkpoints of PyTorch: pickles, which may call whatever they like, unless only weights are taken from them."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import torch

from model_api.errors import ModelFileError
from model_api.extras import install_command

SAFE = (2, 10)
"""PyTorch's first version that reads weights alone without a known way around it (CVE-2025-32434, CVE-2026-24747)."""


def load_checkpoint(path: Path) -> Any:
    """What a checkpoint holds: tensors, numbers, texts, and lists and mappings of them. Nothing of it is run.

    Raises:
        ModelFileError: this PyTorch does not read checkpoints safely.
        OSError: the file cannot be opened.
        ValueError: it is no such checkpoint.
    """
    require_safe(torch.__version__, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forms of pickles that it may not know: then it fails
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # what a damaged pickle leads to is not limited to a few kinds
        raise ValueError(f"no checkpoint of weights alone ({type(error).__name__})") from error


def require_safe(version: str, path: Path) -> None:
    """Raise ModelFileError for a version of PyTorch that could be made to run what is in `path`."""
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers < SAFE:
        raise ModelFileError(
            f"{path}: not opened, because PyTorch {version} can be made to run what is in a checkpoint. Expected "
            f"{SAFE[0]}.{SAFE[1]} or newer: {install_command('training')}"
        )
