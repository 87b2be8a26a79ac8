"""Runs the command on damaged files and counts what came of it.

python -m tests.slow.fuzzing --count 400 --seed 1
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.slow.fuzzing.cases import SHARES, make_case
from tests.slow.fuzzing.outcomes import GOOD, OUTCOMES
from tests.slow.fuzzing.seeds import write_seeds
from tests.slow.fuzzing.watch import Finding, examine, keep, opened_worker
from tests.support import networks
from tests.support.media import barcode, write_video


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="damaged files. Default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="Default: %(default)s")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="begin with this case")
    parser.add_argument("--kinds", nargs="+", choices=tuple(SHARES), default=tuple(SHARES))
    parser.add_argument("--finds", type=Path, default=Path("fuzzing_finds"), help="folder for the cases to look at")
    args = parser.parse_args(arguments)
    counts: Counter[tuple[str, str]] = Counter()
    with TemporaryDirectory() as folder:
        for finding in findings(Path(folder), args.seed, range(args.first, args.first + args.count), args.kinds):
            counts[finding.case.kind, finding.outcome] += 1
            if finding.outcome not in GOOD:
                print(f"{finding.outcome}: {keep(finding, args.finds)}: {last_line(finding)}", flush=True)
    print(table(counts))
    return int(any(outcome not in GOOD for _, outcome in counts))


def findings(folder: Path, seed: int, numbers: Sequence[int], kinds: Sequence[str]) -> Iterator[Finding]:
    """Make the cases of these numbers one after another and run them. Those that were good are removed."""
    seeds = {kind: paths for kind, paths in write_seeds(folder / "seeds").items() if kind in kinds}
    good = whole_files(folder / "good")
    with opened_worker() as worker:
        for number in numbers:
            case = make_case(number, seed, seeds, good, folder / "cases")
            yield examine(case, worker)
            shutil.rmtree(case.folder, ignore_errors=True)


def whole_files(folder: Path) -> dict[str, Path]:
    """What commands need beside the damaged file."""
    folder.mkdir()
    return {
        "red": networks.red_is_alpha(folder / "red.onnx", "h", "w"),
        "difference": networks.difference_matting(folder / "difference.onnx", "h", "w"),
        "counting": networks.counting_video_matting(folder / "counting.onnx"),
        "clip": write_video(folder / "clip.mp4", (barcode(n, 64, 48) for n in range(3))),
    }


def last_line(finding: Finding) -> str:
    """The end of what it printed."""
    lines = finding.run.stderr.strip().splitlines() or [""]
    return f"{finding.case.program} {finding.case.seed} code {finding.run.code}: {lines[-1][:200]}"


def table(counts: Counter[tuple[str, str]]) -> str:
    """A row for each kind of file, a column for each outcome."""
    kinds = sorted({kind for kind, _ in counts})
    rows = [[kind, *(str(counts[kind, outcome]) for outcome in OUTCOMES)] for kind in kinds]
    total = ["all", *(str(sum(counts[kind, outcome] for kind in kinds)) for outcome in OUTCOMES)]
    return "\n".join("".join(f"{cell:>11}" for cell in row) for row in [["", *OUTCOMES], *rows, total])


if __name__ == "__main__":
    sys.exit(main())
