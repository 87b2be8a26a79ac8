"""Which command is given a damaged file, and as what."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.slow.fuzzing.mutations import mutate
from tests.slow.fuzzing.networks import change_network

RED = ("-m", "{red}")
SHORT = ("--no_show", "--end", "4")
"""A damaged clip may claim to be long, and be right."""


@dataclass(frozen=True)
class Case:
    """A command line with a damaged file in it.

    Attributes:
        number: of the run.
        kind: a key of `seeds.KINDS`.
        seed: the name of the file that was damaged.
        folder: where the damaged file lies, and where the command is run.
        program: "demo" or "tools".
        words: the command line.
    """

    number: int
    kind: str
    seed: str
    folder: str
    program: str
    words: tuple[str, ...]


MEDIA = (
    ("demo", *RED, "-i", "{file}", "-o", "out.mp4", *SHORT),
    ("demo", *RED, "-i", "{file}", "-o", "out.mov", "--output_alpha", "pha_%d.png", *SHORT),
    ("demo", *RED, "-i", "{file}", "--output_transparent", "out.webm", "--output_foreground", "fgr.mkv", *SHORT),
    ("demo", *RED, "-i", "{clip}", "--target_bgr", "{file}", "-o", "out.mp4", *SHORT),
    ("demo", "-m", "{difference}", "-i", "{clip}", "--background", "{file}", "-o", "out.mp4", *SHORT),
    ("demo", "-m", "{counting}", "-i", "{file}", "-o", "out.gif", "--input_resize", "64x48", *SHORT),
)
MODELS = (
    ("demo", "-m", "{file}", "-i", "{clip}", "-o", "out.mp4", *SHORT),
    ("demo", "-m", "{file}", "-i", "{clip}", "-o", "out.mp4", "--refiner", "inside", *SHORT),
    ("tools", "info", "{file}"),
    ("tools", "convert", "{file}", "-o", "out.xml", "--input_size", "64x48"),
)
TEXTS = {
    "labels.txt": ("demo", *RED, "-i", "{clip}", "--labels", "{file}", "-o", "out.mp4", *SHORT),
    "training.toml": ("tools", "train", "--config", "{file}", "--output", "run"),
}


def _media(name: str, rng: random.Random) -> Sequence[str]:
    return MEDIA[rng.choice((0, 0, 0, 1, 2, 3, 4, 5))]


def _models(name: str, rng: random.Random) -> Sequence[str]:
    return MODELS[rng.choice((0, 0, 0, 1, 2, 3))]


def _texts(name: str, rng: random.Random) -> Sequence[str]:
    return TEXTS[name]


COMMANDS: Mapping[str, Callable[[str, random.Random], Sequence[str]]] = {
    "video": _media, "picture": _media, "onnx": _models, "ir": _models, "text": _texts,
}  # fmt: skip
"""Kind -> the program and its words for a file of this name."""
SHARES = {"video": 8, "picture": 6, "onnx": 4, "ir": 4, "text": 1}


def make_case(
    number: int, seed: int, seeds: Mapping[str, Sequence[Path]], good: Mapping[str, Path], root: Path
) -> Case:
    """Damage a file, and choose what it is given to.

    Args:
        number: of the case. The same number and seed make the same case.
        seed: of the run.
        seeds: kind -> whole files, as `seeds.write_seeds` gives them.
        good: whole files that commands need beside: red, difference, counting, clip.
        root: the folder in which the case gets one of its own.
    """
    rng = random.Random(f"{seed} {number}")
    kind = rng.choices(list(seeds), [SHARES[kind] for kind in seeds])[0]
    whole = rng.choice(seeds[kind])
    folder = root / f"{number:05d}"
    folder.mkdir(parents=True)
    file = folder / whole.name
    others = [path.read_bytes() for path in rng.sample(list(seeds[kind]), 2)] if len(seeds[kind]) > 1 else []
    weights = whole.with_suffix(".bin")
    is_in_weights = kind == "ir" and rng.random() < 0.3
    data = whole.read_bytes()
    if kind == "onnx" and rng.random() < 0.6:
        file.write_bytes(change_network(data, rng))
    else:
        file.write_bytes(data if is_in_weights else mutate(data, whole.suffix, others, rng))
    if kind == "ir":
        content = weights.read_bytes()
        (folder / weights.name).write_bytes(mutate(content, ".bin", [], rng) if is_in_weights else content)
    program, *words = COMMANDS[kind](whole.name, rng)
    names = {**good, "file": file}
    return Case(
        number, kind, whole.name, str(folder), program, tuple(word.format_map(names) for word in words)
    )  # fmt: skip
