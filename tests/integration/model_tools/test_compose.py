"""Composed clips: what lies in them, what the options do, and that the truth in them is one."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.image_files import read_image
from model_api.types import Image
from model_tools.__main__ import main
from tests.conftest import ROOT
from tests.support.media import read_levels, write_images, write_video

SIZE = (96, 64)
PERSON_BGR = (40, 60, 200)
SCENE_BGR = (30, 180, 20)
VIEWS = ("com", "pha", "fgr", "bgr")


def figure(height: int = 120, width: int = 80, legs: int = 110) -> tuple[Image, Image]:
    """A photograph of a person, a soft-edged pillar with a head, before a green scene, and its alpha."""
    alpha = np.zeros((height, width), np.uint8)
    cv2.ellipse(alpha, (width // 2, 22), (8, 12), 0, 0, 360, 255, -1)
    cv2.rectangle(alpha, (width // 2 - 14, 36), (width // 2 + 14, legs), 255, -1)
    alpha = cv2.GaussianBlur(alpha, (9, 9), 0)
    share = alpha[..., np.newaxis] / 255
    photograph = share * np.array(PERSON_BGR) + (1 - share) * np.array(SCENE_BGR)
    return np.rint(photograph).astype(np.uint8), alpha


def save(path: Path, image: Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """Two people with alphas, and two backgrounds."""
    for name in ("ann", "bob"):
        photograph, alpha = figure()
        save(tmp_path / "people" / f"{name}.png", photograph)
        save(tmp_path / "alphas" / f"{name}.png", alpha)
    random = np.random.default_rng(0)
    for name in ("kitchen", "hall"):
        coarse = random.integers(0, 255, (9, 16, 3), np.uint8)
        save(tmp_path / "rooms" / f"{name}.jpg", cv2.resize(coarse, (160, 90), interpolation=cv2.INTER_CUBIC))
    return tmp_path


def compose(material: Path, *options: object, people: str = "people", output: str = "set") -> Path:
    folder = material / output
    arguments = ["compose", "--foregrounds", material / people, "--backgrounds", material / "rooms", "-o", folder]
    if "--alphas" not in options:
        arguments += ["--alphas", material / "alphas"]
    defaults = ["--size", "x".join(map(str, SIZE)), "--clips", "2", "--frames", "5"]
    assert main([str(word) for word in [*arguments, *defaults, *options]]) == 0
    return folder


def failure(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a run that failed as it should."""
    capsys.readouterr()
    assert main(["compose", *map(str, arguments)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def pictures(folder: Path, view: str) -> list[Image]:
    return [read_image(path) for path in sorted((folder / view).iterdir())]


def alphas(folder: Path) -> list[Image]:
    return [read_levels(path).astype(np.uint8) for path in sorted((folder / "pha").iterdir())]


def test_clips_lie_in_the_layout_of_the_published_sets(material: Path) -> None:
    folder = compose(material)

    for name in ("0000", "0001"):
        for view in VIEWS:
            files = sorted((folder / name / view).iterdir())
            assert [file.name for file in files] == [f"{n:04d}.png" for n in range(5)]
            assert all(read_image(file).shape == (SIZE[1], SIZE[0], 3) for file in files)
        assert read_image(folder / name / "plate.png").shape == (SIZE[1], SIZE[0], 3)
    index = json.loads((folder / "clips.json").read_text())
    assert {clip["background"] for clip in index["clips"].values()} == {"kitchen.jpg", "hall.jpg"}
    assert {tuple(clip["foregrounds"]) for clip in index["clips"].values()} == {("ann.png",), ("bob.png",)}


def test_the_picture_is_what_its_alpha_colours_and_background_make(material: Path) -> None:
    folder = compose(material, "--persons", "2", "--brightness", "0.3")

    for name in ("0000", "0001"):
        for com, pha, fgr, bgr in zip(*(pictures(folder / name, view) for view in VIEWS), strict=True):
            share = pha / 255
            assert np.abs(com - (share * fgr + (1 - share) * bgr)).max() <= 0.51
            assert pha.max() == 255
            assert not fgr[pha == 0].any()


def test_the_same_seed_makes_the_same_bytes(material: Path) -> None:
    options = ("--persons", "2", "--plate_noise", "4", "--plate_shift", "2", "--brightness", "0.1")
    sets = [compose(material, "--seed", seed, *options, output=name) for seed, name in ((7, "a"), (7, "b"), (8, "c"))]

    contents = [
        {file.relative_to(folder): file.read_bytes() for file in sorted(folder.rglob("*.*"))} for folder in sets
    ]
    assert contents[0] == contents[1]
    assert contents[0].keys() == contents[2].keys()
    assert contents[0] != contents[2]


def test_more_clips_leave_the_first_ones_as_they_are(material: Path) -> None:
    few, more = compose(material, output="few"), compose(material, "--clips", "3", output="more")

    for file in (few / "0001").rglob("*.png"):
        assert file.read_bytes() == (more / file.relative_to(few)).read_bytes()


def test_the_plate_is_the_empty_scene_of_the_first_frame(material: Path) -> None:
    options = {
        "exact": (),
        "moved": ("--plate_shift", 3),
        "noisy": ("--plate_noise", 5),
        "dark": ("--plate_gain", 0.75),
    }
    folders = {name: compose(material, *given, "--clips", "1", output=name) for name, given in options.items()}
    plates = {name: read_image(folder / "0000" / "plate.png") for name, folder in folders.items()}
    scene = read_image(folders["exact"] / "0000" / "bgr" / "0000.png")

    assert np.array_equal(plates["exact"], scene)
    assert np.abs(plates["dark"] - 0.75 * scene).max() <= 0.5
    assert np.std(plates["noisy"].astype(float) - scene) == pytest.approx(5, rel=0.1)
    angles = np.radians(np.arange(0, 360, 5))
    around = [difference(plates["moved"], scene, 3 * np.cos(angle), 3 * np.sin(angle)) for angle in angles]
    assert min(around) < 0.15 * difference(plates["moved"], scene, 0, 0)


def difference(plate: Image, scene: Image, right: float, down: float) -> float:
    """Of the plate from the scene moved by so much, away from the borders."""
    moved = cv2.warpAffine(scene, np.array([[1, 0, right], [0, 1, down]], float), SIZE)
    return float(np.abs(moved.astype(float) - plate)[4:-4, 4:-4].mean())


def test_webcams_see_upper_bodies(material: Path) -> None:
    folder = compose(material, "--full_body", 0, "--clips", "4", "--frames", "40")

    for name in ("0000", "0001", "0002", "0003"):
        for pha in alphas(folder / name):
            assert (pha[-1] > 127).sum() > SIZE[0] * 0.1
            assert not pha[0].any()


def test_full_bodies_stand_in_the_frame(material: Path) -> None:
    folder = compose(material, "--full_body", 1, "--motion", 0, "--clips", "4", "--frames", "1")

    for name in ("0000", "0001", "0002", "0003"):
        rows = np.flatnonzero(alphas(folder / name)[0].max(axis=1) > 127)
        assert rows.min() > 0
        assert rows.max() < SIZE[1] - 1
        assert 0.55 < np.ptp(rows) / SIZE[1] < 0.95


def test_who_is_cut_off_below_never_floats(material: Path) -> None:
    for name in ("ann", "bob"):
        photograph, alpha = figure(legs=140)
        save(material / "people" / f"{name}.png", photograph)
        save(material / "alphas" / f"{name}.png", alpha)

    folder = compose(material, "--motion", 2, "--clips", "4", "--frames", "60", "--full_body", 1)

    for name in ("0000", "0001", "0002", "0003"):
        assert all((pha[-1] > 127).sum() > SIZE[0] * 0.08 for pha in alphas(folder / name))


def test_the_old_background_is_taken_out_of_soft_edges(material: Path) -> None:
    taken_out = compose(material, "--clips", "1", output="out")
    left_in = compose(material, "--clips", "1", "--pure", output="in")

    greens = []
    for folder in (taken_out, left_in):
        pha, fgr = alphas(folder / "0000")[0], pictures(folder / "0000", "fgr")[0]
        greens.append(float(fgr[(pha > 50) & (pha < 200)][:, 1].mean()))
    assert greens[0] == pytest.approx(PERSON_BGR[1], abs=12)
    assert greens[1] > PERSON_BGR[1] + 30


def test_pictures_bring_their_own_alpha(material: Path) -> None:
    photograph, alpha = figure()
    save(material / "cut" / "ann.png", np.dstack([photograph, alpha]))

    arguments = ["--foregrounds", material / "cut", "--backgrounds", material / "rooms", "-o", material / "rgba"]
    assert main(["compose", *map(str, arguments), "--frames", "1", "--clips", "1", "--size", "96x64"]) == 0
    with_alpha_apart = compose(material, "--frames", "1", "--clips", "1")

    one, other = (alphas(folder / "0000")[0] for folder in (material / "rgba", with_alpha_apart))
    assert np.array_equal(one, other)


def test_camera_and_person_move_smoothly_and_apart(material: Path) -> None:
    still = compose(material, "--motion", 0, "--clips", "1", output="still")
    moving = compose(material, "--motion", 1, "--clips", "1", "--frames", "60", output="moving")

    for view in VIEWS:
        assert all(
            np.array_equal(picture, pictures(still / "0000", view)[0]) for picture in pictures(still / "0000", view)
        )
    for view in ("bgr", "pha"):
        shown = [picture.astype(float) for picture in pictures(moving / "0000", view)]
        steps = [np.abs(after - before).mean() for before, after in pairwise(shown)]
        farthest = max(np.abs(picture - shown[0]).mean() for picture in shown)
        assert 0 < max(steps) < farthest / 3


def test_frames_of_clips_and_videos_go_on_and_begin_again(material: Path) -> None:
    """Folders of frames whose colours tell their number, shorter than the clip that is made of them."""
    photograph, alpha = figure()
    frames = [np.where(alpha[..., np.newaxis] > 0, np.full_like(photograph, 60 * n), 0) for n in (1, 2, 3)]
    write_images(material / "moving" / "walk", frames)
    write_images(material / "mattes" / "walk", [cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR)] * 3)
    for room in (material / "rooms").iterdir():
        room.unlink()
    write_images(material / "rooms" / "drive", [np.full((90, 160, 3), 50 * n, np.uint8) for n in (1, 2)])

    folder = compose(
        material, "--alphas", material / "mattes", "--motion", 0, "--clips", "1", "--pure", people="moving"
    )

    solid = alphas(folder / "0000")[0] == 255
    assert [int(np.median(fgr[solid])) for fgr in pictures(folder / "0000", "fgr")] == [60, 120, 180, 60, 120]
    assert [int(bgr.mean()) for bgr in pictures(folder / "0000", "bgr")] == [50, 100, 50, 100, 50]


def test_videos_are_taken_too(material: Path) -> None:
    photograph, alpha = figure()
    (material / "films").mkdir()
    (material / "mattes").mkdir()
    write_video(material / "films" / "walk.mp4", [photograph] * 3)
    write_video(material / "mattes" / "walk.mp4", [cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR)] * 3)

    folder = compose(material, "--alphas", material / "mattes", "--clips", "1", people="films")

    assert all(pha.max() == 255 for pha in alphas(folder / "0000"))
    assert np.median(pictures(folder / "0000", "fgr")[0][alphas(folder / "0000")[0] == 255], axis=0) == pytest.approx(
        PERSON_BGR, abs=12
    )


