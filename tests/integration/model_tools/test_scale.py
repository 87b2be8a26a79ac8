"""`python -m model_tools benchmark --scale`: real batches, and what is certain about their figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model_api.errors import BackgroundSubtractionError
from model_tools.__main__ import main
from model_tools.benchmark.scale.clips import Footage, write_clips
from model_tools.benchmark.scale.design import Batch, fitted, held_out
from model_tools.benchmark.scale.measuring import measure
from model_tools.benchmark.scale.overhead import TASKS, of_command
from model_tools.benchmark.scale.prediction import MACHINES
from model_tools.benchmark.scale.watching import watch
from tests.conftest import ROOT, TIMEOUT_S
from tests.support.media import indexed, read_video, write_video

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux alone tells what is measured")
FRAMES = 4


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "clip.mp4", map(indexed, range(FRAMES + 2)))


def test_children_count(tmp_path: Path) -> None:
    """A process that starts another one, which holds 150 MB and computes for half a second."""
    child = "block = b'x' * 150_000_000\nimport time\nwhile time.process_time() < 0.5: pass\ntime.sleep(0.6)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    watched = watch([sys.executable, "-c", parent], tmp_path)
    assert watched.peak_mb > 150
    assert watched.cpu_s >= 0.5
    assert watched.seconds >= 1.1


def test_processes_beside_count(tmp_path: Path) -> None:
    """As those of a cluster: what they use meanwhile, and not what they used before."""
    code = "import time\nblock = b'x' * 150_000_000\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as beside:
        assert beside.stdout
        beside.stdout.readline()
        watched = watch([sys.executable, "-c", "import time; time.sleep(0.6)"], tmp_path, beside=[beside.pid])
        beside.kill()
    assert watched.peak_mb > 150
    assert watched.cpu_s < 0.4


def test_a_command_is_kept_to_some_cores(tmp_path: Path) -> None:
    code = "import os; print(len(os.sched_getaffinity(0)))"
    before = os.sched_getaffinity(0)
    assert watch([sys.executable, "-c", code], tmp_path, cores=1).output == "1\n"
    assert watch([sys.executable, "-c", code], tmp_path).output == f"{len(before)}\n"
    assert os.sched_getaffinity(0) == before


def test_a_command_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BackgroundSubtractionError, match=r"exit code 3: why$"):
        watch([sys.executable, "-c", "print('why'); raise SystemExit(3)"], tmp_path)
    with pytest.raises(BackgroundSubtractionError, match="cannot be run"):
        watch(["/no/such"], tmp_path)


def test_clips_run_to_and_fro(video: Path, tmp_path: Path) -> None:
    """Longer than the footage, of the size that was asked for, and without a cut."""
    footage = Footage.of(str(video), FRAMES)
    folder = write_clips(footage, Batch(2, 9, 360, 1), tmp_path)
    first, second = (read_video(folder / f"{number}.mp4") for number in range(2))
    assert len(first) == len(second) == 9
    assert first[0].shape == (360, 640, 3)
    means = [image.mean(axis=(0, 1)) for image in first]
    assert [min(range(FRAMES), key=lambda n: abs(means[n] - mean).sum()) for mean in means] == [
        0,
        1,
        2,
        3,
        2,
        1,
        0,
        1,
        2,
    ]


def test_batches_are_real_ones(models: Path, video: Path, tmp_path: Path) -> None:
    batches = [Batch(3, FRAMES, 360, 1), Batch(2, FRAMES, 360, 2, workers=2)]
    words = ["-m", str(models / "red.onnx")]
    found = measure(batches[:1], batches[1:], Footage.of(str(video), FRAMES), words, 1, tmp_path)
    assert [each.batch for each in found] == batches
    assert [each.held_out for each in found] == [False, True]
    for each in found:
        inputs = [*(tmp_path / f"360-{FRAMES}-{each.batch.clips}").iterdir()]
        assert each.read_bytes == sum(path.stat().st_size for path in inputs)
        assert each.written_bytes > 1000
        assert each.cpu_s > 0
    assert found[1].peak_mb > found[0].peak_mb, "each worker has a model of its own"


def test_a_batch_that_fails_ends_it(models: Path, video: Path, tmp_path: Path) -> None:
    words = ["-m", str(models / "no-such.onnx")]
    with pytest.raises(BackgroundSubtractionError, match=r"exit code 1: .*no-such\.onnx"):
        measure([Batch(1, FRAMES, 360, 1)], [], Footage.of(str(video), FRAMES), words, 1, tmp_path)


def test_what_the_command_does_for_each_clip(video: Path, tmp_path: Path) -> None:
    """It plans and writes the manifest for all of them, and converts none."""
    overhead = of_command(video, tmp_path)
    assert overhead.most_a_second == pytest.approx(1 / overhead.seconds)
    (manifest,) = tmp_path.glob("results*/*.jsonl")
    events = [json.loads(line)["status"] for line in manifest.read_text().splitlines()]
    assert (events.count("planned"), events.count("done")) == (TASKS, TASKS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--compare", "floor"], "--scale, and --compare, which is about sides"),
        (["--frames", "2"], "--frames 2: too few to tell frames from clips. Expected 4 or more"),
        (["--options=--bogus 1"], "exit code 2: "),
    ],
)
def test_wrong_usage(models: Path, video: Path, capsys: Any, words: list[str], expected: str) -> None:
    code = main(["benchmark", "--scale", "-m", str(models / "red.onnx"), "-i", str(video), "--frames", "4", *words])
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert code in (1, 2)
    assert expected in line


@pytest.mark.slow
def test_the_whole_command(models: Path, video: Path, tmp_path: Path, demo_environment: dict[str, str]) -> None:
    (tmp_path / "temporary").mkdir()
    words = ["-m", "model_tools", "benchmark", "--scale", "50", "-m", models / "red.onnx", "-i", video]
    run = subprocess.run(
        [sys.executable, *map(str, words), "--frames", str(FRAMES), "--rounds", "1", "--json", tmp_path / "out.json"],
        capture_output=True, text=True, timeout=3 * TIMEOUT_S, check=False, cwd=ROOT,
        env={**demo_environment, "TMPDIR": str(tmp_path / "temporary")},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    cores = found["machine"]["threads"]
    assert len(found["measured"]) == len(fitted(cores, FRAMES)) + len(held_out(cores, FRAMES))
    for kind in ("seconds", "core_seconds"):
        assert all(cost >= 0 for cost in found["fitted"][kind]["costs_s"].values())
    assert [[each["machines"] for each in work["machines"]] for work in found["predicted"]] == [
        [*MACHINES], [*MACHINES], [*MACHINES, 10_000],
    ]  # fmt: skip
    assert [work["machines"][0]["clips"] for work in found["predicted"]] == [12, 1, 50]
    for heading in ("MEASURED", "FITTED", "PREDICTED", "ASSUMED", "held out"):
        assert heading in run.stdout
    assert not [*(tmp_path / "temporary").iterdir()]
