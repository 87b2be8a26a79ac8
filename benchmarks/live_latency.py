"""The latency of live frames beside the Open Model Zoo's demo, in turns, as a table in Markdown.

    python -m benchmarks.live_latency --clip talk.mp4
    python -m benchmarks.live_latency --clip talk.mp4 --parent ../open_model_zoo --parent_python ../parent/bin/python
        --parent_model rvm.xml -- --blur_bgr 60

`--parent`: a checkout of the Open Model Zoo's tag 2024.6.0, and the Python of an environment with openvino==2024.6.0,
"numpy<2", opencv-python-headless and scipy. What follows -- are options of both commands.

The clip plays as a camera of 1280×720 at 30 frames a second in each process (see `camera_stand_in`). A frame's latency
is the time from the moment when the camera has it until its composite is ready to be shown and written, decoding of its
JPEG included. The first seconds after the first frame are left out. Dropped are frames that the camera had and that
never were delivered. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from model_tools.benchmark.machine import this_machine

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = Path(__file__).with_name("camera_stand_in.py")
DEMOS = Path("demos")
DEMO = DEMOS / "background_subtraction_demo" / "python" / "background_subtraction_demo.py"
COMMON = DEMOS / "common" / "python"
FRAMES = 150
"""Of the clip, played over and over."""
WARM_UP_S = 3.0
SIZE_WH = (1280, 720)


@dataclass(frozen=True)
class Side:
    """One of those that are compared.

    Attributes:
        name: in the table.
        python: the interpreter.
        program: "ours", or the demo's file.
        words: its command line.
    """

    name: str
    python: str
    program: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """Rounds of a side. latencies_ms: of its delivered frames. dropped: how many never were. seconds: of all rounds."""

    latencies_ms: tuple[float, ...] = ()
    dropped: int = 0
    seconds: float = 0.0

    def row(self, name: str) -> str:
        """A row of the table."""
        median, p95, p99 = np.percentile(self.latencies_ms, (50, 95, 99), method="inverted_cdf")
        count = len(self.latencies_ms)
        share = self.dropped / (count + self.dropped)
        return (
            f"| {name} | {median:.0f} | {p95:.0f} | {p99:.0f} | {count / self.seconds:.1f} | "
            f"{self.dropped} of {count + self.dropped} ({share:.1%}) |"
        )


def main() -> None:
    """Measure, and print the table."""
    args = _arguments()
    print("\n".join(this_machine().lines()))
    with tempfile.TemporaryDirectory(prefix="live-latency-") as folder:
        _write_images(args.clip, Path(folder))
        sides = _sides(args)
        measured = dict.fromkeys((side.name for side in sides), Measured())
        for _ in range(args.rounds):
            for side in sides:
                measured[side.name] = _with_round(measured[side.name], _delivered(side, Path(folder), args), args.rate)
    print(
        f"\n{SIZE_WH[0]}×{SIZE_WH[1]}, {args.rate:g} frames a second, {args.rounds} × {args.seconds:g} s\n",
        "| side | median ms | 95 % ms | 99 % ms | FPS | dropped |",
        "|---|---|---|---|---|---|",
        *(each.row(name) for name, each in measured.items()),
        sep="\n",
    )


def _sides(args: argparse.Namespace) -> list[Side]:
    common = ("-i", "0", "--no_show", *args.words)
    sides = [Side(f"{model}, now", sys.executable, "ours", ("-m", model, *common)) for model in args.model]
    if args.parent:
        words, name = ("-m", str(args.parent_model), *common), args.parent_model.stem
        sides += [
            Side(f"{name}, now", sys.executable, "ours", words),
            Side(f"{name}, parent", str(args.parent_python), str(args.parent / DEMO), words),
        ]
    return sides


def _delivered(side: Side, folder: Path, args: argparse.Namespace) -> dict[int, float]:
    """Number of a frame -> its latency in seconds, from when everything is warm."""
    log = folder / "log.txt"
    log.unlink(missing_ok=True)
    command = [side.python, str(STAND_IN), side.program, str(folder), str(args.rate), str(args.seconds), str(log), "--"]
    environment = {**os.environ, **({"PYTHONPATH": str(args.parent / COMMON)} if side.program != "ours" else {})}
    done = subprocess.run([*command, *side.words], env=environment, capture_output=True, text=True, check=False)
    if not log.is_file():
        sys.exit(f"{side.name}: ended with {done.returncode}\n{done.stdout}{done.stderr}")
    lines = (line.split() for line in log.read_text().splitlines())
    delivered = {int(number): float(latency_s) for number, latency_s in lines}
    first = min(delivered, default=0) + WARM_UP_S * args.rate
    return {number: latency_s for number, latency_s in delivered.items() if number >= first}


def _with_round(before: Measured, delivered: dict[int, float], rate: float) -> Measured:
    if not delivered:
        sys.exit("no frame was delivered after the first seconds. Expected more: give --seconds a larger number")
    span = max(delivered) - min(delivered) + 1
    return Measured(
        (*before.latencies_ms, *(latency_s * 1000 for latency_s in delivered.values())),
        before.dropped + span - len(delivered),
        before.seconds + span / rate,
    )


def _write_images(clip: Path, folder: Path) -> None:
    with av.open(str(clip)) as container:
        for number, frame in enumerate(islice(container.decode(video=0), FRAMES)):
            image = cv2.resize(frame.to_ndarray(format="bgr24"), SIZE_WH)
            cv2.imwrite(str(folder / f"{number:04}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])


def _arguments(words: Sequence[str] = tuple(sys.argv[1:])) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--clip", type=Path, default=ROOT / "samples" / "astronaut.mp4", help="A video of a person.")
    add("--model", nargs="+", default=["video"], help="Models of this program. Default: video.")
    add("--parent", type=_absolute, metavar="DIR", help="A checkout of the Open Model Zoo.")
    add("--parent_python", type=_absolute, default=Path(sys.executable), metavar="FILE", help="Its Python.")
    add("--parent_model", type=_absolute, metavar="FILE", help="The network for both. Required with --parent.")
    add("--seconds", type=float, default=30.0, help="Of a round, start included. Default: 30.")
    add("--rounds", type=int, default=2, help="Default: 2.")
    add("--rate", type=float, default=30.0, help="Frames a second. Default: 30.")
    end = words.index("--") if "--" in words else len(words)
    args = parser.parse_args(words[:end])
    if args.parent and not args.parent_model:
        parser.error("--parent needs --parent_model FILE")
    args.words = words[end + 1 :]
    return args


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(text))  # a Python of an environment must not be resolved


if __name__ == "__main__":
    main()
