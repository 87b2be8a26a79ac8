"""What a training run does, read from a TOML file into frozen values."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from model_api.errors import OptionError
from model_tools.train.data.composition import Mix
from model_tools.train.data.material import PeopleSource

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Data:
    """Where people are from, and folders of pictures with nobody in them.

    people, unseen: for training and for validation. backgrounds_range, unseen_backgrounds: the numbers of theirs.
    largest_px: the longer side of what is kept in memory.
    """

    people: tuple[PeopleSource, ...]
    backgrounds: tuple[str, ...]
    unseen: tuple[PeopleSource, ...]
    backgrounds_range: tuple[int, int] = (-1, 10**9)
    unseen_backgrounds: tuple[int, int] = (0, 0)
    largest_px: int = 560


@dataclass(frozen=True)
class Stage:
    """steps: of the optimizer. frames: T of a clip. batch: clips. sizes: (width, height), one for each batch in turn.
    rate: the learning rate at its height; it rises over `warm_up` steps and falls along a cosine to a hundredth.
    encoder_rate: the pretrained encoder's rate, as a share of it. frozen: how many of the encoder's first blocks stay
    as they are; frozen_filters: whether its large depthwise filters do. downsample_ratio: for networks that have one;
    below 1 they are trained through their refiner.
    """

    name: str
    steps: int
    frames: int
    batch: int
    sizes: tuple[tuple[int, int], ...]
    rate: float
    warm_up: int = 200
    encoder_rate: float = 0.2
    frozen: int = 0
    frozen_filters: bool = False
    downsample_ratio: float = 1.0
    mix: Mix = field(default_factory=Mix)


@dataclass(frozen=True)
class Config:
    """network: one of `networks.NETWORKS`. start: a checkpoint whose weights to begin with, or "imagenet" for an
    encoder trained there."""

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
        raise OptionError(f"{path}: {error.strerror}. Expected a TOML file, as in model_tools/train/configs") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{path}: no TOML: {error}") from error
    stages = tuple(_stage(stage, path) for stage in table.pop("stages", ()))
    data = _data(table.pop("data", {}), path)
    return _made(Config, {**table, "data": data, "stages": stages}, path)


def _data(table: dict[str, Any], path: Path) -> Data:
    sources = {
        key: tuple(_made(PeopleSource, _tuples(source), path) for source in table.pop(key, ()))
        for key in ("people", "unseen")
    }
    return _made(Data, {**_tuples(table), **sources}, path)


def _stage(table: dict[str, Any], path: Path) -> Stage:
    mix = _made(Mix, table.pop("mix", {}), path)
    sizes = tuple((width, height) for width, height in table.pop("sizes", ()))
    return _made(Stage, {**table, "sizes": sizes, "mix": mix}, path)


def _made(kind: type[Any], values: dict[str, Any], path: Path) -> Any:
    known = {each.name for each in fields(kind)}
    unknown = values.keys() - known
    if unknown:
        raise OptionError(f"{path}: unknown {', '.join(sorted(unknown))}. Known: {', '.join(sorted(known))}")
    try:
        return kind(**values)
    except TypeError as error:
        raise OptionError(f"{path}: {str(error).replace('__init__() ', '')}") from error


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
