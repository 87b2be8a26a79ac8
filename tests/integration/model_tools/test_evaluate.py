"""Evaluations whose figures are known beforehand, because the networks compute something simple."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from background_subtraction.image_files import read_image
from model_api.types import Image
from model_tools.__main__ import main
from tests.support import networks
from tests.support.media import write_images, write_video

WIDTH, HEIGHT = 64, 48
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def ramp(top: int = 204) -> Image:
    """(H, W) uint8, 0 at the left to `top` at the right."""
    return np.tile(np.linspace(0, top, WIDTH).round().astype(np.uint8), (HEIGHT, 1))


def picture(red: Image) -> Image:
    """What `networks.red_is_alpha` answers with `red` / 255; its other colours change the person's."""
    return np.dstack([np.full_like(red, 90), np.full_like(red, 120), red])


def save_clip(folder: Path, reds: Sequence[Image], truths: Sequence[Image], colours: Sequence[Image] = ()) -> Path:
    for view, images in {"com": [picture(red) for red in reds], "pha": truths, "fgr": colours}.items():
        for index, image in enumerate(images):
            (folder / view).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / view / f"{index:04d}.png"), image)
    return folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """The first: alpha is red. The second: red is a fifth too much in every second frame."""
    save_clip(tmp_path / "set" / "0000", [ramp()] * 4, [ramp()] * 4)
    save_clip(tmp_path / "set" / "0001", [ramp() + shift for shift in (0, 51, 0, 51)], [ramp()] * 4)
    return tmp_path / "set"


@pytest.fixture
def evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Runs the tool and gives what it wrote as JSON."""

    def run(*arguments: object) -> dict[str, Any]:
        assert main(["evaluate", *map(str, arguments), "--json", str(tmp_path / "out.json")]) == 0
        found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
        return found

    return run


@pytest.fixture
def failure(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line of a run that failed as it should."""

    def run(*arguments: object, code: int = 1) -> str:
        capsys.readouterr()
        assert main(["evaluate", *map(str, arguments)]) == code
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return run


def frames(evaluation: dict[str, Any], clip: int, heading: str, model: int = 0) -> list[float]:
    found: list[float] = evaluation["models"][model]["clips"][clip]["frames"][heading]
    return found


def test_a_network_that_is_right_has_no_error(models: Path, clips: Path, evaluate: Any) -> None:
    found = evaluate("-m", models / "red.onnx", "-i", clips)

    assert {heading: max(frames(found, 0, heading)) for heading in ("MAD", "MSE", "Grad", "Conn", "dtSSD")} == (
        pytest.approx(dict.fromkeys(("MAD", "MSE", "Grad", "Conn", "dtSSD"), 0), abs=1e-6)
    )


def test_a_known_error_is_measured(models: Path, clips: Path, evaluate: Any) -> None:
    found = evaluate("-m", models / "red.onnx", "-i", clips)

    assert frames(found, 1, "MAD") == pytest.approx([0, 200, 0, 200], abs=0.01)
    assert frames(found, 1, "MSE") == pytest.approx([0, 40, 0, 40], abs=0.01)
    assert frames(found, 1, "dtSSD") == pytest.approx([0, 20, 20, 20], abs=0.01)
    assert found["models"][0]["clips"][1]["mean"]["MAD"] == pytest.approx(100, abs=0.01)
    assert found["models"][0]["mean"]["MAD"] == pytest.approx(50, abs=0.01)


