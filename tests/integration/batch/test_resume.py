"""What is done again, what is left alone, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import RunDemo, one_line
from tests.support.batches import FRAMES, NAME, contents, is_whole, last_events, write_clips
from tests.support.media import barcode, write_video


def batch(models: Path, *words: object) -> list[object]:
    return ["-m", models / "red.onnx", "-i", "clips", "-o", "out", "--target_bgr", "black", *words]


@pytest.fixture
def done(models: Path, tmp_path: Path, run_demo: RunDemo) -> Path:
    """The folder of a batch of three clips that is done."""
    write_clips(tmp_path / "clips", 3)
    assert run_demo(*batch(models)).returncode == 0
    return tmp_path / "out"


def test_outputs_that_exist_are_kept(done: Path, models: Path, run_demo: RunDemo) -> None:
    before = contents(done)
    refused = one_line(run_demo(*batch(models)))
    assert "3 outputs exist already: " in refused
    assert "Expected --resume, to do what is not done, or --overwrite, to replace what is there" in refused
    assert contents(done) == before


def test_what_changed_is_done_again(done: Path, models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """An input of another content, one that is new, and one whose output is gone."""
    write_video(tmp_path / "clips" / "1.mp4", (barcode(n, 64, 48) for n in range(1, 6)))
    write_video(tmp_path / "clips" / "new.mp4", (barcode(n, 64, 48) for n in range(4)))
    (done / "2.mp4").unlink()
    again = run_demo(*batch(models, "--resume"))
    assert (again.returncode, again.stderr) == (0, "")
    assert "3 of 4 clips done, 1 skipped" in again.stdout
    assert is_whole(done / "1.mp4", 1, 5)
    assert is_whole(done / "2.mp4", 2, FRAMES)


@pytest.mark.parametrize("words", [("--crf", "30"), ("--blur_bgr", "9"), ("--end", "0.1")], ids=" ".join)
def test_other_options_are_another_result(done: Path, models: Path, run_demo: RunDemo, words: tuple[str, ...]) -> None:
    assert "3 of 3 clips done" in run_demo(*batch(models, "--resume", *words)).stdout
    assert "0 of 3 clips done, 3 skipped" in run_demo(*batch(models, "--resume", *words)).stdout


@pytest.mark.parametrize("words", [("--jobs", "2"), ("-nthreads", "1"), ("--num_workers", "2")], ids=" ".join)
def test_how_it_is_computed_changes_no_result(
    done: Path, models: Path, run_demo: RunDemo, words: tuple[str, ...]
) -> None:
    assert "0 of 3 clips done, 3 skipped" in run_demo(*batch(models, "--resume", *words)).stdout


def test_overwrite_does_it_again(done: Path, models: Path, run_demo: RunDemo) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.glob("*.mp4")}
    assert "3 of 3 clips done" in run_demo(*batch(models, "--overwrite")).stdout
    assert all(path.stat().st_mtime_ns > time_ns for path, time_ns in before.items())


def test_a_file_of_the_users_is_kept_by_resume_too(done: Path, models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_clips(tmp_path / "clips", 4)
    (done / "3.mp4").write_text("mine")
    refused = one_line(run_demo(*batch(models, "--resume")))
    assert "1 output exists already, and not in the manifest: " in refused
    assert (done / "3.mp4").read_text() == "mine"


def test_resume_and_overwrite_exclude_each_other(models: Path, run_demo: RunDemo) -> None:
    assert "not allowed with argument" in one_line(run_demo(*batch(models, "--resume", "--overwrite")))


def test_a_manifest_that_a_crash_cut_short(done: Path, models: Path, run_demo: RunDemo) -> None:
    """Half a line is passed over, and the next one begins on a line of its own."""
    manifest = done / NAME
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:50])
    again = run_demo(*batch(models, "--resume"))
    assert "1 of 3 clips done, 2 skipped" in again.stdout
    kept = [line for line in manifest.read_text().splitlines() if line != lines[-1][:50]]
    assert [json.loads(line)["status"] for line in kept].count("done") == 3


def test_another_file_is_no_manifest(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_clips(tmp_path / "clips", 1)
    (tmp_path / "notes.jsonl").write_text('{"my": "notes"}\n')
    refused = one_line(run_demo(*batch(models, "--resume", "--manifest", "notes.jsonl")))
    assert "is not a manifest of this program" in refused
    refused = one_line(run_demo(*batch(models, "--manifest", "notes.jsonl")))
    assert "is not a manifest of this program" in refused
    assert (tmp_path / "notes.jsonl").read_text() == '{"my": "notes"}\n'


def test_the_manifest_tells_all(done: Path, tmp_path: Path) -> None:
    for number in range(3):
        event = last_events(done)[f"{number}.mp4"]
        assert event["input"] == str(tmp_path / "clips" / f"{number}.mp4")
        assert event["outputs"] == [str(done / f"{number}.mp4")]
        assert (event["status"], event["frames"], event["error"], event["attempts"]) == ("done", FRAMES, None, 1)
        assert event["fps"] == pytest.approx(FRAMES / event["seconds"], rel=0.1)
        assert event["worker"].endswith(f":{os.getpid()}")


def test_single_files_can_be_resumed_too(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    (clip,) = write_clips(tmp_path, 1)
    words = ["-m", models / "red.onnx", "-i", clip, "-o", "there/out.mkv", "--output_alpha", "alpha_%02d.png"]
    assert "1 of 1 clips done" in run_demo(*words, "--resume").stdout
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == [NAME, "out.mkv"]
    assert len([*tmp_path.glob("alpha_??.png")]) == FRAMES
    assert "0 of 1 clips done, 1 skipped" in run_demo(*words, "--resume").stdout
