"""Sends files that are hard to read to a server, as pictures, videos and backgrounds, and says what each got.

python -m tests.slow.fuzzing.uploads --count 100 --seed 1 FOLDER …

Each gets a result or one clear line with a status of 4…; never one of 5…, and never a worker that has died. Without a
folder only damaged files are sent, which are made from the seed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import httpx

from background_subtraction.web.access.limits import Limits
from background_subtraction.web.access.options import WebOptions
from background_subtraction.web.serving import listening, serving
from tests.slow.fuzzing.cases import make_case
from tests.slow.fuzzing.seeds import write_seeds
from tests.support import networks

KINDS = ("video", "picture")
PICTURE, VIDEO, BACKGROUND = "/api/remove", "/api/videos", "/api/backgrounds"
DIED = ("has ended before", "more memory", "longer than")
"""Words of a job that failed through the fault of its worker."""
LIMITS = Limits(image_s=60, video_s=120, backgrounds=1000)
TIMEOUT_S = 180


@dataclass(frozen=True)
class Got:
    """What a file got.

    Attributes:
        file: its name.
        route: where it was sent.
        status: of HTTP. A job that is done has 200, one that failed 422.
        line: the error, "" for none.
    """

    file: str
    route: str
    status: int
    line: str

    @property
    def is_good(self) -> bool:
        """Whether it is a result, or one clear line."""
        if self.status < 400:
            return True
        one_line = len(self.line.splitlines()) == 1 and "Traceback" not in self.line
        return self.status < 500 and one_line and not any(words in self.line for words in DIED)


def all_sent(client: httpx.Client, files: Sequence[Path]) -> Iterator[Got]:
    """Send every file everywhere."""
    for file in files:
        for route in (PICTURE, VIDEO, BACKGROUND):
            yield _sent(client, file, route)


@contextmanager
def server(folder: Path) -> Iterator[httpx.Client]:
    """A server of its own, with a small network. folder: for its files."""
    red = str(networks.red_is_alpha(folder / "red.onnx", "h", "w"))
    places: dict[str, Any] = {"backgrounds_folder": folder / "backgrounds", "models": {"": red}}
    with (
        listening(WebOptions(port=0, limits=LIMITS)) as taken,
        serving(taken, **places),
        httpx.Client(base_url=taken.url, timeout=TIMEOUT_S) as client,
    ):
        yield client


def damaged(folder: Path, seed: int, numbers: Sequence[int]) -> Iterator[Path]:
    """Videos and pictures with a fault. folder: a new one."""
    seeds = {kind: paths for kind, paths in write_seeds(folder / "seeds").items() if kind in KINDS}
    good = dict.fromkeys(("red", "difference", "counting", "clip"), folder)
    for number in numbers:
        case = make_case(number, seed, seeds, good, folder / "cases")
        yield Path(case.folder, case.seed)


def _sent(client: httpx.Client, file: Path, route: str) -> Got:
    fields = {"output": "composite"} if route == VIDEO else {}
    answer = client.post(route, files={"file": (file.name, file.read_bytes())}, data=fields)
    if route != VIDEO or answer.status_code != 202:
        line = answer.json()["error"] if answer.status_code >= 400 else ""
        return Got(file.name, route, answer.status_code, line)
    job, end_s = answer.json()["id"], monotonic() + TIMEOUT_S
    while (state := client.get(f"/api/jobs/{job}").json())["state"] in ("waiting", "running") and monotonic() < end_s:
        sleep(0.02)
    result = client.get(f"/api/jobs/{job}/result")
    client.delete(f"/api/jobs/{job}")
    is_done = state["state"] == "done" and result.status_code == 200 and bool(result.content)
    return Got(file.name, route, 200 if is_done else 422, state["error"] or ("" if is_done else "no end"))


def main() -> int:
    """Send all, and print what each kind got. 1 where something got what it must not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, help="with further files to send")
    parser.add_argument("--count", type=int, default=100, help="damaged files. Default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="Default: %(default)s")
    parser.add_argument("--each", action="store_true", help="print what each file got")
    args = parser.parse_args()
    counts: Counter[tuple[str, int]] = Counter()
    bad = 0
    with TemporaryDirectory() as name, server(Path(name)) as client:
        given = [file for folder in args.folders for file in sorted(folder.rglob("*")) if file.is_file()]
        made = damaged(Path(name, "damaged"), args.seed, range(args.count))
        for got in all_sent(client, [*given, *made]):
            counts[got.route, got.status] += 1
            bad += not got.is_good
            if args.each or not got.is_good:
                print(f"| {got.file} | {got.route} | {got.status} | {got.line} |", flush=True)
        assert client.get("/healthz").status_code == 200
    for (route, status), count in sorted(counts.items()):
        print(f"{route:18}{status:5}{count:6}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
