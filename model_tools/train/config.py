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
    """Where people are from, and folders of images with nobody in them.

    Attributes:
        people: For training.
        backgrounds: Folders.
        unseen: People for validation.
        backgrounds_range: The numbers of the backgrounds for training, the last one left out.
        unseen_backgrounds: The numbers of the backgrounds for validation.
        largest_px: The longer side of what is kept in memory.
    """

    people: tuple[PeopleSource, ...]
    backgrounds: tuple[str, ...]
    unseen: tuple[PeopleSource, ...]
    backgrounds_range: tuple[int, int] = (-1, 10**9)
    unseen_backgrounds: tuple[int, int] = (0, 0)
    largest_px: int = 560


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Attributes:
        name: For the progress bar.
        steps: Of the optimizer.
        frames: T of a clip.
        batch: Clips in a step.
        sizes: (width, height), one for each batch in turn.
        rate: The largest learning rate. It rises over `warm_up` steps and falls along a cosine to a hundredth.
        warm_up: Steps.
        encoder_rate: The pretrained encoder's rate, as a share of it.
        frozen: How many of the encoder's first blocks stay as they are.
        frozen_filters: Whether its large depthwise filters stay as they are.
        downsample_ratio: For networks that have one; below 1 they are trained through their refiner.
        mix: How often clips are what.
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
    """A whole training.

    Attributes:
        network: One of `registry.NETWORKS`.
        data: What it is trained on.
        stages: In their order.
        seed: The same seed draws the same clips.
        start: A checkpoint whose weights to begin with, or "imagenet" for an encoder trained there.
        save_every: Steps between two checkpoints.
    """

    network: str
    data: Data
    stages: tuple[Stage, ...]
    seed: int = 0
    start: str = ""
    save_every: int = 200


def read_config(path: Path) -> Config:
    """Read a configuration. Raises OptionError if the file is missing, is not TOML, or has unknown keys."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"{path}: {error.strerror}. Expected a TOML file, as in model_tools/train/configs") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{path}: no TOML: it is not text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{path}: no TOML: {error}") from error
    try:
        stages = tuple(_stage(stage, path) for stage in table.pop("stages", ()))
        data = _data(table.pop("data", {}), path)
        return _made(Config, {**table, "data": data, "stages": stages}, path)
    except (AttributeError, TypeError, ValueError) as error:  # a number where a list is expected, and the like
        raise OptionError(f"{path}: {error}. Expected what model_tools/train/configs has") from error


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
