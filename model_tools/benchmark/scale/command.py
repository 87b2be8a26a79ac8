"""`python -m model_tools benchmark --scale`."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from model_api.adapters.cores import cores
from model_api.errors import BackgroundSubtractionError, OptionError
from model_tools.benchmark.machine import Machine, this_machine
from model_tools.benchmark.scale.clips import Footage
from model_tools.benchmark.scale.clusters import installed
from model_tools.benchmark.scale.cost_model import CORE_SECONDS, SECONDS, fit
from model_tools.benchmark.scale.design import Batch, fitted, held_out
from model_tools.benchmark.scale.measuring import Measured, measure
from model_tools.benchmark.scale.overhead import Overhead, of_command, of_engine
from model_tools.benchmark.scale.prediction import CLIP_S, HEIGHT, HOUR_S, PIECE_S, Traffic, Work, predict
from model_tools.benchmark.scale.report import Scale

log = logging.getLogger(__name__)

ROUNDS = 2
LEAST_FRAMES = 4


def measure_scale(args: argparse.Namespace) -> Scale:
    """Measure batches on this machine, fit the model, and predict.

    Args:
        args: of the benchmark. `scale` is the number of clips of the batch that is predicted.

    Raises:
        BackgroundSubtractionError: a batch fails, or the options are wrong.
    """
    if not hasattr(os, "sched_setaffinity") or not Path("/proc/self/stat").exists():
        raise OptionError("--scale: holds batches to some cores and adds up memory as Linux alone can. Expected Linux")
    if args.frames < LEAST_FRAMES:
        raise OptionError(f"--frames {args.frames}: too few to tell frames from clips. Expected {LEAST_FRAMES} or more")
    machine = this_machine()
    rounds = args.rounds or ROUNDS
    words = ["-m", args.model, "-d", args.device, *shlex.split(args.options)]
    with TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        footage = Footage.of(args.input, args.frames)
        measured = measure(fitted(cores(), args.frames), held_out(cores(), args.frames), footage, words, rounds, folder)
        overheads = _overheads(folder)
    return _scale(_command(args, rounds), machine, measured, overheads, args.scale)


def _scale(
    command: str, machine: Machine, measured: Sequence[Measured], overheads: Sequence[Overhead], clips: int
) -> Scale:
    known = [each for each in measured if not each.held_out]
    batches = [each.batch for each in known]
    seconds = fit(SECONDS, batches, [each.seconds for each in known])
    core_seconds = fit(CORE_SECONDS, batches, [each.cpu_s for each in known])
    traffic, ways, task_s = _traffic(measured), _ways(batches), max(each.seconds for each in overheads)
    predicted = {
        work: [predict(work, machines, seconds, core_seconds, ways, task_s, traffic) for machines in work.machines]
        for work in _works(clips)
    }
    return Scale(command, machine, measured, seconds, core_seconds, overheads, ways, traffic, predicted)


def _overheads(folder: Path) -> list[Overhead]:
    clip = min(folder.glob("*.mp4"), key=lambda path: path.stat().st_size)
    return [of_command(clip, folder), *chain.from_iterable(_of_engine(name, clip, folder) for name in installed())]


def _of_engine(name: str, clip: Path, folder: Path) -> list[Overhead]:
    """None where the engine does not start: the batches were measured, and need none."""
    try:
        return [of_engine(name, clip, folder)]
    except BackgroundSubtractionError as error:
        log.warning("%s is not measured: %s", name, error)
        return []


def _works(clips: int) -> tuple[Work, ...]:
    hour = "an hour of 1080p for each machine"
    return (
        Work(f"{hour}, in clips of five minutes", HOUR_S // PIECE_S, PIECE_S, each=True),
        Work(f"{hour}, in one film", 1, HOUR_S, each=True),
        Work(f"{clips:,} clips of a minute of 1080p altogether", clips, CLIP_S, each=False),
    )


def _ways(batches: Sequence[Batch]) -> list[Batch]:
    """One batch of each way to use the whole machine."""
    return [*{each.words: each for each in batches if each.cores == cores()}.values()]


def _traffic(measured: Sequence[Measured]) -> Traffic:
    """Of the longest batch with frames of that size."""
    longest = max(
        (each for each in measured if each.batch.height == HEIGHT),
        key=lambda each: each.batch.clips * each.batch.frames,
    )
    frames = longest.batch.clips * longest.batch.frames
    return Traffic(longest.read_bytes / frames, longest.written_bytes / frames)


def _command(args: argparse.Namespace, rounds: int) -> str:
    """The command that measures the same again."""
    words = ["python", "-m", "model_tools", "benchmark", "--scale", str(args.scale), "-m", args.model, "-i", args.input]
    words += ["-d", args.device, "--frames", str(args.frames), "--rounds", str(rounds)]
    words += ["--options", args.options] if args.options else []
    return shlex.join(words)
