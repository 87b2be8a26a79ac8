"""`python -m model_tools benchmark`: bare inference, the demo end to end, and other configurations, in turns."""

from __future__ import annotations

import argparse
import logging
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from background_subtraction.cli import argument_types as values
from model_api.errors import OptionError
from model_api.terminal.foreign_text import printable
from model_tools.benchmark.machine import this_machine
from model_tools.benchmark.plot import as_svg
from model_tools.benchmark.process import process_of
from model_tools.benchmark.report import Benchmark, as_json, table
from model_tools.benchmark.rounds import Job, Play, Round
from model_tools.benchmark.scale.command import ROUNDS as SCALE_ROUNDS
from model_tools.benchmark.scale.command import measure_scale
from model_tools.benchmark.scale.report import as_json as scale_as_json
from model_tools.benchmark.scale.report import table as scale_table
from model_tools.benchmark.sides import KINDS, Side, parse_sides
from model_tools.reporting.files import require_folders, write_reports

log = logging.getLogger(__name__)

ROUNDS = 5
CLIPS = 1000
DEFAULT_SIDES = ("raw", "network", "demo")
WRITERS = {"json": as_json, "plot": as_svg}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add("-m", "--model", required=True, help="Required. A file, or a bundled model's name.")
    add("-i", "--input", required=True, help="Required. A video, or a folder of images or of videos.")
    add("-d", "--device", default="CPU", help="CPU, GPU, NPU, AUTO, HETERO:GPU,CPU. Default: CPU.")
    add("--options", default="", metavar="TEXT",
        help='More options of the program, as in --options="--target_bgr room.mp4".')  # fmt: skip
    add(
        "--frames",
        type=values.positive,
        default=60,
        metavar="N",
        help="Frames of the input in a round, at most. Default: 60.",
    )
    add(
        "--rounds",
        type=values.positive,
        metavar="N",
        help=f"Rounds of each side, after one to warm up. Default: {ROUNDS}; with --scale {SCALE_ROUNDS}, without it.",
    )
    add("--no_write", action="store_true", help="The program writes no video.")
    add(
        "--compare",
        nargs="+",
        action="extend",
        default=[],
        metavar="SIDE",
        help=f"More sides than {', '.join(DEFAULT_SIDES)}: KIND:KEY=VALUE,KEY=VALUE. Kinds: {', '.join(KINDS)}. "
        'Keys: model, device, streams, requests, threads, input, name, options ("options=--downsample_ratio 0.25") '
        'and, for raw, precision. Another program: "command:NAME=PROGRAM ARGUMENT …".',
    )
    add("--base", metavar="NAME", help="The side that the others are compared with. Default: raw.")
    add("--json", type=Path, metavar="FILE", help="Write all figures, also those of each round.")
    add("--scale", type=values.positive, nargs="?", const=CLIPS, metavar="CLIPS",
        help="Instead: measure batches of clips that are made of the input, in one process and in several; fit what "
        f"they cost; predict 1 to 1,000 machines, and a batch of so many clips. Default: {CLIPS}.")  # fmt: skip
    add("--plot", type=Path, metavar="FILE.svg", help="Write a chart of the time of a frame, by stage.")


def run(args: argparse.Namespace) -> None:
    """Measure, write the files that were asked for, and print a table.

    Raises:
        BackgroundSubtractionError: a side fails, or its options are wrong.
        ImportError: a side needs a library that is missing.
    """
    _check(args)
    if args.scale:
        _run_scale(args)
    else:
        _run_sides(args)


def _run_scale(args: argparse.Namespace) -> None:
    scale = measure_scale(args)
    files = write_reports({"json": args.json}, {"json": scale_as_json}, scale)
    _show(scale_table(scale), files)


def _run_sides(args: argparse.Namespace) -> None:
    rounds_of_each = args.rounds or ROUNDS
    settings = {name: getattr(args, name) for name in ("model", "input", "device", "options")}
    sides = parse_sides([*DEFAULT_SIDES, *args.compare], settings)
    names = [side.name for side in sides]
    base = args.base or names[0]
    if base not in names:
        raise OptionError(f'--base "{base}": no such side. Expected one of {", ".join(names)}')
    orders = in_turns(sides, rounds_of_each)
    machine = this_machine()
    rounds = measure(sides, orders, args.frames, writes=not args.no_write)
    benchmark = Benchmark(_command(args, rounds_of_each), machine, sides, base, orders, rounds)
    # Before the table: nobody may be reading that to its end.
    files = write_reports(_reports(args), WRITERS, benchmark)
    _show(table(benchmark), files)


def _show(text: str, files: Sequence[Path]) -> None:
    print(printable(text))
    for path in files:
        log.info("Wrote %s", path)


def in_turns(sides: Sequence[Side], rounds: int) -> list[list[str]]:
    """The names of the sides for each round, every second time from the last to the first."""
    names = [side.name for side in sides]
    return [names[:: -1 if number % 2 else 1] for number in range(rounds)]


def measure(
    sides: Sequence[Side], orders: Sequence[Sequence[str]], frames: int, *, writes: bool
) -> dict[str, list[Round]]:
    """Run every side once to warm up, then in these orders, so that a change of the machine's speed affects all.

    Args:
        sides: What is compared.
        orders: The names of the sides, a row for each round.
        frames: In a round, at most.
        writes: Whether the whole program writes a video.

    Returns:
        Name -> its rounds.
    """
    rounds: dict[str, list[Round]] = {side.name: [] for side in sides}
    with TemporaryDirectory(prefix="benchmark-") as folder, ExitStack() as stack:
        plays: dict[str, Play] = {}
        progress = stack.enter_context(tqdm(total=len(sides) * (1 + len(orders)), unit="round", disable=None))
        for number, side in enumerate(sides):
            own = Path(folder, str(number))
            own.mkdir()
            job = Job(side, frames, writes, str(own), str(Path.cwd()))
            plays[side.name] = stack.enter_context(process_of(job))
            plays[side.name]()
            progress.update()
        for name in (name for order in orders for name in order):
            rounds[name].append(plays[name]())
            progress.update()
    return rounds


def _check(args: argparse.Namespace) -> None:
    require_folders(_reports(args).values())
    if args.plot and args.plot.suffix.lower() != ".svg":
        raise OptionError(f"--plot {args.plot}: charts are written as SVG. Expected a name that ends in .svg")
    others = [name for name in ("compare", "base", "plot", "no_write") if getattr(args, name)]
    if args.scale and others:
        raise OptionError(f"--scale, and --{others[0]}, which is about sides. Expected one of them")


def _command(args: argparse.Namespace, rounds: int) -> str:
    """The command that measures the same again."""
    words = ["python", "-m", "model_tools", "benchmark", "-m", args.model, "-i", args.input, "-d", args.device]
    words += ["--frames", str(args.frames), "--rounds", str(rounds)]
    words += ["--options", args.options] if args.options else []
    words += ["--no_write"] if args.no_write else []
    words += ["--compare", *args.compare] if args.compare else []
    words += ["--base", args.base] if args.base else []
    return shlex.join(words)


def _reports(args: argparse.Namespace) -> dict[str, Path | None]:
    """Kind -> the file that was asked for."""
    return {kind: getattr(args, kind) for kind in WRITERS}
