"""What a training run does, read from a TOML file into frozen values."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from model_api.errors import OptionError
from training.datasets import Mix

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Data:
    """people: a folder with images/ and alpha/. backgrounds: a folder of pictures. Numbers in file names decide what
    is for training; the held-out ranges are for validation and evaluation alone. A range: [first, beyond the last]."""

    people: str
    backgrounds: str
    people_range: tuple[int, int] = (0, 10**9)
    people_held_out: tuple[int, int] = (0, 0)
    backgrounds_range: tuple[int, int] = (-1, 10**9)
    backgrounds_held_out: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Stage:
    """steps: of the optimizer. frames: T of a clip. batch: clips. sizes: (width, height), one for each batch in turn.
    rate: the learning rate at its height; it rises over `warm_up` steps and falls along a cosine to a hundredth.
    downsample_ratio: for networks that have one; below 1 their refiner learns too."""

    name: str
    steps: int
    frames: int
    batch: int
    sizes: tuple[tuple[int, int], ...]
    rate: float
    warm_up: int = 200
    downsample_ratio: float = 1.0
    mix: Mix = Mix()


@dataclass(frozen=True)
class Config:
    """network: one of `train.NETWORKS`. start: a checkpoint whose weights to begin with."""

    network: str
    data: Data
    stages: tuple[Stage, ...]
    seed: int = 0
    start: str = ""
    save_every: int = 200


def read_config(path: Path) -> Config:
    """Raises OptionError if the file is missing, no TOML, or has keys that nobody reads."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"{path}: {error.strerror}. Expected a TOML file, as in training/configs") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{path}: no TOML: {error}") from error
    stages = tuple(_stage(stage, path) for stage in table.pop("stages", ()))
    data = _made(Data, _tuples(table.pop("data", {})), path)
    return _made(Config, {**table, "data": data, "stages": stages}, path)


def _stage(table: dict[str, Any], path: Path) -> Stage:
    mix = _made(Mix, table.pop("mix", {}), path)
    sizes = tuple((width, height) for width, height in table.pop("sizes", ()))
    return _made(Stage, {**table, "sizes": sizes, "mix": mix}, path)


def _made(kind: type[Any], values: dict[str, Any], path: Path) -> Any:
    known = {field.name for field in fields(kind)}
    unknown = values.keys() - known
    if unknown:
        raise OptionError(f"{path}: unknown {', '.join(sorted(unknown))}. Known: {', '.join(sorted(known))}")
    try:
        return kind(**values)
    except TypeError as error:
        raise OptionError(f"{path}: {str(error).replace('__init__() ', '')}") from error


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
