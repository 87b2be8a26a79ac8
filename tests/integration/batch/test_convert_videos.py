"""The library call: any executor, reports in the order in which clips are done."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from background_subtraction import BatchError, ClipReport, OptionError, SinkError, convert_video, convert_videos
from model_api import create_model
from tests.conftest import ROOT
from tests.support.batches import FRAMES, contents, last_events, write_bad_clips, write_clips
from tests.support.media import barcode, write_video


@pytest.fixture
def parameters(models: Path, tmp_path: Path) -> dict[str, Any]:
    """Three clips, one of them bad, into out/."""
    write_clips(tmp_path / "clips", 3)
    (tmp_path / "clips" / "1.mp4").write_text("no video")
    return {
        "inputs": sorted((tmp_path / "clips").iterdir()), "output": tmp_path / "out", "model": models / "red.onnx",
        "background": "black", "progress": False,
    }  # fmt: skip


def by_name(reports: list[ClipReport]) -> dict[str, str]:
    return {Path(report.input).name: report.status for report in reports}


EXPECTED = {"0.mp4": "done", "1.mp4": "failed", "2.mp4": "done"}


def executor(kind: str) -> Executor | None:
    if kind == "processes":
        return ProcessPoolExecutor(2, get_context("spawn"))
    return ThreadPoolExecutor(2) if kind == "threads" else None


@pytest.mark.parametrize("kind", ["none", "threads", "processes"])
def test_any_executor(parameters: dict[str, Any], tmp_path: Path, kind: str) -> None:
    pool = executor(kind)
    reports = [*convert_videos(executor=pool, **parameters)]
    if pool is not None:
        pool.shutdown()
    assert by_name(reports) == EXPECTED
    (failed,) = [report for report in reports if report.error]
    assert (failed.attempts, failed.frames, failed.kept) == (2, 0, ())
    assert "cannot be decoded" in failed.error
    done = reports[0]
    assert (done.frames, done.outputs) == (FRAMES, (str(tmp_path / "out" / Path(done.input).name),))
    assert done.fps == pytest.approx(FRAMES / done.seconds)
    assert by_name([*convert_videos(resume=True, **parameters)]) == {**EXPECTED, "0.mp4": "skipped", "2.mp4": "skipped"}


def test_reports_come_when_clips_are_done(parameters: dict[str, Any], tmp_path: Path) -> None:
    """The first one is there while the others have not begun; closing the iterator begins no other."""
    reports = convert_videos(**parameters)
    assert Path(next(reports).input).name == "0.mp4"
    assert (tmp_path / "out" / "0.mp4").exists()
    reports.close()  # type: ignore[attr-defined]
    assert [*contents(tmp_path / "out")] in (["0.mp4"], ["0.mp4", "2.part.mp4"], ["0.mp4", "2.mp4"])
    events = last_events(tmp_path / "out")
    assert events["0.mp4"]["status"] == "done"
    assert events["2.mp4"]["status"] in ("planned", "interrupted", "done")


def test_a_loaded_model_is_for_this_process(parameters: dict[str, Any]) -> None:
    with create_model(parameters["model"]) as model:
        assert by_name([*convert_videos(**{**parameters, "model": model})]) == EXPECTED
        with ThreadPoolExecutor(1) as pool, pytest.raises(OptionError, match="model: loaded, but the clips are conv"):
            convert_videos(executor=pool, **{**parameters, "model": model, "overwrite": True})


def test_an_executor_that_takes_nothing(parameters: dict[str, Any]) -> None:
    """Each clip is named, and the call ends."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    reports = [*convert_videos(executor=pool, **parameters)]
    assert {report.error for report in reports} == {"cannot schedule new futures after shutdown"}
    assert len(reports) == 3


def test_an_executor_that_gives_up(parameters: dict[str, Any]) -> None:
    class Lazy(Executor):
        def submit(self, *words: Any, **options: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.cancel()
            return future

    reports = [*convert_videos(executor=Lazy(), **parameters)]
    assert all("was given up by the cluster" in report.error for report in reports)


def test_values_are_checked_before_the_first_clip(parameters: dict[str, Any]) -> None:
    for changed, expected in (
        ({"colour": "red"}, "colour: no such parameter"),
        ({"shard": (2, 2)}, "shard: 2/2"),
        ({"workers": -1}, "workers: "),
        ({"attempts": 0}, "attempts: "),
        ({"resume": True, "overwrite": True}, "resume: "),
        ({"output": None}, "No output: give output_composition"),
        ({"jobs": 2, "workers": 2}, "jobs: 2, and workers"),
        ({"model": "no-such"}, "model: no-such"),
    ):
        with pytest.raises(OptionError, match=re.escape(expected)):
            convert_videos(**{**parameters, **changed})
    [*convert_videos(**parameters)]
    with pytest.raises(
        SinkError, match=r"2 outputs exist already: .* Expected `resume`, to do what is not done, or `overwrite`"
    ):
        convert_videos(**parameters)


def test_options_that_no_clip_takes_end_it(parameters: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"\.mp4 does not hold ffv1"):
        convert_videos(**{**parameters, "codec": "ffv1"})
    assert not (tmp_path / "out").exists()


def test_convert_video_with_several_inputs_names_what_failed(models: Path, tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", 2)
    write_bad_clips(tmp_path / "clips")
    with pytest.raises(BatchError, match=r"1 of 3 inputs failed: .*text\.mp4: cannot be decoded"):
        convert_video(
            models / "red.onnx", [*clips, tmp_path / "clips" / "text.mp4"], output_composition=tmp_path / "out",
            progress=False,
        )  # fmt: skip
    assert [*contents(tmp_path / "out")] == ["0.mp4", "1.mp4"]


SCRIPT = """
import sys
from background_subtraction import convert_videos
if __name__ == "__main__":
    for report in convert_videos(sys.argv[1], "out", model=sys.argv[2], workers=2, progress=False):
        print(report.status)
"""


def test_a_script_with_workers(models: Path, tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", 2)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", "clips", str(models / "red.onnx")]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\ndone\n", "")


@pytest.mark.parametrize("kind", ["none", "processes"])
def test_warnings_about_a_clip_are_shown_once(
    parameters: dict[str, Any], tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of 60 frames a second a GIF shows 50: a line says so, whichever process writes it."""
    write_video(tmp_path / "fast.mp4", map(barcode, range(30)), Fraction(60))
    pool = executor(kind)
    given = {**parameters, "inputs": tmp_path / "fast.mp4", "output": tmp_path / "fast.gif"}
    assert [report.status for report in convert_videos(executor=pool, resume=True, **given)] == ["done"]
    if pool is not None:
        pool.shutdown()
    assert sum("frames are left out" in record.getMessage() for record in caplog.records) == 1
