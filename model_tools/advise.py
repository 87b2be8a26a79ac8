"""Which options of the program are fastest on this machine for a model, and what they cost in accuracy."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import openvino as ov

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.model_arguments import model_file
from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, Frame, create_model
from model_api.adapters.cores import cores
from model_api.adapters.devices import check_device
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.bundled import name_of
from model_api.errors import ModelContractError, OptionError
from model_api.types import Alpha
from model_tools.benchmark.command import in_turns, measure
from model_tools.benchmark.machine import this_machine
from model_tools.benchmark.report import Figures, figures
from model_tools.benchmark.sides import Side
from model_tools.reporting.quiet import quiet
from model_tools.reporting.tables import aligned

EXACT = "f32"
PRECISIONS = {"BF16": "bf16", "FP16": "f16"}
"""OpenVINO's name of what a device has -> the precision to try beside 32 bits."""
COMPARED_FRAMES = 24
"""Frames of the clip whose alphas are compared."""
LEAST_GAIN = 1.03
"""What is faster by less than the machine's own unrest is not advised."""
STREAMS = (1, 2, 4)


@dataclass(frozen=True)
class Choice:
    """Options of the program that are tried.

    Attributes:
        model: The file.
        precision: As `--infer_precision` takes it.
        more: Further options.
    """

    model: Path
    precision: str
    more: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The options as a command line has them."""
        return ("-m", name_of(self.model), "--infer_precision", self.precision, *self.more)

    @property
    def name(self) -> str:
        """The options in a table."""
        return " ".join([self.model.stem, self.precision, *self.more])


@dataclass(frozen=True)
class Difference:
    """How far alphas are from those of the first model in 32 bits, in 255ths: of all frames, and of the worst one."""

    mean: float
    worst: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add("-m", "--model", required=True, nargs="+", type=model_file, metavar="MODEL",
        help="Required. The model, then others that may replace it, such as its 8-bit version.")  # fmt: skip
    add("-i", "--input", required=True, help="Required. A video like those that you have: its size and length count.")
    add("-d", "--device", default="CPU", help="Where networks are computed. Default: CPU.")
    add("--frames", type=values.positive, default=40, metavar="N", help="Frames of a round. Default: 40.")
    add("--rounds", type=values.positive, default=3, metavar="N", help="Rounds of each candidate. Default: 3.")
    add("--largest_difference", type=values.positive_number, default=1.0, metavar="LEVELS",
        help="The largest mean difference of alphas, in 255ths, that is advised. Default: 1.")  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Measure precisions first, then threads and streams with the best one; print tables and the command.

    Raises:
        BackgroundSubtractionError: A model or the input cannot be used.
    """
    device = check_device(args.device, ov.Core().available_devices)
    with quiet("model_api"):
        frames = _first_frames(args.input)
        choices = [Choice(model, precision) for model in args.model for precision in _precisions(device)]
        differences = _differences(choices, frames, device)
        is_recurrent = _is_recurrent(args.model[0], device)
    print("\n".join(this_machine().lines()))
    best = _measured(choices, args, device, differences, lambda each: differences[each].mean <= args.largest_difference)
    further = [Choice(best.model, best.precision, more) for more in _further(device, recurrent=is_recurrent)]
    same = dict.fromkeys([best, *further], differences[best])
    best = _measured([best, *further], args, device, same, lambda each: True)
    print(f"\nFastest here: background-subtraction {shlex.join(best.words)} -d {device} -i {shlex.quote(args.input)}")


def _first_frames(address: str) -> list[Frame]:
    with open_source(address) as source:
        return list(islice(source, COMPARED_FRAMES))


def _precisions(device: str) -> list[str]:
    """32 bits, and what the device has beside them."""
    core = ov.Core()
    has = core.get_property(device, "OPTIMIZATION_CAPABILITIES") if device in core.available_devices else ()
    return [EXACT, *(precision for name, precision in PRECISIONS.items() if name in has)]


def _is_recurrent(model: Path, device: str) -> bool:
    with create_model(model, device) as opened:
        return opened.recurrent


def _further(device: str, *, recurrent: bool) -> Iterator[tuple[str, ...]]:
    """Options to try with the best precision. A recurrent network computes one frame after another in any case."""
    if device == "CPU":
        counts = {max(1, cores() - 1), max(1, cores() // 2)} - {cores()}
        yield from (("-nthreads", str(count)) for count in sorted(counts, reverse=True))
    if not recurrent:
        yield from (("-nstreams", str(count)) for count in STREAMS if count <= cores())


def _differences(choices: Sequence[Choice], frames: Sequence[Frame], device: str) -> dict[Choice, Difference]:
    """Of each choice. The first one is what the others are compared with."""
    first, *others = choices
    expected = _alphas(first, frames, device)
    differences = {choice: _difference(_alphas(choice, frames, device), expected) for choice in others}
    return {first: Difference(0.0, 0.0), **differences}


def _alphas(choice: Choice, frames: Sequence[Frame], device: str) -> list[Alpha]:
    inference = InferenceOptions(precision=choice.precision)
    with create_model(choice.model, device, inference=inference) as model:
        if model.needs_clean_plate:
            raise ModelContractError(
                f"{choice.model.name} compares with a clean plate, which this tool has not", "model"
            )
        return [result.matte.alpha for result in AsyncPipeline(model).run(frames)]


def _difference(alphas: Sequence[Alpha], expected: Sequence[Alpha]) -> Difference:
    levels = [float(np.abs(own - other).mean()) * 255 for own, other in zip(alphas, expected, strict=True)]
    return Difference(float(np.mean(levels)), max(levels))


def _measured(
    choices: Sequence[Choice],
    args: argparse.Namespace,
    device: str,
    differences: Mapping[Choice, Difference],
    is_allowed: Callable[[Choice], bool],
) -> Choice:
    """Measure the whole program with each of some options in turns, print a table, and return the best ones.

    The first one stays, unless another is faster by LEAST_GAIN.
    """
    sides = [Side(each.name, "demo", (*each.words, "-i", args.input, "-d", device)) for each in choices]
    names = [side.name for side in sides]
    if len(set(names)) < len(names):
        raise OptionError("two models of one name. Expected different ones", "model")
    rounds = measure(sides, in_turns(sides, args.rounds), args.frames, writes=True)
    found = figures(sides, rounds, names[0])
    _print(choices, found, differences)
    allowed = [pair for pair in zip(choices, found, strict=True) if is_allowed(pair[0])]
    fastest, its_figures = max(allowed, key=lambda pair: pair[1].ratio.median)
    return fastest if its_figures.ratio.median >= LEAST_GAIN else choices[0]


def _print(choices: Sequence[Choice], found: Sequence[Figures], differences: Mapping[Choice, Difference]) -> None:
    head = ["options", "FPS", "CPU ms", "peak MB", "times the first", "off by, mean", "worst frame"]
    rows = [
        [
            choice.name,
            *(f"{number:.1f}" if number is not None else "—" for number in (each.fps, each.cpu_ms, each.peak_mb)),
            f"{each.ratio.median:.2f} ({each.ratio.least:.2f} to {each.ratio.most:.2f})",
            f"{differences[choice].mean:.3f}",
            f"{differences[choice].worst:.3f}",
        ]
        for choice, each in zip(choices, found, strict=True)
    ]
    print("", *aligned([head, *rows], words=(0, 4)), sep="\n")
    print("FPS: of the whole program, decoding and encoding too. Off by: alphas, in 255ths, from the first row's.")