def test_photographs_that_cut_people_at_the_side_are_left_out(
    material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph, alpha = figure()
    save(material / "people" / "ann.png", photograph[:, 35:].copy())
    save(material / "alphas" / "ann.png", alpha[:, 35:].copy())

    index = json.loads((compose(material) / "clips.json").read_text())
    assert [clip["foregrounds"] for clip in index["clips"].values()] == [["bob.png"], ["bob.png"]]

    save(material / "people" / "bob.png", photograph[:, 35:].copy())
    save(material / "alphas" / "bob.png", alpha[:, 35:].copy())
    assert "everybody is cut off" in failure(capsys, *basic(material, "other"))


def basic(material: Path, output: str) -> list[object]:
    folders = ["--foregrounds", material / "people", "--alphas", material / "alphas", "--backgrounds"]
    return [*folders, material / "rooms", "-o", material / output, "--frames", "4"]


def test_what_does_not_belong_together_is_said_in_one_line(material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (material / "alphas" / "bob.png").unlink()
    assert "bob.png: " in (line := failure(capsys, *basic(material, "one")))
    assert "has no alpha of that name" in line

    save(material / "alphas" / "bob.png", np.zeros((50, 40), np.uint8))
    assert "80×120 and its alpha 40×50" in failure(capsys, *basic(material, "two"), "--clips", "2")

    save(material / "alphas" / "bob.png", np.zeros((120, 80), np.uint8))
    assert "nobody in it" in failure(capsys, *basic(material, "three"), "--clips", "2")

    assert "not an image with transparency" in failure(
        capsys, "--foregrounds", material / "people", "--backgrounds", material / "rooms", "-o", material / "four"
    )
    (material / "empty").mkdir()
    arguments = basic(material, "five")
    arguments[arguments.index(material / "rooms")] = material / "empty"
    assert "empty: a folder without images" in failure(capsys, *arguments)
    assert "not an empty folder" in failure(capsys, *basic(material, "people"))


def test_clips_and_alphas_of_two_lengths_are_refused(material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photograph, alpha = figure()
    write_images(material / "moving" / "walk", [photograph] * 3)
    write_images(material / "mattes" / "walk", [cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR)] * 2)

    arguments = basic(material, "set")
    arguments[1], arguments[3] = material / "moving", material / "mattes"
    assert "mattes/walk: ends after 2 frames" in failure(capsys, *arguments)


def test_the_command_as_users_run_it(material: Path) -> None:
    command = [sys.executable, "-m", "model_tools", "compose", *map(str, basic(material, "set")), "--clips", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert run.returncode == 0, run.stderr
    assert len(list((material / "set" / "0000" / "com").iterdir())) == 4
    assert read_image(material / "set" / "0000" / "com" / "0000.png").shape == (360, 640, 3)


def test_a_camera_that_stands_still_sees_the_plate_behind_people_that_move(material: Path) -> None:
    folder = compose(material, "--camera_motion", 0, "--clips", "1", "--frames", "20") / "0000"
    plate = read_image(folder / "plate.png")
    rooms = [read_image(path) for path in sorted((folder / "bgr").iterdir())]
    alphas = [read_image(path) for path in sorted((folder / "pha").iterdir())]
    assert all(np.array_equal(room, plate) for room in rooms)
    assert not np.array_equal(alphas[0], alphas[-1])


def test_scenes_can_be_empty(material: Path) -> None:
    folder = compose(material, "--persons", "0", "--clips", "1", output="empty") / "0000"
    assert not any(read_image(path).any() for path in folder.glob("pha/*.png"))
    assert read_image(folder / "com/0000.png").any()
