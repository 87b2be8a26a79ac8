"""Which clips a batch has: folders and all within, patterns, lists, and the part of one machine."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from background_subtraction.jobs import find_clips
from tests.conftest import RunDemo, one_line
from tests.support.batches import contents, write_clips
from tests.support.media import indexed, write_images


@pytest.fixture
def batch(models: Path, run_demo: RunDemo) -> RunDemo:
    return lambda *words: run_demo("-m", models / "red.onnx", "-o", "out", *words)


def test_a_tree_is_kept(batch: RunDemo, tmp_path: Path) -> None:
    """Videos, a folder of images, hidden folders, and outputs of an earlier run within the input's folder."""
    for folder in (".", "a", "a/b", "c", ".hidden", "out"):
        write_clips(tmp_path / folder, 1)
    write_images(tmp_path / "a" / "images", [indexed(n) for n in range(2)])
    write_images(tmp_path / "c", [indexed(0)])
    done = batch("-i", tmp_path, "--recursive", "--overwrite")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path}/c: holds both images and videos. The images are left out" in done.stdout
    assert sorted({*contents(tmp_path / "out")}) == [
        "0.mp4", "a/0.mp4", "a/b/0.mp4", "a/images/frame 0.png", "a/images/frame 1.png", "c/0.mp4",
    ]  # fmt: skip


def test_what_is_not_whole_is_no_input(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.part.mp4"):
        (tmp_path / name).touch()
    write_images(tmp_path / "seq.part", [indexed(0)])
    assert [clip.address for clip in find_clips([str(tmp_path)], recursive=True)] == [str(tmp_path / "a.mp4")]
    assert [clip.address for clip in find_clips([str(tmp_path / "*.mp4")])] == [str(tmp_path / "a.mp4")]


def test_patterns_of_the_shell(batch: RunDemo, tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", 3)
    (tmp_path / "clips" / "[x].mp4").write_bytes((tmp_path / "clips" / "0.mp4").read_bytes())
    assert batch("-i", "clips/[12].mp4").returncode == 0
    assert [*contents(tmp_path / "out")] == ["1.mp4", "2.mp4"]
    assert batch("-i", "clips/[x].mp4", "clips/0.mp4").returncode == 0, "a file of that very name comes first"
    assert [*contents(tmp_path / "out")] == ["0.mp4", "1.mp4", "2.mp4", "[x].mp4"]
    assert "no*.mp4: matches no file" in one_line(batch("-i", "no*.mp4"))


def test_lists(batch: RunDemo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clips(tmp_path / "clips", 2)
    (tmp_path / "list.txt").write_text("clips/0.mp4\n\nclips/1.mp4\r\n")
    assert batch("--input_list", "list.txt").returncode == 0
    assert [*contents(tmp_path / "out")] == ["0.mp4", "1.mp4"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("clips/1.mp4\n"))
    assert batch("--input_list", "-", "--overwrite").returncode == 0
    (tmp_path / "empty.txt").touch()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    for name, expected in {
        "empty.txt": "lists nothing",
        "gone": "No such file",
        "bytes": "not a text in UTF-8",
    }.items():
        assert expected in one_line(batch("--input_list", name))
    assert "-i/--input/--input_source" in one_line(batch())


def test_an_input_that_is_not_there_keeps_no_others(batch: RunDemo, tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", 1)
    (tmp_path / "list.txt").write_text("clips/gone.mp4\nclips/0.mp4\n")
    assert "1 of 2 inputs failed: clips/gone.mp4: no such input" in one_line(batch("--input_list", "list.txt"))
    assert [*contents(tmp_path / "out")] == ["0.mp4"]


def test_shards_have_all_clips_together(batch: RunDemo, tmp_path: Path) -> None:
    """Each writes a manifest of its own, and each reads all of them."""
    write_clips(tmp_path / "clips", 5)
    for number, count in ((0, 3), (1, 2)):
        assert f"{count} of {count} clips done" in batch("-i", "clips", "--shard", f"{number}/2").stdout
    assert [*contents(tmp_path / "out")] == [f"{number}.mp4" for number in range(5)]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jsonl")) == [
        f"background_subtraction.{number}-of-2.jsonl" for number in (0, 1)
    ]
    assert "0 of 5 clips done, 5 skipped" in batch("-i", "clips", "--resume").stdout


@pytest.mark.parametrize("text", ["2/2", "0/0", "-1/2", "1", "a/b"])
def test_shards_that_are_none(batch: RunDemo, text: str) -> None:
    assert "--shard: " in one_line(batch("-i", "clips", f"--shard={text}"))


CONTRADICTIONS = {
    "jobs and workers": (["--jobs", "2", "--workers", "2"], "--jobs: 2, and workers or a cluster"),
    "another engine": (["--cluster", "spark://host"], "--cluster: spark://host. Expected dask://host:8786"),
    "no engine": (["--cluster", "host:8786"], "--cluster: host:8786. Expected dask://host:8786"),
    "no workers": (["--workers", "0"], '"0": expected a whole number'),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_engines_that_are_not_there(batch: RunDemo, tmp_path: Path, case: str) -> None:
    write_clips(tmp_path / "clips", 1)
    words, expected = CONTRADICTIONS[case]
    assert expected in one_line(batch("-i", "clips", *words))
    assert not (tmp_path / "out").exists()


def test_a_window_shows_no_batch(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    (clip,) = write_clips(tmp_path, 1)
    shown = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4", "--resume", show=True)
    assert "a batch, or files in a storage, and a window" in one_line(shown)
