"""`python -m model_tools advise`: what is certain about its advice, which never is what is fastest."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import openvino as ov
import pytest

from background_subtraction.cli.parse import parse_options
from model_api.bundled import find_model
from model_tools.__main__ import main
from model_tools.advise import Choice
from tests.support.media import indexed, write_video

FRAMES = 4
HAS = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
PRECISIONS = ["f32", *(name for has, name in (("BF16", "bf16"), ("FP16", "f16")) if has in HAS)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "my clip.mp4", map(indexed, range(FRAMES)))


def test_every_candidate_has_a_row_and_the_last_line_runs(
    models: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy under another name differs by nothing. In what the advice says, the program does."""
    copy = tmp_path / "copied.onnx"
    shutil.copy(models / "red.onnx", copy)
    words = ["-m", models / "red.onnx", copy, "-i", clip, "--frames", FRAMES, "--rounds", 1]
    assert main(["advise", *map(str, words)]) == 0
    output = capsys.readouterr().out
    rows = [line for line in output.splitlines() if line.startswith(("red ", "copied "))]
    expected = [f"{name} {precision}" for name in ("red", "copied") for precision in PRECISIONS]
    first, then = rows[: len(expected)], rows[len(expected) :]
    assert [" ".join(row.split()[:2]) for row in first] == expected
    off_by = {name: row.split()[-2:] for name, row in zip(expected, first, strict=True)}
    assert off_by["red f32"] == off_by["copied f32"] == ["0.000", "0.000"]
    assert any("-nstreams 1" in row for row in then)
    *_, advice = output.strip().splitlines()
    prefix = "Fastest here: background-subtraction "
    assert advice.startswith(prefix)
    options = parse_options(shlex.split(advice.removeprefix(prefix)))
    assert options.inputs == (str(clip),)
    assert Path(options.model).name in ("red.onnx", "copied.onnx")
    assert options.inference.precision in PRECISIONS


def test_a_model_whose_alphas_differ_too_much_is_not_advised(
    models: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`counting` answers another alpha than `red`: it is measured, and never the last line."""
    words = ["-m", models / "red.onnx", models / "counting.onnx", "-i", clip, "--frames", FRAMES, "--rounds", 1]
    assert main(["advise", *map(str, words)]) == 0
    output = capsys.readouterr().out
    (row,) = [line for line in output.splitlines() if line.startswith("counting f32 ")]
    assert float(row.split()[-2]) > 1
    assert "red.onnx" in output.strip().splitlines()[-1]


def test_a_bundled_model_is_advised_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that name in the current folder comes first, and then the name is not enough."""
    monkeypatch.chdir(tmp_path)
    bundled, other = Path(find_model("video")), tmp_path / "video.xml"
    assert [Choice(path, "f32").words[1] for path in (bundled, other)] == ["video", str(other)]
    (tmp_path / "video").touch()
    assert Choice(bundled, "f32").words[1] == str(bundled)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-m", "video", "-i", "no.mp4"), "no.mp4: no such input"),
        (("-m", "swift", "-i", "no.mp4"), "swift: no such model"),
        (("-m", "video", "-i", "no.mp4", "-d", "XPU"), "XPU is PyTorch's name of an Intel GPU"),
        (("-m", "clean_plate", "-i", "{clip}"), "compares with a clean plate"),
        (("-m", "{red}", "{red}", "-i", "{clip}", "--rounds", "1"), "two models of one name"),
    ],
)
def test_what_cannot_be_advised_is_told_in_one_line(
    models: Path, clip: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    arguments = [word.format(clip=clip, red=models / "red.onnx") for word in words]
    assert main(["advise", *arguments]) in (1, 2)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert told in line
