"""The same clips through every engine: the bad ones are named, the others are whole, and nothing is done twice."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RunDemo, one_line
from tests.support.batches import contents, last_events, write_bad_clips, write_clips

ENGINES = {
    "serial": [],
    "jobs": ["--jobs", "3"],
    "workers": ["--workers", "2"],
    "dask": ["--cluster", "dask_cluster"],
    "ray": ["--cluster", "ray_cluster", "--workers", "2"],
}
"""Engine -> its options. A name that ends in _cluster is a fixture."""
GOOD = 4


CLUSTERS = ("dask", "ray")


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow if name in CLUSTERS else ()) for name in ENGINES])
def engine(request: pytest.FixtureRequest) -> list[str]:
    return [
        request.getfixturevalue(word) if word.endswith("_cluster") else word for word in ENGINES[str(request.param)]
    ]


@pytest.fixture
def clips(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder of clips, and what must be said of those that are bad."""
    write_clips(tmp_path / "clips", GOOD)
    return tmp_path / "clips", write_bad_clips(tmp_path / "clips")


def convert(start_demo: RunDemo, models: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return start_demo(
        "-m", models / "red.onnx", "-i", "clips", "--output_type", "png_sequence", *words, env=environment
    )


def test_bad_clips_keep_no_others(
    models: Path, tmp_path: Path, start_demo: RunDemo, run_demo: RunDemo, clips: tuple[Path, dict[str, str]],
    engine: list[str],
) -> None:  # fmt: skip
    _, bad = clips
    run_demo("-m", models / "red.onnx", "-i", "clips", "--output_type", "png_sequence", "--output_alpha", "alone")
    done = convert(start_demo, models, "--output_alpha", "out", *engine)
    assert done.returncode == 1
    assert f"5 of {GOOD + 5} inputs failed: " in one_line(done)
    for name, expected in bad.items():
        (reason,) = [part for part in done.stderr.split("; ") if f"{name}: " in part]
        assert expected in reason
        assert done.stdout.count(f"{name}: ") == 2, "it is named at once, tried again, and named again"
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
    assert len(contents(tmp_path / "out")) == GOOD * 12

    events = last_events(tmp_path / "out")
    assert {name for name, event in events.items() if event["status"] == "failed"} == {*bad}
    assert all(event["attempts"] == 2 for event in events.values() if event["status"] == "failed")
    assert [events[f"{n}.mp4"]["frames"] for n in range(GOOD)] == [12] * GOOD

    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    again = convert(start_demo, models, "--output_alpha", "out", "--resume", *engine)
    assert again.returncode == 1
    assert f"0 of {GOOD + 5} clips done, {GOOD} skipped, 5 failed" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")} == times
