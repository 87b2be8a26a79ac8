"""Who converts the clips of a batch: one process, two, shards, a Dask and a Ray cluster, in turns on the same clips.

    python -m benchmarks.engines --clip talk.mp4

It prints a table in Markdown. Nothing else should run meanwhile. FPS are of the whole command, its start included.
Memory is that of all processes together, the cluster's too, each shared page once (PSS). Clusters are started before
the command, over loopback, and only for their own turn. Each shard has a core of its own, as on a machine of its own.
Clips of one frame tell what a clip costs beside its frames: the difference of many and few, for each of them.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from model_tools.benchmark.machine import this_machine
from model_tools.benchmark.scale.clips import Footage, write_clips
from model_tools.benchmark.scale.clusters import CLUSTERS, Cluster, installed
from model_tools.benchmark.scale.design import Batch
from model_tools.benchmark.scale.measuring import command
from model_tools.benchmark.scale.watching import Watched, watch

WAYS: Mapping[str, tuple[str, ...]] = {
    "serial": (),
    "--jobs 2": ("--jobs", "2"),
    "--workers 2": ("--workers", "2"),
    "--shard 0/2 and 1/2": ("--shard",),
    "dask, 2 workers": (),
    "ray, 2 workers": ("--workers", "2"),
}
"""Name, which begins with that of an engine -> options."""
HEIGHT, FEW, MANY = 360, 8, 48


def main() -> None:
    """Measure, and print the table."""
    args = _arguments()
    print("\n".join(this_machine().lines()), flush=True)
    ways = [name for name in WAYS if name.split(",")[0] in {*installed(), name}]
    with tempfile.TemporaryDirectory(prefix="engines-") as name:
        folder = Path(name)
        footage = Footage.of(str(args.clip), args.frames)
        batches = [Batch(args.clips, args.frames, HEIGHT, 2), Batch(FEW, 1, HEIGHT, 2), Batch(MANY, 1, HEIGHT, 2)]
        inputs = [write_clips(footage, batch, folder) for batch in batches]
        rounds: dict[str, list[list[Watched]]] = {way: [] for way in ways}
        for number in range(args.rounds):
            for way in ways[:: -1 if number % 2 else 1]:
                rounds[way].append(_turn(way, inputs, args.model, folder))
    print(f"\n{args.clips} clips of {args.frames} frames, {HEIGHT} rows; {args.rounds} rounds.\n")
    print(
        "| | FPS | times serial | CPU s | peak MB | s, 8 clips of a frame | ms for each more |",
        "|" + "---|" * 7,
        sep="\n",
    )
    for way in ways:
        print(_row(way, rounds, args.clips * args.frames))


def _turn(way: str, inputs: Sequence[Path], model: str, folder: Path) -> list[Watched]:
    """Every batch in this way, the large one first: a cluster is new then."""
    with _cluster_of(way) as cluster:
        return [_batch(way, each, model, folder, cluster) for each in inputs]


@contextmanager
def _cluster_of(way: str) -> Iterator[Cluster | None]:
    engine = way.split(",")[0]
    if engine not in CLUSTERS:
        yield None
        return
    with CLUSTERS[engine](2) as cluster:
        yield cluster


def _batch(way: str, clips: Path, model: str, folder: Path, cluster: Cluster | None) -> Watched:
    out = folder / "out"
    words = ["-m", model, "-i", str(clips), "-o", f"{out}/", "--no_show", *WAYS[way]]
    try:
        if "--shard" in words:
            return watch(["sh", "-c", _shards(words)], folder)
        if cluster:
            return watch(command([*words, "--cluster", cluster.address]), folder, beside=cluster.processes)
        return watch(command(words), folder)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _shards(words: Sequence[str]) -> str:
    """Both at once; it fails if one of them does."""
    first, second = (
        shlex.join(["taskset", "-c", str(number), *command([*words, f"{number}/2"])]) for number in range(2)
    )
    return f"{first} & {second} && wait $!"


def _row(way: str, rounds: Mapping[str, Sequence[Sequence[Watched]]], frames: int) -> str:
    large, few, many = zip(*rounds[way], strict=True)
    alone = [each[0].seconds for each in rounds["serial"]]
    ratios = [other / own.seconds for own, other in zip(large, alone, strict=True)]
    each_ms = median((b.seconds - a.seconds) * 1000 / (MANY - FEW) for a, b in zip(few, many, strict=True))
    return (
        f"| {way} | {frames / median(each.seconds for each in large):.1f} "
        f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {median(each.cpu_s for each in large):.1f} "
        f"| {max(each.peak_mb for each in large):.0f} | {median(each.seconds for each in few):.1f} | {each_ms:.0f} |"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--clip", type=Path, default=Path("samples/astronaut.mp4"), help="A video. Default: the sample.")
    add("--model", default="video", help="Default: video.")
    add("--clips", type=int, default=12, help="Default: 12.")
    add("--frames", type=int, default=60, help="Of each clip. Default: 60.")
    add("--rounds", type=int, default=3, help="Default: 3.")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
