"""Nothing of the user's is overwritten, and outputs have the names that a user expects."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from background_subtraction.image_files import read_image
from tests.conftest import RunDemo, one_line
from tests.support.media import barcode, indexed, read_video, write_images, write_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "in.mp4", map(barcode, range(5)))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_images(tmp_path / "photos", map(indexed, range(3)))


LINKS: dict[str, Callable[[Path, Path], None]] = {
    "itself": lambda _, __: None,
    "a symbolic link": lambda target, link: link.symlink_to(target),
    "a hard link": lambda target, link: os.link(target, link),
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("option", ["--target_bgr", "--background", "-m", "--labels", "-i"])
def test_no_output_onto_what_is_read(
    models: Path, tmp_path: Path, run_demo: RunDemo, clip: Path, option: str, link: str
) -> None:
    ending = {"-m": ".onnx", "--labels": ".txt"}.get(option, ".mp4")
    victim = tmp_path / f"victim{ending}"
    if option == "--labels":
        victim.write_text("person\n", encoding="utf-8")
    else:
        shutil.copy(models / "red.onnx" if option == "-m" else clip, victim)
    before = victim.read_bytes()
    name = victim if link == "itself" else tmp_path / "link.mp4"
    LINKS[link](victim, name)
    given = {"-m": models / "red.onnx", "-i": clip, option: victim}
    done = run_demo(*(word for pair in given.items() for word in pair), "--output_alpha", name)
    assert "itself, and would be overwritten" in one_line(done)
    assert victim.read_bytes() == before


@pytest.mark.parametrize("ignores_case", [True, False])
def test_names_in_other_letters(
    models: Path, tmp_path: Path, run_demo: RunDemo, clip: Path, ignores_case: bool
) -> None:
    """Where the folder itself is found in other letters, as on macOS and Windows, two such names are one file."""
    folder = tmp_path / "Clips"
    folder.mkdir()
    if ignores_case:
        (tmp_path / "cLIPS").symlink_to(folder)
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", folder / "Straße.mp4", "--output_alpha",
                    folder / "STRASSE.MP4")  # fmt: skip
    if ignores_case:
        assert "is named for two outputs" in one_line(done)
        assert not [*folder.iterdir()]
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert {path.name for path in folder.iterdir()} == {"Straße.mp4", "STRASSE.MP4"}


@pytest.mark.parametrize("output", ["photos", "photos/", "photos/frame %d.png", "other/../photos/frame %01d.png"])
def test_no_images_onto_themselves(models: Path, tmp_path: Path, run_demo: RunDemo, photos: Path, output: str) -> None:
    (tmp_path / "other").mkdir()
    before = [path.read_bytes() for path in sorted(photos.iterdir())]
    line = one_line(run_demo("-m", models / "red.onnx", "-i", photos, "-o", output))
    assert "is the input itself" in line
    assert [path.read_bytes() for path in sorted(photos.iterdir())] == before


def test_a_batch_does_not_overwrite_another_of_its_inputs(
    models: Path, tmp_path: Path, run_demo: RunDemo, clip: Path
) -> None:
    (tmp_path / "second").mkdir()
    shutil.copy(clip, tmp_path / "second" / "b.mp4")
    before = clip.read_bytes()
    line = one_line(run_demo("-m", models / "red.onnx", "-i", tmp_path / "second" / "b.mp4", clip, "-o", tmp_path))
    assert "in.mp4: is the input itself" in line
    assert clip.read_bytes() == before


def test_two_names_of_one_output(models: Path, tmp_path: Path, run_demo: RunDemo, clip: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "real/o.mp4", "--output_alpha", "alias/o.mp4")
    assert "is named for two outputs" in one_line(done)


def test_images_keep_their_names(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    folder = write_images(tmp_path / "in", map(indexed, range(3)))
    for number, name in enumerate(["a.png", "b.png", "100%d.png"]):
        (folder / f"frame {number}.png").rename(folder / name)
    shutil.copy(folder / "a.png", folder / "A.PNG")
    (folder / "A.PNG").rename(folder / "a.webp")  # read by what is in it
    done = run_demo("-m", models / "red.onnx", "-i", folder, "-o", "out/", "--output_alpha", "alphas/")
    assert (done.returncode, done.stderr) == (0, "")
    for output in ("out", "alphas"):
        names = {path.name for path in (tmp_path / output).iterdir()}
        assert names == {"a.png.png", "a.webp.png", "b.png", "100%d.png"}
    assert read_image(tmp_path / "out" / "b.png")[0, 0, 0] == 1  # the person, whose blue is the index


def test_a_part_of_a_folder_keeps_its_names(models: Path, tmp_path: Path, run_demo: RunDemo, photos: Path) -> None:
    done = run_demo("-m", models / "red.onnx", "-i", photos, "-o", "out/", "--start", "1/30", "--skip", 1)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["frame 2.png"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_video_into_a_folder(models: Path, tmp_path: Path, run_demo: RunDemo, clip: Path, *, is_there: bool) -> None:
    if is_there:
        (tmp_path / "out").mkdir()
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out/", "--output_alpha", "out/")
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"in.mp4", "in_alpha.mp4"}


@pytest.mark.parametrize("name", ["12:30.mp4", "2026-11-27T12:30:00Z.mkv", "12:30.gif"])
def test_times_as_names(models: Path, tmp_path: Path, run_demo: RunDemo, clip: Path, name: str) -> None:
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", name)
    assert (done.returncode, done.stderr) == (0, "")
    shutil.copy(tmp_path / name, tmp_path / f"plain{Path(name).suffix}")
    assert len(read_video(tmp_path / f"plain{Path(name).suffix}")) == 5


@pytest.mark.parametrize("name", ["a" * 252 + ".mp4", "é" * 130 + "%d.png", "a" * 300 + "/out.mp4", "a" * 300 + "/"])
def test_names_that_are_too_long(models: Path, run_demo: RunDemo, clip: Path, name: str) -> None:
    assert "Expected at most 255" in one_line(run_demo("-m", models / "red.onnx", "-i", clip, "-limit", 1, "-o", name))


@pytest.mark.parametrize("what", ["deleted", "replaced"])
def test_an_output_that_has_gone_is_told(tmp_path: Path, what: str) -> None:
    from fractions import Fraction

    from background_subtraction.sinks.base import Encoding, Output
    from background_subtraction.sinks.open import open_sink
    from background_subtraction.sources.base import SourceInfo
    from model_api.errors import SinkError

    path = tmp_path / "out.mp4"
    sink = open_sink(Output(path), Encoding(), SourceInfo("test", (64, 48), Fraction(30)))

    def run() -> None:
        with sink:
            sink.write(np.zeros((48, 64, 3), np.uint8), 0, Fraction(0))
            path.unlink()
            if what == "replaced":
                path.write_text("something else")

    with pytest.raises(SinkError, match="is gone"):
        run()
    assert not sink.kept()
