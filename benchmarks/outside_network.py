"""Processor time of a frame outside the network: decoding, preprocessing, mattes, compositing, encoding.

    python -m benchmarks.outside_network -m video -i talk.mp4 [--frames 120] [--rounds 5]

The network computes every frame once; in the rounds that count its answers are given back from memory. The least of the
rounds is what the work costs: other programs only add to it. Beside it stands the floor, decoding and encoding alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

from background_subtraction.cli.parse import parse_options
from background_subtraction.jobs import plan
from background_subtraction.options import Options
from background_subtraction.report import Report
from background_subtraction.run import load_model, run
from model_api.adapters.base import Adapter, InferenceOutputs
from model_tools.benchmark.floor import copy_clip


class Replayed:
    """An adapter that remembers the answers of another one, and gives them back when the frames come again."""

    def __init__(self, adapter: Adapter) -> None:
        """Begin to remember."""
        self._adapter = adapter
        self._answers: list[InferenceOutputs] = []
        self._next: Iterator[InferenceOutputs] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def again(self) -> None:
        """Give the answers back from the first one on."""
        self._next = iter(self._answers)

    def start(self, tensors: Any, after: Any = None) -> Any:
        """See `Adapter`."""
        return self._adapter.start(tensors, after) if self._next is None else None

    def wait(self, ticket: Any) -> InferenceOutputs:
        """See `Adapter`."""
        if self._next is not None:
            return next(self._next)
        self._answers.append(self._adapter.wait(ticket))
        return self._answers[-1]


def main() -> None:
    """Measure, and print two lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-m", "--model", default="video", help="A file or a bundled model's name. Default: video.")
    parser.add_argument("-i", "--input", required=True, help="A video.")
    parser.add_argument("--frames", type=int, default=120, help="Default: 120.")
    parser.add_argument("--rounds", type=int, default=5, help="Default: 5.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="outside-") as folder:
        written = ("-o", str(Path(folder, "out.mp4")), "-limit", str(args.frames))
        options = parse_options(["--no_show", "-m", args.model, "-i", args.input, *written])
        print(f"floor: {min(_floor_ms(options) for _ in range(args.rounds)):.1f} ms of CPU a frame")
        print(f"outside the network: {min(_replayed_ms(options, args.rounds)):.1f} ms of CPU a frame")


def _floor_ms(options: Options) -> float:
    (clip,) = plan(options.inputs, options.outputs, options.encoding, options.selection)
    begun_s = process_time()
    frames = copy_clip(clip, options).frames
    return (process_time() - begun_s) * 1000 / frames


def _replayed_ms(options: Options, rounds: int) -> Iterator[float]:
    with load_model(options) as model:
        replayed = Replayed(model.adapter)
        model.adapter = replayed
        run(options, Report(), model)
        for _ in range(rounds):
            replayed.again()
            report = Report()
            begun_s = process_time()
            run(options, report, model)
            yield (process_time() - begun_s) * 1000 / report.frames


if __name__ == "__main__":
    main()
