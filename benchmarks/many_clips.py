"""A thousand short clips in one batch: does anything grow? Linux alone.

    python -m benchmarks.many_clips
    python -m benchmarks.many_clips --options="--workers 2"

It prints, every hundred clips, the memory, open files and threads of all processes of the command, and at the end what
the manifest says.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from background_subtraction.batch.manifest import NAME
from model_tools.benchmark.scale.clips import Footage, write_clips
from model_tools.benchmark.scale.design import Batch
from model_tools.benchmark.scale.measuring import command
from model_tools.benchmark.scale.watching import memory_mb, tree_of

HEIGHT, STEP, LOOK_EVERY_S = 360, 100, 0.2


def main() -> None:
    """Run the batch, and print a row for each hundred clips."""
    args = _arguments()
    with tempfile.TemporaryDirectory(prefix="many-clips-") as name:
        folder, out = Path(name), Path(name, "out")
        clips = write_clips(Footage.of(str(args.clip), args.frames), Batch(args.clips, args.frames, HEIGHT, 1), folder)
        words = ["-m", args.model, "-i", str(clips), "-o", f"{out}/", "--no_show", *shlex.split(args.options)]
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(command(words), stdout=log, stderr=log)
        print("| clips done | MB | open files | threads |", "|---|---|---|---|", sep="\n", flush=True)
        shown = 0
        while process.poll() is None:
            time.sleep(LOOK_EVERY_S)
            done = sum(1 for _ in out.glob("*[0-9].mp4"))
            if done >= shown + STEP:
                shown = done
                print(_row(done, process.pid), flush=True)
        events = [json.loads(line) for line in (out / NAME).read_text(encoding="utf-8").splitlines()]
        statuses = Counter(event["status"] for event in events)
        frames = sum(event.get("frames", 0) for event in events)
        print(f"\nExit code {process.returncode}; manifest: {dict(statuses)}, {frames} frames")


def _row(done: int, command_number: int) -> str:
    processes = tree_of([command_number])
    files = threads = 0
    for number in processes:
        with suppress(OSError):  # it may have ended
            files += len(os.listdir(f"/proc/{number}/fd"))
            threads += len(os.listdir(f"/proc/{number}/task"))
    return f"| {done} | {sum(map(memory_mb, processes)):.0f} | {files} | {threads} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--clip", type=Path, default=Path("samples/astronaut.mp4"), help="A video. Default: the sample.")
    add("--model", default="video", help="Default: video.")
    add("--clips", type=int, default=1000, help="Default: 1000.")
    add("--frames", type=int, default=20, help="Of each clip. Default: 20.")
    add("--options", default="", metavar="TEXT", help='More options of the command, as in --options="--workers 2".')
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
