"""What a benchmark measures beside each other, as people write it: `kind`, or `kind:key=value,key=value`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, pairwise
from pathlib import Path

from model_api.errors import OptionError

OPTIONS = {
    "model": "-m", "input": "-i", "device": "-d", "streams": "-nstreams", "requests": "-nireq", "threads": "-nthreads",
}  # fmt: skip
"""Key of a side -> the demo's option for it."""

SETTINGS = ("name", *OPTIONS, "options")
KEYS = {
    "raw": (*SETTINGS, "precision"),
    "network": SETTINGS,
    "demo": SETTINGS,
    "floor": SETTINGS,
    "onnxruntime": ("name", "model", "input", "threads", "options"),
}
"""Kind -> what may be said of it. The kind `command` has a name and a command line instead."""

KINDS = (*KEYS, "command")
PRECISIONS = ("f32", "f16", "bf16")
EXAMPLE = "as in demo:model=rvm_int8.xml,streams=2"


@dataclass(frozen=True)
class Side:
    """What is measured beside others.

    Attributes:
        name: In the table, different from that of every other side.
        kind: One of KINDS.
        words: The program's command line, or that of the command.
        precision: Inference precision of `raw`, one of PRECISIONS; "" for what the program asks for.
    """

    name: str
    kind: str
    words: tuple[str, ...]
    precision: str = ""

    @property
    def input(self) -> str:
        """The input that the program reads, "" for a command."""
        names = [value for option, value in pairwise(self.words) if option == OPTIONS["input"]]
        return names[-1] if names and self.kind != "command" else ""


def parse_sides(texts: Sequence[str], settings: Mapping[str, str]) -> list[Side]:
    """settings: key -> value for all sides, which a side's own replace; "options" are added up instead.

    The second of two sides of one name is numbered. Raises OptionError.
    """
    sides: list[Side] = []
    for text in texts:
        side = parse_side(text, settings)
        names = [other.name for other in sides]
        numbered = (f"{side.name} {number}" for number in count(2))
        free = next(name for name in chain([side.name], numbered) if name not in names)
        sides.append(replace(side, name=free))
    return sides


def parse_side(text: str, settings: Mapping[str, str]) -> Side:
    """Parse one side. settings: see `parse_sides`. Raises OptionError."""
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise OptionError(f'--compare "{text}": no kind "{kind}". Expected {", ".join(KINDS)}, {EXAMPLE}')
    if kind == "command":
        return _command(text, rest)
    own = _pairs(text, rest)
    unknown = sorted(own.keys() - set(KEYS[kind]))
    if unknown:
        raise OptionError(f'--compare "{text}": {kind} has no {", ".join(unknown)}. Known: {", ".join(KEYS[kind])}')
    precision = own.get("precision", "")
    if precision and precision not in PRECISIONS:
        raise OptionError(f'--compare "{text}": precision "{precision}". Expected {", ".join(PRECISIONS)}')
    known = {key: value for key, value in {**settings, **own}.items() if key in KEYS[kind]}
    words = [word for key, option in OPTIONS.items() if key in known for word in (option, known[key])]
    further = [*_split(text, settings.get("options", "")), *_split(text, own.get("options", ""))]
    return Side(own.get("name") or _name(kind, own), kind, (*words, *further), precision)


def _command(text: str, rest: str) -> Side:
    match = re.fullmatch(r"([\w.-]+)=(.*\S.*)", rest)
    if not match:
        raise OptionError(f'--compare "{text}": expected command:NAME=PROGRAM ARGUMENT …, with a name for the table')
    return Side(match[1], "command", tuple(_split(text, match[2])))


def _pairs(text: str, rest: str) -> dict[str, str]:
    """A comma begins another key only where one follows: device=AUTO:GPU,CPU is one value."""
    pairs = [part.partition("=") for part in re.split(r",(?=[a-z_]+=)", rest) if part]
    if not all(key and value for key, _, value in pairs):
        raise OptionError(f'--compare "{text}": expected KIND:KEY=VALUE,KEY=VALUE, {EXAMPLE}')
    return {key: value for key, _, value in pairs}


def _split(text: str, words: str) -> list[str]:
    try:
        return shlex.split(words)
    except ValueError as error:
        raise OptionError(f'"{text}": {error}. Expected words, with quotes around those that have spaces') from error


def _name(kind: str, own: Mapping[str, str]) -> str:
    bare = {"model": Path(own.get("model", "")).stem, "options": own.get("options", "")}
    return " ".join([kind, *(bare.get(key) or f"{key}={value}" for key, value in own.items())])