def test_gradients_are_named_by_whose_they_are(models: Path, tmp_path: Path, evaluate: Any) -> None:
    """Half the alpha stretched to 0..1 is the alpha again: only the low resolution's gradient stretches."""
    root = save_clip(tmp_path / "half", [ramp(200) // 2 * 1], [ramp(200)])

    found = {name: evaluate("-m", models / "red.onnx", "-i", root, "--metrics", name) for name in ("rvm_lr", "rvm_hr")}
    assert frames(found["rvm_lr"], 0, "Grad")[0] < 0.02 * frames(found["rvm_hr"], 0, "Grad")[0]
    assert found["rvm_lr"]["metrics"]["Grad"] == "rvm_lr_grad"
    assert set(evaluate("-m", models / "red.onnx", "-i", root, "--metrics", "omz")["metrics"].values()) == {
        "mad", "mse", "omz_grad", "omz_foreground_mse",
    }  # fmt: skip


def test_colours_are_judged_where_the_truth_has_some(models: Path, tmp_path: Path, evaluate: Any) -> None:
    """`red_is_alpha` answers no colours: where alpha is 1 they are the frame's."""
    full = np.full((HEIGHT, WIDTH), 255, np.uint8)
    darker = cv2.subtract(picture(full), np.full((HEIGHT, WIDTH, 3), 51, np.uint8))
    save_clip(tmp_path / "set" / "with", [full], [full], [darker])
    save_clip(tmp_path / "set" / "without", [full], [full])

    found = evaluate("-m", models / "red.onnx", "-i", tmp_path / "set")

    assert frames(found, 0, "FgrMSE") == pytest.approx([40], abs=0.01)
    assert frames(found, 0, "FgrMAD") == pytest.approx([200], abs=0.01)
    assert frames(found, 1, "FgrMSE") == [None]
    assert found["models"][0]["mean"]["FgrMSE"] == pytest.approx(40, abs=0.01)


@pytest.mark.parametrize("name", ["counting.onnx", "counting_dynamic.onnx"])
def test_every_clip_begins_with_a_fresh_state(models: Path, clips: Path, evaluate: Any, name: str) -> None:
    """The network's alpha counts frames in steps of 1/1024; the truth is 0."""
    for pha in clips.rglob("pha/*.png"):
        assert cv2.imwrite(str(pha), np.zeros((HEIGHT, WIDTH), np.uint8))

    found = evaluate("-m", models / name, "-i", clips, "--metrics", "omz")

    counted = pytest.approx([1000 * n * networks.STATE_STEP for n in range(4)], rel=1e-5)
    assert frames(found, 0, "MAD") == counted
    assert frames(found, 1, "MAD") == counted


def test_steps_of_a_file_are_those_of_the_evaluations_that_read_files(models: Path, clips: Path, evaluate: Any) -> None:
    """A third of 1/255 is 0 in a file."""
    for pha in clips.rglob("pha/*.png"):
        assert cv2.imwrite(str(pha), np.zeros((HEIGHT, WIDTH), np.uint8))

    assert frames(evaluate("-m", models / "counting.onnx", "-i", clips), 0, "MAD")[1] == 0


def test_models_side_by_side(
    models: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Any
) -> None:
    networks.red_is_alpha(tmp_path / "hard.onnx", answer="logits")

    found = evaluate(
        "-m", models / "red.onnx", "-m", tmp_path / "hard.onnx", "-i", clips, "--csv", tmp_path / "out.csv"
    )

    assert [model["model"] for model in found["models"]] == ["red", "hard"]
    assert frames(found, 0, "MAD", model=1)[0] > 50
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in table if line.startswith(("0000", "0001"))] == [
        ["0000", "red"], ["0000", "hard"], ["0001", "red"], ["0001", "hard"],
    ]  # fmt: skip
    assert [line.split()[2:5] for line in table if line.startswith("all")] == [
        ["red", "8", "50.000"],
        ["hard", "8", f"{found['models'][1]['mean']['MAD']:.3f}"],
    ]
    with (tmp_path / "out.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["model"], line["clip"], line["frame"]) for line in lines[:2]] == [
        ("red", "0000", "0"),
        ("red", "0000", "1"),
    ]
    assert [float(line["MAD"]) for line in lines[4:8]] == pytest.approx([0, 200, 0, 200], abs=0.01)
    assert lines[0]["FgrMSE"] == ""
    assert len(lines) == 16


def test_models_that_compare_get_the_empty_scene(models: Path, tmp_path: Path, evaluate: Any, failure: Any) -> None:
    """difference_matting answers 1 where the picture is far from the plate, 0 where it is the plate."""
    person = np.zeros((HEIGHT, WIDTH), np.uint8)
    person[:, : WIDTH // 2] = 255
    clip = save_clip(tmp_path / "set", [person] * 2, [person] * 2)
    arguments = ("-m", models / "difference.onnx", "-i", clip)
    assert "Expected plate.png, or a folder bgr" in failure(*arguments)

    empty = picture(np.zeros_like(person))
    assert cv2.imwrite(str(clip / "plate.png"), empty)
    right = evaluate(*arguments)
    write_images(clip / "bgr", [picture(person)] * 2)
    for number, path in enumerate(sorted((clip / "bgr").iterdir())):
        path.rename(path.with_name(f"{number:04d}.png"))
    nobody = evaluate(*arguments, "--clean_plate", "bgr")

    # Within the two pixels that the network smooths by, there is an edge.
    assert max(frames(right, 0, "MAD")) < 50
    assert frames(nobody, 0, "MAD") == pytest.approx([500, 500], abs=1)


def test_against_another_model(models: Path, tmp_path: Path, evaluate: Any) -> None:
    video = write_video(tmp_path / "walk.mp4", [picture(ramp())] * 4)
    still = write_images(tmp_path / "frames", [picture(ramp() + shift) for shift in (0, 51)])
    networks.red_is_alpha(tmp_path / "same.onnx")

    same = evaluate("-m", tmp_path / "same.onnx", "--against", models / "red.onnx", "-i", video, still)
    assert [model["mean"]["MAD"] for model in same["models"]] == [0]
    assert [clip["clip"] for clip in same["models"][0]["clips"]] == ["walk", "frames"]

    other = evaluate("-m", models / "counting.onnx", "--against", models / "red.onnx", "-i", still, "--metrics", "omz")
    means = [float((ramp() + shift).mean()) / 255 * 1000 for shift in (0, 51)]
    assert frames(other, 0, "MAD")[0] == pytest.approx(means[0], abs=0.01)
    assert frames(other, 0, "MAD")[1] == pytest.approx(means[1], abs=1)


def test_masks_of_stills(models: Path, tmp_path: Path, evaluate: Any, capsys: pytest.CaptureFixture[str]) -> None:
    half, quarter = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    half[:, : WIDTH // 2] = 255
    quarter[:, : WIDTH // 4] = 255
    for name, mask in {"a": half, "b": quarter, "c": half}.items():
        for folder, image in {"images": picture(half), "masks": mask}.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            assert cv2.imwrite(str(tmp_path / folder / f"{name}.png"), image)

    found = evaluate("-m", models / "red.onnx", "--masks", tmp_path / "images", tmp_path / "masks")

    assert [clip["frames"]["IoU"] for clip in found["models"][0]["clips"]] == [[1.0], [0.5], [1.0]]
    assert found["models"][0]["mean"]["IoU"] == pytest.approx(2.5 / 3)
    assert found["models"][0]["median"]["IoU"] == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("all")]
    assert [line[4:6] for line in lines] == [["0.833", "0.000"], ["1.000", "-"]]


def test_a_still_is_seen_again_and_again(models: Path, tmp_path: Path, evaluate: Any) -> None:
    """The network's alpha reaches a half after 512 passes."""
    for folder in ("images", "masks"):
        write_images(tmp_path / folder, [np.full((HEIGHT, WIDTH, 3), 255, np.uint8)])
    arguments = ("-m", models / "counting.onnx", "--masks", tmp_path / "images", tmp_path / "masks", "--passes")

    assert evaluate(*arguments, 512)["models"][0]["mean"]["IoU"] == 0
    assert evaluate(*arguments, 513)["models"][0]["mean"]["IoU"] == 1


FAILURES_OF_STILLS = ["IoU", "Lost%", "F", "Holes%", "Ghosts%"]


@pytest.fixture
def people(tmp_path: Path) -> tuple[Path, Path]:
    """Stills and alphas: one is right, one lost, one has a hole of a tenth, and one a ghost over 3 of 40 columns."""
    truth, hole, ghost = (np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(3))
    truth[:, :20] = hole[:, :20] = ghost[:, :20] = 255
    hole[:, 10:12] = 0
    ghost[:, -3:] = 100
    for name, red in {"1": truth, "2": np.zeros_like(truth), "3": hole, "4": ghost}.items():
        for folder, image in {"images": picture(red), "alphas": truth}.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            assert cv2.imwrite(str(tmp_path / folder / f"{name}.png"), image)
    return tmp_path / "images", tmp_path / "alphas"


@pytest.mark.parametrize("option", ["--stills", "--masks"])
def test_how_stills_fail(option: str, models: Path, people: tuple[Path, Path], tmp_path: Path, evaluate: Any) -> None:
    """Far begins 4 pixels, 5 % of the diagonal, beyond the person's 20 columns: 40 of 64 are left."""
    found = evaluate("-m", models / "red.onnx", option, *people, "--csv", tmp_path / "out.csv")["models"][0]

    of_alphas = ["MAD", "MSE", "Grad", "Conn"] if option == "--stills" else []
    assert list(found["mean"]) == [*of_alphas, *FAILURES_OF_STILLS]
    figures = {heading: [clip["frames"][heading][0] for clip in found["clips"]] for heading in FAILURES_OF_STILLS}
    assert figures["IoU"] == pytest.approx([1, 0, 0.9, 1])
    assert figures["Lost%"] == [0, 100, 0, 0]
    assert figures["Holes%"] == pytest.approx([0, 100, 10, 0])
    assert figures["Ghosts%"] == pytest.approx([0, 0, 0, 7.5])
    assert figures["F"] == pytest.approx([1, 0, 0.5, 1])  # a third of the contours' pixels is right, or all of them
    assert (found["mean"]["Lost%"], found["median"]["Lost%"]) == (25, None)
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [float(line["Ghosts%"]) for line in csv.DictReader(file)] == [0, 0, 0, 7.5]


def test_other_light_is_judged_by_the_clean_truth(
    models: Path, clips: Path, tmp_path: Path, evaluate: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Grey is 0.114 · 90 + 0.587 · 120 + 0.299 of the red that is the truth."""
    options = ("--degrade", "overexposed,grey", "--csv", tmp_path / "out.csv", "--html", tmp_path / "out.html")

    found = evaluate("-m", models / "red.onnx", "-i", clips / "0000", *options)["models"]

    red = ramp()[0].astype(float)
    assert [run["condition"] for run in found] == ["clean", "overexposed", "grey"]
    assert [run["mean"]["MAD"] for run in found] == [
        pytest.approx(0, abs=1e-6),
        pytest.approx(np.abs(np.minimum(1.7 * red, 255) - red).mean() / 0.255, abs=2),
        pytest.approx(np.abs(10.26 + 70.44 - 0.701 * red).mean() / 0.255, abs=2),
    ]
    table = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("all")]
    assert [line[3] for line in table] == ["clean", "overexposed", "grey"]
    with (tmp_path / "out.csv").open(newline="") as file:
        assert Counter(line["condition"] for line in csv.DictReader(file)) == {"clean": 4, "overexposed": 4, "grey": 4}
    text = Page((tmp_path / "out.html").read_text(encoding="utf-8")).text
    assert {"0000, grey", "Worst frames of red, overexposed, by MAD"} <= set(text)


def test_noise_of_the_light_flickers_by_the_flow_of_the_clean_pictures(
    models: Path, clips: Path, evaluate: Any
) -> None:
    """The clip stands still, so every pixel counts: the mean square of two frames' difference is twice the variance."""
    clean, dark = evaluate("-m", models / "red.onnx", "-i", clips / "0000", "--degrade", "gain-0.25")["models"]

    assert clean["mean"]["Warp"] == 0
    # Photon noise: a code value c = p^(1/2.2) of p photons has the deviation c / (2.2 √p).
    codes = 0.25 * ramp()[0] / 255
    expected = 2 * np.mean((codes[1:] / 2.2) ** 2 / (1000 * codes[1:] ** 2.2))
    assert dark["mean"]["Warp"] == pytest.approx(1000 * expected, rel=0.35)


@pytest.mark.parametrize("name", ["counting.onnx", "counting_dynamic.onnx"])
def test_a_cut_keeps_the_state(models: Path, tmp_path: Path, evaluate: Any, name: str) -> None:
    """The network's alpha counts frames, and the truth is 0: the second of two passes, and the fourth after a cut."""
    sizes = ((HEIGHT, WIDTH), (WIDTH, HEIGHT)) if "dynamic" in name else ((HEIGHT, WIDTH),) * 2
    for folder in ("images", "alphas"):
        write_images(tmp_path / folder, [np.zeros((*size, 3), np.uint8) for size in sizes])
    arguments = ("--stills", tmp_path / "images", tmp_path / "alphas", "--passes", 2, "--cuts", "--metrics", "omz")

    clean, cut = evaluate("-m", models / name, *arguments)["models"]

    assert cut["condition"] == "cut"
    for run, frames_before in ((clean, 1), (cut, 3)):
        assert [clip["frames"]["MAD"][0] for clip in run["clips"]] == pytest.approx(
            [1000 * frames_before * networks.STATE_STEP] * 2, rel=1e-4
        )


def test_a_video_without_a_truth_is_judged_by_its_flicker(models: Path, tmp_path: Path, evaluate: Any) -> None:
    """The network's alpha is one level everywhere, a step more in each frame: no flow changes that."""
    video = write_video(tmp_path / "walk.mp4", [picture(ramp())] * 4)

    found = evaluate(
        "-m", models / "counting.onnx", "-i", video, "--metrics", "failures", "--html", tmp_path / "o.html"
    )

    assert found["metrics"] == {"Warp": "warp_error"}
    step = pytest.approx(1000 * networks.STATE_STEP**2, rel=1e-3)
    assert frames(found, 0, "Warp") == [None, step, step, step]
    page = Page((tmp_path / "o.html").read_text(encoding="utf-8"))
    assert [image["alt"] for image in page.all("img")] == ["input", "alpha"]
    assert list(evaluate("-m", models / "counting.onnx", "-i", video)["metrics"]) == ["Warp"]


def test_clips_with_and_without_a_truth_in_one_table(models: Path, clips: Path, tmp_path: Path, evaluate: Any) -> None:
    video = write_video(tmp_path / "walk.mp4", [picture(ramp())] * 2)

    found = evaluate("-m", models / "red.onnx", "-i", clips / "0001", video)

    assert [clip["mean"]["MAD"] for clip in found["models"][0]["clips"]] == [pytest.approx(100, abs=0.01), None]


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def report(models: Path, clips: Path, tmp_path: Path) -> Path:
    networks.red_is_alpha(tmp_path / "hard <b>.onnx", answer="logits")
    path = tmp_path / "report.html"
    arguments = ["-m", models / "red.onnx", tmp_path / "hard <b>.onnx", "-i", clips, "--html", path, "--worst", 1]
    assert main(["evaluate", *map(str, arguments)]) == 0
    return path


def test_the_report_is_one_file_with_curves_and_the_worst_frames(report: Path) -> None:
    page = Page(report.read_text(encoding="utf-8"))

    assert page.open == []
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "b"})
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in page.all("img"))
    assert "http" not in report.read_text(encoding="utf-8")
    # 2 models × 2 clips × the 5 metrics of rvm_lr that need no colours, IoU, Lost% and F, 4 frames each; and Warp,
    # which the first frame has not. A slope to 0.8 has no sure inside and no far background.
    assert Counter(len((line["points"] or "").split()) for line in page.all("polyline")) == {4: 32, 3: 4}
    assert "0001, frame 1: MAD 200.000" in page.text
    assert "Worst frames of hard <b>, by MAD" in page.text
    assert [image["alt"] for image in page.all("img")] == ["input", "truth", "alpha", "error"] * 2


def test_the_reports_pictures_are_those_of_the_frame(report: Path) -> None:
    sources = [image["src"] or "" for image in Page(report.read_text(encoding="utf-8")).all("img")[:4]]
    shown, truth, alpha, error = map(decoded, sources)

    assert np.abs(shown[..., 2].astype(int) - (ramp() + 51)).mean() < 10
    assert np.abs(truth[..., 0].astype(int) - ramp()).mean() < 4
    assert np.abs(alpha[..., 0].astype(int) - (ramp() + 51)).mean() < 4
    expected = cv2.applyColorMap(np.full((1, 1), 51, np.uint8), cv2.COLORMAP_INFERNO)[0, 0]
    assert np.abs(error.astype(int) - expected).mean() < 4


def decoded(source: str) -> Image:
    data = np.frombuffer(b64decode(source.partition(",")[2]), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image is not None
    return image


@pytest.mark.skipif(CHROMIUM is None, reason="neither chromium, chromium-browser nor google-chrome is here")
def test_a_browser_shows_the_curves_and_the_pictures(report: Path, tmp_path: Path) -> None:
    screenshot = tmp_path / "report.png"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1440,1800"]
    subprocess.run(
        [*map(str, command), f"--screenshot={screenshot}", report.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )

    image = read_image(screenshot).astype(int)
    for colour in ((0x42, 0x69, 0xD0), (0xEF, 0xB1, 0x18)):  # a curve of each model
        assert (np.abs(image - colour[::-1]).max(axis=2) < 12).sum() > 300
    assert (np.abs(image - (90, 120, 255)).max(axis=2) < 40).sum() > 100  # the input, at its reddest


def test_one_clip_is_a_set_too_and_several_sets_keep_their_names(models: Path, clips: Path, evaluate: Any) -> None:
    alone = evaluate("-m", models / "red.onnx", "-i", clips / "0001")
    assert [clip["clip"] for clip in alone["models"][0]["clips"]] == ["0001"]

    both = evaluate("-m", models / "red.onnx", "-i", clips / "0000", clips)
    assert len({clip["clip"] for clip in both["models"][0]["clips"]}) == 3


def test_clips_lie_at_any_depth_and_may_be_jpeg(models: Path, clips: Path, tmp_path: Path, evaluate: Any) -> None:
    """RobustVideoMatting's sets: dataset/clip/com/0000.jpg."""
    shutil.copytree(clips / "0000", tmp_path / "deep" / "videomatte_static" / "0000")
    for path in (tmp_path / "deep").rglob("com/*.png"):
        assert cv2.imwrite(str(path.with_suffix(".jpg")), read_image(path))
        path.unlink()

    found = evaluate("-m", models / "red.onnx", "-i", tmp_path / "deep")

    assert found["models"][0]["clips"][0]["clip"] == "videomatte_static/0000"
    assert found["models"][0]["mean"]["MAD"] < 20


def test_folders_that_do_not_belong_together_are_said_in_one_line(
    models: Path, clips: Path, tmp_path: Path, failure: Any
) -> None:
    arguments = ("-m", models / "red.onnx", "-i", clips)
    (clips / "0001" / "pha" / "0002.png").unlink()
    assert "pha: 1 of the 4 images" in (line := failure(*arguments))
    assert "the first is 0002" in line

    assert cv2.imwrite(str(clips / "0001" / "pha" / "0002.png"), np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8))
    assert "0001: image 2 is 64×48 and its true alpha 32×24" in failure(*arguments)

    shutil.copytree(clips / "0000" / "com", clips / "0000" / "fgr")
    (clips / "0000" / "fgr" / "0003.png").rename(clips / "0000" / "fgr" / "0009.png")
    assert "fgr: 1 of the 4 images" in failure(*arguments)

    shutil.rmtree(clips / "0000" / "com")
    assert "Expected them in a folder com" in failure(*arguments)
    assert "no clip in it" in failure("-m", models / "red.onnx", "-i", tmp_path / "nothing")


def test_masks_that_do_not_belong_are_said_in_one_line(models: Path, tmp_path: Path, failure: Any) -> None:
    write_images(tmp_path / "images", [picture(ramp())] * 2)
    write_images(tmp_path / "masks", [np.ones((HEIGHT, WIDTH, 3), np.uint8)])
    arguments = ("--masks", tmp_path / "images", tmp_path / "masks")

    assert "masks: 1 of the 2 images" in failure("-m", models / "red.onnx", *arguments)
    (tmp_path / "images" / "frame 1.png").unlink()
    assert "its levels end at 1. Expected a mask of 0 and 255" in failure("-m", models / "red.onnx", *arguments)
    assert "stills have none" in failure("-m", models / "difference.onnx", *arguments)


def test_a_command_line_of_no_use(
    models: Path, clips: Path, tmp_path: Path, failure: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    red = models / "red.onnx"
    stills = ("-m", red, "--masks", clips, clips)
    assert "--against is for -i" in failure(*stills, "--against", red, code=2)
    assert "give soft alphas with --stills" in failure(*stills, "--metrics", "rvm_lr", code=2)
    assert "--cuts is for --stills" in failure("-m", red, "-i", clips, "--cuts", code=2)
    assert "--metrics omz needs a truth" in failure("-m", red, "-i", red, "--metrics", "omz", code=2)
    with pytest.raises(SystemExit):
        main(["evaluate", *map(str, stills), "--degrade", "grey,purple"])
    assert '"grey,purple": expected some of gain-0.6' in capsys.readouterr().err
    assert "Make it first" in failure("-m", red, "-i", clips, "--html", tmp_path / "no" / "report.html", code=2)
    assert "no such model file" in failure("-m", tmp_path / "no.onnx", "-i", clips)


def test_real_networks_on_a_composed_clip(shared: Path, tmp_path: Path, evaluate: Any) -> None:
    """Robust Video Matting made the alphas of these people, in their own pictures: it must find them in others."""
    training, networks_of = shared / "training", shared / "models"
    people = {"--foregrounds": training / "people" / "images", "--alphas": training / "people" / "alpha"}
    options = {**people, "--backgrounds": training / "backgrounds", "-o": tmp_path / "set", "--size": "320x180"}
    words = [str(word) for pair in options.items() for word in pair]
    assert main(["compose", *words, "--clips", "2", "--frames", "8"]) == 0

    selfie = networks_of / "selfie_segmentation_landscape" / "selfie_segmentation_landscape.xml"
    found = evaluate("-m", networks_of / "rvm_mobilenetv3_fp32.onnx", selfie, "-i", tmp_path / "set")

    rvm, other = (model["mean"] for model in found["models"])
    assert rvm["MAD"] < 15
    assert rvm["MAD"] < other["MAD"]
