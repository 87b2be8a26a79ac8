"""The models that come with the program, on the sample that comes with it and on pictures that they never saw."""

from __future__ import annotations

import shutil
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.image_files import images_in, read_image
from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, Frame, create_model
from model_api.bundled import FOLDER, find_model, names
from model_api.errors import OptionError
from model_api.types import Alpha
from model_tools.__main__ import main as model_tools
from tests.conftest import ROOT, RunDemo
from tests.support.media import read_levels, read_video

SAMPLES = ROOT / "samples"
LARGEST = 8_000_000
CARD = ("licence", "data", "trained again", "held out", "fails")


@pytest.mark.parametrize("name", ["clean_plate", "portrait", "video"])
def test_each_is_small_and_has_a_card(name: str) -> None:
    assert name in names()
    assert (FOLDER / f"{name}.bin").stat().st_size <= LARGEST
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8").lower()
    assert [word for word in CARD if word not in card] == []
    with create_model(name) as model:
        seen = (448, 256) if name == "clean_plate" else (480, 288)
        assert model.input_size((1280, 720)) == seen
        assert model.input_size((720, 1280)) == seen[::-1]
        assert (model.recurrent, model.needs_clean_plate) == (name == "video", name == "clean_plate")


def test_a_name_that_no_model_has() -> None:
    with pytest.raises(OptionError, match=r"^model: vidoe: no such model\. .* or one of clean_plate, portrait, video$"):
        create_model("vidoe")


@pytest.mark.parametrize("tool", ["info", "convert", "quantize", "devices", "evaluate", "benchmark"])
def test_the_tools_take_their_names(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finds the model, and stops at what it has been given beside it, or at its 8 bits, or does its work."""
    monkeypatch.chdir(tmp_path)
    clips = ("-i", "none.mp4", "--check", "other.mp4") if tool == "quantize" else ("-i", "none.mp4")
    words = {
        "info": ("portrait", "--json"),
        "convert": ("portrait", "-o", "out.xml"),
        "quantize": ("portrait", *clips),
        "devices": ("-m", "portrait", "-d", "CPU"),
        "evaluate": ("-m", "portrait", "--against", "video", *clips),
        "benchmark": ("-m", "portrait", *clips, "--frames", "1", "--rounds", "1"),
    }
    code, errors = tools(tool, *words[tool])
    assert "no such model" not in errors
    assert code == 0 or {"quantize": "in 8 bits already"}.get(tool, "none.mp4") in errors


def tools(*words: str) -> tuple[int, str]:
    """The exit code of `python -m model_tools`, and what it wrote to stderr."""
    errors = StringIO()
    with redirect_stderr(errors):
        code = model_tools(words)
    return code, errors.getvalue()


def test_the_readme_s_first_command(tmp_path: Path, run_demo: RunDemo) -> None:
    """From a copy of the sample: her face stays, the launch pad becomes stars."""
    shutil.copytree(SAMPLES, tmp_path / "samples")
    words = ("-i", "samples/astronaut.mp4", "--target_bgr", "samples/stars.jpg", "-o", "out.mp4")
    done = run_demo(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wrote out.mp4" in done.stdout
    before, after = read_video(SAMPLES / "astronaut.mp4"), read_video(tmp_path / "out.mp4")
    assert len(after) == len(before) == 75
    stars = read_image(SAMPLES / "stars.jpg")
    for number in (10, 40, 70):
        alpha = likeness(after[number], before[number])
        assert alpha[90:150, 440:480].mean() > 0.95  # between hair and chin, wherever she sways
        assert alpha[:300, :180].mean() < 0.05
    there = cv2.resize(stars, (640, 360), interpolation=cv2.INTER_AREA)
    assert cv2.absdiff(after[40][:300, :180], there[:300, :180]).mean() < 6


def likeness(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (cv2.absdiff(one, other).max(2) < 24).astype(np.float32)


def test_portrait_is_named(tmp_path: Path, run_demo: RunDemo) -> None:
    with open_source(str(SAMPLES / "astronaut.mp4")) as source:
        cv2.imwrite(str(tmp_path / "photo.png"), next(iter(source)).image)
    done = run_demo("-m", "portrait", "-i", "photo.png", "--output_alpha", "alpha.png")
    assert (done.returncode, done.stderr) == (0, "")
    alpha = read_levels(tmp_path / "alpha.png")
    assert alpha[90:150, 440:480].mean() > 250
    assert alpha[:300, :180].mean() < 5


@pytest.mark.parametrize(("name", "least"), [("video", 0.88), ("portrait", 0.86)])
def test_people_in_photographs_that_it_never_saw(shared: Path, name: str, least: float) -> None:
    """A third of the photographs; the cards tell of all of them."""
    found = []
    with create_model(find_model(name)) as model:
        for path in images_in(shared / "training/test/images")[::3]:
            image, mask = read_image(path), read_levels(next((shared / "training/test/masks").glob(f"{path.stem}.*")))
            alpha = list(AsyncPipeline(model).run(Frame(n, image) for n in range(2)))[-1].matte.alpha
            found.append(agreement(alpha, mask))
    print(name, np.mean(found))
    assert np.mean(found) > least


def test_what_was_not_there_when_the_plate_was_taken(shared: Path) -> None:
    """A camera that stands still: nobody in an empty room, somebody where they walk through."""
    plate = read_image(shared / "media/one-by-one-clean-plate.png")
    wanted = {30: (0.0, 0.004), 120: (0.01, 0.3), 300: (0.01, 0.3)}
    with (
        create_model(find_model(None, has_clean_plate=True)) as model,
        open_source(str(shared / "media/one-by-one-person-detection.mp4")) as source,
    ):
        for frame in source:
            if frame.index in wanted:
                low, high = wanted[frame.index]
                covered = float(model(frame.image, clean_plate=plate)[1].mean())
                assert low <= covered <= high
            if frame.index == max(wanted):
                return


def agreement(alpha: Alpha, mask: np.ndarray) -> float:
    person, true = alpha > 0.5, mask > 127
    return float((person & true).sum() / max((person | true).sum(), 1))
