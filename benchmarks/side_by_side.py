"""The program beside its floor, an older version of itself and the Open Model Zoo's demo, in turns.

    python -m benchmarks.side_by_side --clip talk.mp4 --model video rvm.xml selfie.xml --before ../old
    python -m benchmarks.side_by_side --clip talk.mp4 --parent ../open_model_zoo --parent_python ../parent/bin/python
        --parent_model rvm.xml

`--before`: another checkout of this program. `--parent`: a checkout of the Open Model Zoo's tag 2024.6.0, and the
Python of an environment with openvino==2024.6.0, "numpy<2", opencv-python-headless and scipy. It prints tables in
Markdown: for each height the models in 32 bits, then one network beside the parent. Nothing else should run meanwhile.

All sides are whole commands, from their start to their end, but for the floor, which decodes and encodes alone. FPS are
as each command reports them, without its start; CPU and memory are with it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median

import av

from model_tools.benchmark.command import in_turns, measure
from model_tools.benchmark.machine import this_machine
from model_tools.benchmark.report import ratio_of
from model_tools.benchmark.rounds import Round
from model_tools.benchmark.sides import Side

ROOT = Path(__file__).resolve().parents[1]
HEIGHTS = (720, 1080)
DEMO = "background_subtraction_demo.py"
PARENT_DEMO = Path("demos", "background_subtraction_demo", "python", DEMO)
WITHOUT_BFLOAT16 = "ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI"
"""OpenVINO 2024 has no option of its demo for the precision: without the instructions it computes in 32 bits."""


def main() -> None:
    """Measure, and print the tables."""
    args = _arguments()
    print("\n".join(this_machine().lines()))
    with tempfile.TemporaryDirectory(prefix="side-by-side-") as folder:
        clips = {height: _cut(args.clip, Path(folder, f"{height}p.mp4"), height, args.frames) for height in HEIGHTS}
        for height, clip in clips.items():
            print(f"\n### {height} rows, to .mp4 over a colour\n")
            _table(list(_versions(args, clip, Path(folder))), "floor", args)
        if args.parent:
            print("\n### Beside the Open Model Zoo's demo, 720 rows\n")
            _table(list(_beside_parent(args, clips[HEIGHTS[0]], Path(folder))), "parent, 32 bits", args)


def _versions(args: argparse.Namespace, clip: Path, folder: Path) -> Iterator[Side]:
    """The floor, then each model with this version and the one before, in 32 bits."""
    yield Side("floor", "floor", ("-m", args.model[0], "-i", str(clip)))
    for model in args.model:
        words = ("-m", model, "-i", str(clip), "--infer_precision", "f32")
        yield _ours(f"{Path(model).stem}, now", words, folder)
        if args.before:
            yield _ours(f"{Path(model).stem}, before", words, folder, args.before)


def _beside_parent(args: argparse.Namespace, clip: Path, folder: Path) -> Iterator[Side]:
    words = ("-m", args.parent_model, "-i", str(clip))
    parent = (str(args.parent_python), str(args.parent / PARENT_DEMO), *words, "--no_show", "-o", str(folder / "p.avi"))
    common = f"PYTHONPATH={args.parent / 'demos' / 'common' / 'python'}"
    yield Side("parent, its default", "command", ("env", common, *parent))
    yield Side("parent, 32 bits", "command", ("env", common, WITHOUT_BFLOAT16, *parent))
    yield _ours("now, 32 bits", (*words, "--infer_precision", "f32"), folder)
    yield _ours("now, its default", words, folder)
    if args.int8:
        yield _ours("now, 8 bits", ("-m", args.int8, "-i", str(clip)), folder)


def _ours(name: str, words: Sequence[str], folder: Path, checkout: Path = ROOT) -> Side:
    program = (sys.executable, str(checkout / DEMO), *words, "--no_show", "-o", str(folder / "out.mp4"))
    return Side(name, "command", program)


def _table(sides: Sequence[Side], base: str, args: argparse.Namespace) -> None:
    """Print a row for each side, as Markdown."""
    rounds = measure(sides, in_turns(sides, args.rounds), args.frames, writes=True)
    print(f"| side | FPS | CPU ms a frame | peak MB | times {base} |", "|---|---|---|---|---|", sep="\n")
    for name, own in rounds.items():
        print(_row(name, own, rounds[base]), flush=True)


def _row(name: str, rounds: Sequence[Round], base: Sequence[Round]) -> str:
    ratio = ratio_of(rounds, base)
    cpu_ms = min((each.cpu_s or 0) * 1000 / each.frames for each in rounds)
    peak_mb = max(each.peak_mb or 0 for each in rounds)
    fps = median(each.fps for each in rounds)
    return (
        f"| {name} | {fps:.1f} | {cpu_ms:.1f} | {peak_mb:.0f} | "
        f"{ratio.median:.2f} ({ratio.least:.2f} to {ratio.most:.2f}) |"
    )


def _cut(clip: Path, target: Path, height: int, frames: int) -> Path:
    """The first frames of a clip at another height, nearly without loss."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        video = source.streams.video[0]
        width = round(video.width * height / video.height / 2) * 2
        stream = out.add_stream("libx264", rate=video.average_rate, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in islice(source.decode(video), frames):
            out.mux(stream.encode(frame.reformat(width, height, "yuv420p")))
        out.mux(stream.encode())
    return target


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--clip", type=Path, required=True, help="A video of a person.")
    add("--model", nargs="+", default=["video"], help="Models, measured in 32 bits. Default: video.")
    add("--before", type=_absolute, metavar="DIR", help="A checkout of an older version.")
    add("--parent", type=_absolute, metavar="DIR", help="A checkout of the Open Model Zoo.")
    add("--parent_python", type=_absolute, default=Path(sys.executable), metavar="FILE", help="Its Python.")
    add("--parent_model", metavar="FILE", help="The network to compare it with. Required with --parent.")
    add("--int8", metavar="FILE", help="The same in 8 bits, for this program.")
    add("--frames", type=int, default=96, help="Frames of a round. Default: 96.")
    add("--rounds", type=int, default=2, help="Rounds, after one to warm up. Default: 2.")
    args = parser.parse_args()
    if args.parent and not args.parent_model:
        parser.error("--parent needs --parent_model FILE")
    return args


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(text))  # a Python of an environment must not be resolved


if __name__ == "__main__":
    main()
