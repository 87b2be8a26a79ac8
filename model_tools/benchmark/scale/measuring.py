"""Real batches by the real command, each in a process of its own, in turns."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from background_subtraction.batch.manifest import NAME
from model_api.errors import BackgroundSubtractionError
from model_tools.benchmark.process import ROOT
from model_tools.benchmark.scale.clips import Footage, write_clips
from model_tools.benchmark.scale.design import Batch
from model_tools.benchmark.scale.watching import watch

PROGRAM = "import sys; sys.path.insert(0, {root!r}); from background_subtraction.cli.main import main; sys.exit(main())"
"""The command as it is here, whatever is installed."""


@dataclass(frozen=True)
class Measured:
    """A batch, and what it cost.

    Attributes:
        batch: what was done.
        held_out: whether the model is only compared with it.
        seconds: of the fastest round, from the start of the command to its end.
        cpu_s: the least of all rounds, all processes together.
        peak_mb: the most of all rounds, all processes together, each shared page once.
        read_bytes: of its inputs.
        written_bytes: of its outputs.
    """

    batch: Batch
    held_out: bool
    seconds: float
    cpu_s: float
    peak_mb: float
    read_bytes: int
    written_bytes: int


def command(words: Sequence[str]) -> list[str]:
    """The command line of the program with these options."""
    return [sys.executable, "-c", PROGRAM.format(root=str(ROOT)), *words]


def measure(
    fitted: Sequence[Batch],
    held_out: Sequence[Batch],
    footage: Footage,
    words: Sequence[str],
    rounds: int,
    folder: Path,
) -> list[Measured]:
    """Measure every batch once in each round, every second time from the last to the first.

    Args:
        fitted: batches for the model.
        held_out: batches that the model is only compared with.
        footage: what clips are made of.
        words: options of the command, without inputs and outputs.
        rounds: how often.
        folder: for clips and results. It is not emptied.

    Raises:
        BackgroundSubtractionError: a batch fails.
    """
    batches = [*fitted, *held_out]
    inputs = {batch: write_clips(footage, batch, folder) for batch in batches}
    ended: dict[Batch, list[Measured]] = {batch: [] for batch in batches}
    with tqdm(total=rounds * len(batches), unit="batch", disable=None) as progress:
        for number in range(rounds):
            for batch in batches[:: -1 if number % 2 else 1]:
                ended[batch].append(_once(batch, batch in held_out, inputs[batch], words, folder))
                progress.update()
    return [_best(each) for each in ended.values()]


def bytes_of(paths: Iterable[Path]) -> int:
    """How large files are together."""
    return sum(path.stat().st_size for path in paths)


def _once(batch: Batch, held_out: bool, inputs: Path, words: Sequence[str], folder: Path) -> Measured:  # noqa: FBT001
    out = folder / "out"
    line = command([*words, "-i", str(inputs), "-o", f"{out}{os.sep}", "--no_show", "--overwrite", *batch.words])
    watched = watch(line, folder, cores=batch.cores)
    frames = sum(json.loads(text).get("frames", 0) for text in (out / NAME).read_text().splitlines())
    if frames != batch.clips * batch.frames:
        raise BackgroundSubtractionError(f"{batch.name}: {frames} frames of {batch.clips * batch.frames}")
    written = bytes_of(out.glob("*.*"))
    shutil.rmtree(out)
    return Measured(
        batch, held_out, watched.seconds, watched.cpu_s, watched.peak_mb, bytes_of(inputs.iterdir()), written
    )


def _best(rounds: Sequence[Measured]) -> Measured:
    first = rounds[0]
    return Measured(
        first.batch, first.held_out, min(each.seconds for each in rounds), min(each.cpu_s for each in rounds),
        max(each.peak_mb for each in rounds), first.read_bytes, first.written_bytes,
    )  # fmt: skip
