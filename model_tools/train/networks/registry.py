"""The networks that can be trained, by name, and their weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from model_api.errors import ModelFileError
from model_tools.convert.checkpoints import load_checkpoint
from model_tools.train.networks.base import Trainable
from model_tools.train.networks.efficientnet import imagenet_weights
from model_tools.train.networks.matting_network import EfficientMatting
from model_tools.train.networks.robust_video_matting import MattingNetwork

NETWORKS: dict[str, Callable[[], Trainable]] = {
    "video": lambda: EfficientMatting(pictures=1, recurrent=True),
    "clean_plate": lambda: EfficientMatting(pictures=2, recurrent=False),
    "rvm_mobilenetv3": lambda: MattingNetwork("mobilenetv3"),
    "rvm_resnet50": lambda: MattingNetwork("resnet50"),
}

Weights = dict[str, Tensor]


def begin_with(network: nn.Module, start: str) -> None:
    """Load a checkpoint, or with "imagenet" an encoder trained there. Raises ModelFileError if no weight fits."""
    if start != "imagenet":
        load_weights(network, Path(start))
        return
    _take(network, {f"encoder.{name}": weight for name, weight in imagenet_weights().items()}, Path(start))


def load_weights(network: nn.Module, path: Path) -> None:
    """Load the averaged weights of a checkpoint.

    A network that also sees a clean plate, or carries no states, takes the weights that both have in common.

    Raises:
        ModelFileError: no weight fits.
    """
    _take(network, read_weights(path), path)


def _take(network: nn.Module, weights: Weights, path: Path) -> None:
    own = network.state_dict()
    fitting = {name: _widened(weights[name], own[name]) for name in own.keys() & weights.keys()}
    if not fitting:
        raise ModelFileError(f"{path}: none of its {len(weights)} weights belongs to this network")
    network.load_state_dict({**own, **fitting})


def load_exactly(network: nn.Module, weights: Weights, path: Path, unused: tuple[str, ...] = ()) -> None:
    """Load all of the weights, as they are.

    Args:
        network: Takes them.
        weights: By their names.
        path: Where they are from, for messages.
        unused: Beginnings of names that may be missing, or left over.

    Raises:
        ModelFileError: others are missing or left over, or their shapes differ.
    """
    own = network.state_dict()
    # How many batches the averages of a batch norm have seen means nothing but in training.
    unused = (*unused, *(name for name in own if name.endswith("num_batches_tracked")))
    missing = [name for name in own.keys() - weights.keys() if not name.startswith(unused)]
    foreign = [name for name in weights.keys() - own.keys() if not name.startswith(unused)]
    shared = own.keys() & weights.keys()
    misshapen = [name for name in shared if own[name].shape != weights[name].shape]
    for fault, names in (("lacks", missing), ("does not take", foreign), ("has other shapes for", misshapen)):
        if names:
            raise ModelFileError(f"{path} is not of this network, which {fault} {_some(names)}")
    network.load_state_dict({**own, **{name: weights[name] for name in shared}})


def read_weights(path: Path) -> Weights:
    """Read weights by their names, from a checkpoint of `train` or of others (.pt, .pth), or from NumPy (.npz).

    Raises:
        ModelFileError: there are none at `path`.
    """
    try:
        return _from_numpy(path) if path.suffix == ".npz" else _from_checkpoint(path)
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror}. Expected weights, .pt, .pth or .npz") from error
    except (RuntimeError, EOFError, TypeError, ValueError, BadZipFile, UnpicklingError) as error:
        raise ModelFileError(f"{path} does not hold weights and nothing else. Expected .pt, .pth or .npz") from error


def _from_numpy(path: Path) -> Weights:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


def _from_checkpoint(path: Path) -> Weights:
    state = load_checkpoint(path)
    weights = state.get("average", state) if isinstance(state, dict) else None
    if not weights or not all(isinstance(weight, Tensor) for weight in weights.values()):
        raise ValueError("no weights")
    return dict(weights)


def _widened(weight: Tensor, like: Tensor) -> Tensor:
    """Weights for more input channels: zeros for the new ones, which stand after the old ones of their kind."""
    if weight.shape == like.shape:
        return weight
    wide = torch.zeros_like(like)
    wide[:, : weight.shape[1]] = weight
    return wide


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
