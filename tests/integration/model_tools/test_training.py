"""Training: the same clips whenever they are asked for, losses as written down, runs that go on where they stopped."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from model_tools.__main__ import main
from model_tools.compose.placement import Outline
from model_tools.train.data.clips import HARDEST, NOBODY, ClipSettings, ComposedClips, Extras
from model_tools.train.data.composition import Mix
from model_tools.train.data.material import Material, PeopleSource, load_backgrounds, load_people, number_of
from model_tools.train.data.scenes import HUNG, STOOD, draw_scene
from model_tools.train.losses import alpha_losses, coherence_loss, foreground_losses, laplacian_loss, presence_losses
from tests.support.media import write_video
from tests.support.networks import red_is_alpha

Train = Callable[..., int]
CONFIG = """
network = "clean_plate"
save_every = 2
[data]
backgrounds = ["rooms"]
backgrounds_range = [-1, 2]
unseen_backgrounds = [2, 4]
[[data.people]]
folder = "people"
numbers = [0, 4]
[[data.unseen]]
folder = "people"
numbers = [4, 6]
[[stages]]
name = "first"
steps = {first}
frames = 2
batch = 2
sizes = [[64, 64], [96, 64]]
rate = 1e-3
warm_up = 2
[stages.mix]
photograph = 0
composed = 1
empty = 0
hard = 0
[[stages]]
name = "second"
steps = 2
frames = 1
batch = 2
sizes = [[64, 64]]
rate = 1e-3
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six grey people with white heads, four striped rooms."""
    for folder in ("people/images", "people/alpha", "rooms"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(6):
        picture, alpha = np.full((120, 80, 3), (60, 90, 40 + 20 * number), np.uint8), np.zeros((120, 80), np.uint8)
        for image, colour in ((picture, (120, 120, 120)), (alpha, (255,))):
            cv2.rectangle(image, (25, 40), (55, 115), colour, -1)
            cv2.circle(image, (40, 25), 15, colour if image is alpha else (240, 240, 240), -1)
        cv2.imwrite(str(tmp_path / f"people/images/{number:04}.png"), picture)
        cv2.imwrite(str(tmp_path / f"people/alpha/{number:04}.png"), alpha)
    for number in range(4):
        room = np.zeros((90, 120, 3), np.uint8)
        room[:, ::8] = (200, 30 * number, 90)
        cv2.imwrite(str(tmp_path / f"rooms/room_{number}_bath.png"), room)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def clips_of(data: Path, mix: Mix, seed: int = 3) -> ComposedClips:
    settings = ClipSettings(frames=3, sizes=[(96, 64), (64, 96)], batch=2, seed=seed, mix=mix)
    return ComposedClips(material_of(data), 20, settings)


def material_of(data: Path) -> Material:
    people = load_people(PeopleSource(str(data / "people"), numbers=(0, 4)))
    return Material(people, [1.0] * len(people), load_backgrounds(data / "rooms", (0, 4)))


def run(data: Path, output: str, first: int = 4, options: tuple[str, ...] = ()) -> int:
    (data / "config.toml").write_text(CONFIG.format(first=first))
    return main(["train", "--config", "config.toml", "--output", output, "--threads", "1", "--workers", "0", *options])


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(path / "checkpoint.pt", weights_only=True)["average"])


def test_a_clip_is_the_same_whenever_it_is_asked_for(data: Path) -> None:
    one, other = clips_of(data, Mix()), clips_of(data, Mix())
    for index in (7, 3, 7):
        for name in ("src", "foreground", "alpha", "plate"):
            assert torch.equal(getattr(one[index], name), getattr(other[index], name))
    assert not torch.equal(one[3].src, clips_of(data, Mix(), seed=4)[3].src)


def test_clips_have_the_shapes_and_ranges_that_they_say(data: Path) -> None:
    clips = clips_of(data, Mix())
    for index in range(len(clips)):
        clip = clips[index]
        width, height = [(96, 64), (64, 96)][index // 2 % 2]
        assert clip.src.shape == clip.foreground.shape == clip.plate.shape == (3, 3, height, width)
        assert clip.alpha.shape == (3, 1, height, width)
        for values in (clip.src, clip.foreground, clip.alpha, clip.plate):
            assert float(values.min()) >= 0
            assert float(values.max()) <= 1


def test_nobody_is_in_an_empty_clip(data: Path) -> None:
    clips = clips_of(data, Mix(photograph=0, composed=0, empty=1))
    assert all(float(clips[index].alpha.max()) == 0 for index in range(6))
    assert all(int(clips[index].person) == NOBODY for index in range(6))


def test_somebody_is_in_photographs_and_in_most_others(data: Path) -> None:
    """A view may show an edge of a photograph, a person in a composed clip may stand half outside."""
    for mix, least in ((Mix(photograph=1, composed=0, empty=0), 0.8), (Mix(photograph=0, composed=1, empty=0), 0.8)):
        clips = clips_of(data, mix)
        assert np.mean([float(clips[index].alpha.mean()) > 0.005 for index in range(20)]) >= least


def test_where_the_person_is_opaque_the_frame_has_their_colours(data: Path) -> None:
    """Up to what the camera does to the picture: blur, noise and a codec."""
    clips = clips_of(data, Mix(photograph=0, composed=1, empty=0, crowd=0, covered=0))
    apart = []
    for index in range(20):
        clip = clips[index]
        inside = (clip.alpha == 1).expand_as(clip.src)
        apart += [float((clip.src - clip.foreground)[inside].abs().mean())] if inside.any() else []
    assert np.median(apart) < 0.05


def test_what_no_network_asks_for_is_not_made(data: Path) -> None:
    extras = Extras(foreground=False, plate=False)
    clips = ComposedClips(
        material_of(data), 2, ClipSettings(frames=2, sizes=[(96, 64)], batch=2, seed=3, extras=extras)
    )
    assert clips[0].foreground.shape == clips[0].plate.shape == (2, 3, 0, 0)


def test_people_with_a_large_loss_are_drawn_more_often(data: Path) -> None:
    material = material_of(data)
    losses = torch.tensor([0.1, 0.1, 0.1, 30.0])
    mix = Mix(photograph=1, composed=0, empty=0, hard=1)
    clips = ComposedClips(material, 400, ClipSettings(frames=1, sizes=[(64, 64)], batch=2, seed=1, mix=mix), losses)
    drawn = np.bincount([int(clips[index].person) for index in range(400)], minlength=4) / 400
    weights = np.array([0.1, 0.1, 0.1, 30.0])
    weights = np.minimum(weights / weights.mean(), HARDEST)
    assert drawn == pytest.approx(weights / weights.sum(), abs=0.08)


def test_a_cut_joins_two_clips(data: Path) -> None:
    clips = clips_of(data, Mix(cut=1, photograph=0, composed=0, empty=1))
    changes = [(clips[index].src[1:] - clips[index].src[:-1]).abs().mean((1, 2, 3)) for index in range(12)]
    assert np.mean([float(change.max()) > 3 * float(change.min()) + 0.02 for change in changes]) > 0.6


def test_screens_posters_and_columns_are_in_many_rooms() -> None:
    rooms = [np.full((90, 160, 3), shade, np.uint8) for shade in (60, 90)]
    before = [room.copy() for room in rooms]
    scenes = [draw_scene(np.random.default_rng(seed), rooms) for seed in range(200)]
    changed = [np.ptp(scene) > 0 for scene in scenes]
    assert np.mean(changed) == pytest.approx(1 - (1 - HUNG) * (1 - STOOD), abs=0.1)
    assert all(np.array_equal(room, was) for room, was in zip(rooms, before, strict=True))
    covered = [np.mean(np.ptp(scene, 2) > 0) for scene, hung in zip(scenes, changed, strict=True) if hung]
    assert all(share < 0.9 for share in covered)


def test_numbers_in_names_decide_what_is_held_out() -> None:
    names = ("0012.jpg", "room_12_bath.jpg", "wall_b09db198_Hill.jpg", "beach.png")
    assert [number_of(Path(name)) for name in names] == [12, 12, -1, -1]


def naive_laplacian(error: np.ndarray, levels: int) -> float:
    """By OpenCV's own pyramid, level by level."""
    total = 0.0
    for level in range(levels):
        smaller = cv2.pyrDown(error)
        total += 2**level * float(np.abs(error - cv2.pyrUp(smaller, dstsize=error.shape[::-1])).mean()) / 5
        error = smaller
    return total


def test_the_laplacian_loss_is_that_of_opencv_s_pyramid() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.random((2, 64, 96), np.float32)
    found = float(laplacian_loss(torch.from_numpy(one)[None, None], torch.from_numpy(other)[None, None]))
    # The borders of an enlarged picture are made up in another way: inside they are the same.
    assert found == pytest.approx(naive_laplacian(one - other, 4), rel=0.05)


def test_losses_are_none_for_the_truth_and_count_what_is_wrong() -> None:
    alpha, foreground = torch.rand(2, 3, 1, 64, 64), torch.rand(2, 3, 3, 64, 64)
    losses = alpha_losses(alpha, alpha) | foreground_losses(foreground, foreground, alpha)
    assert all(float(loss) == 0 for loss in losses.values())
    off = alpha_losses((alpha - 0.5) * 0, torch.ones_like(alpha))
    assert float(off["alpha_l1"]) == 1
    assert float(off["alpha_coherence"]) == 0
    flicker = torch.zeros(1, 2, 1, 4, 4)
    flicker[:, 1] = 0.5
    assert float(coherence_loss(flicker, torch.zeros_like(flicker))) == 0.25


def test_a_small_person_who_is_missed_counts_as_much_as_a_large_one() -> None:
    """Dice, by hand: nothing in common, 1 - 1 / (area + 1)."""
    for side, expected in ((2, 1 - 1 / 5), (4, 1 - 1 / 17)):
        mask = torch.zeros(1, 1, 64, 64)
        mask[..., : 8 * side, : 8 * side] = 1
        losses = presence_losses(torch.full((1, 1, 8, 8), -30.0), mask)
        assert float(losses["presence_dice"]) == pytest.approx(expected, abs=1e-4)
        assert float(losses["presence_entropy"]) == pytest.approx(30 * side * side / 64, rel=1e-4)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(data, "whole") == 0
    steps = iter(range(3))
    import model_tools.train.train as module

    original = module.step

    def interrupted(*arguments: object) -> dict[str, float]:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "step", interrupted)
    assert run(data, "parts") == 1
    monkeypatch.undo()
    monkeypatch.chdir(data)
    assert run(data, "parts") == 0
    whole, parts = weights(data / "whole"), weights(data / "parts")
    assert whole.keys() == parts.keys()
    # Sums may be taken in another order, which the optimizer's first steps enlarge: the most part must agree.
    apart = torch.cat([(whole[name].float() - parts[name].float()).abs().flatten() for name in whole])
    assert float(apart.mean()) < 1e-6
    assert float((apart < 1e-6).float().mean()) > 0.9


def test_the_average_is_kept_in_half_precision(data: Path) -> None:
    assert run(data, "run", first=2) == 0
    kept = torch.load(data / "run/average.pt", weights_only=True)
    assert kept["step"] == 4
    whole = weights(data / "run")
    assert kept["average"].keys() == whole.keys()
    for name, weight in whole.items():
        torch.testing.assert_close(
            kept["average"][name].float(), weight.float(), atol=1e-3, rtol=1e-3, check_dtype=False
        )
    (data / "next.toml").write_text(
        CONFIG.format(first=2).replace("save_every", 'start = "run/average.pt"\nsave_every')
    )
    assert main(["train", "--config", "next.toml", "--output", "next", "--workers", "0"]) == 0


def test_a_run_writes_a_log_and_curves(data: Path) -> None:
    assert run(data, "run") == 0
    with (data / "run/log.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["step", "name", "value"]
    assert [row[0] for row in rows if row[1] == "validation iou"] == ["2", "4", "6"]
    picture = (data / "run/log.svg").read_text()
    assert re.search(r"<polyline[^>]+points=\"[\d., ]+\"", picture)
    assert "validation mad" in picture


@pytest.mark.parametrize("precision", [(), ("--bfloat16",)])
def test_training_makes_the_alphas_better(data: Path, precision: tuple[str, ...]) -> None:
    assert run(data, "run", first=40, options=precision) == 0
    with (data / "run/log.csv").open() as file:
        errors = [float(row[2]) for row in list(csv.reader(file))[1:] if row[1] == "validation mad"]
    assert errors[-1] < 0.8 * errors[0]


def test_bad_input_is_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = CONFIG.format(first=2)
    for word, text in (
        ("no TOML", "network = "),
        ("unknown speed", good.replace("[data]", "speed = 3\n[data]")),
        ("missing", good.replace("rate = 1e-3", "")),
        ("expected one of", good.replace('"clean_plate"', '"large"')),
        ("no such folder", good.replace('["rooms"]', '["halls"]')),
        ("nothing to train on", good.replace("numbers = [0, 4]", "numbers = [10, 14]")),
        ("too many values", good.replace("sizes = [[64, 64]]", "sizes = [[64, 64, 3]]")),
        ("not iterable", good.replace("sizes = [[64, 64]]", "sizes = 64")),
        ("not text in UTF-8", good.replace("second", "zw\xf6lfte")),
    ):
        (data / "config.toml").write_text(text, encoding="latin-1")
        assert main(["train", "--config", "config.toml", "--output", "bad"]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("model_tools train: error: ")
        assert word in line
    assert main(["train", "--config", "none.toml", "--output", "bad"]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_a_photograph_without_alpha_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "people/alpha/0002.png").unlink()
    assert run(data, "bad") == 1
    assert "0002.png" in capsys.readouterr().err


def test_people_keep_their_outline(data: Path) -> None:
    person = load_people(PeopleSource(str(data / "people"), numbers=(0, 1)))[0]
    assert person.outline == Outline(25, 10, 56, 116, (80, 120))


def test_the_frames_of_a_clip_are_one_person(data: Path) -> None:
    (data / "clips").mkdir()
    (data / "people").rename(data / "clips/walk")
    (person,) = load_people(PeopleSource(str(data / "clips"), clips=True), largest_px=60)
    assert len(person.looks) == 6
    assert person.looks[0].photograph.shape == (60, 40, 3)


def test_another_network_labels_clips_and_photographs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A network whose alpha is what is red: of photographs, those where this is the same at two sizes."""
    model = red_is_alpha(tmp_path / "red.onnx")
    (tmp_path / "photographs").mkdir()
    half = np.zeros((400, 400, 3), np.uint8)
    half[:, :200, 2] = 255
    cv2.imwrite(str(tmp_path / "photographs/half.png"), half)
    cv2.imwrite(str(tmp_path / "photographs/nobody.png"), np.zeros((400, 400, 3), np.uint8))
    write_video(tmp_path / "clip.mp4", [half[:96, 150:278]] * 5)
    words = ["--model", str(model), "--output", str(tmp_path / "labelled"), "--input"]
    assert main(["label", *words, str(tmp_path / "photographs"), str(tmp_path / "clip.mp4")]) == 0
    assert [path.name for path in (tmp_path / "labelled/images").iterdir()] == ["half.jpg"]
    (person,) = load_people(PeopleSource(str(tmp_path / "labelled")))
    assert person.outline == Outline(0, 0, 200, 400, (400, 400))
    (clip,) = load_people(PeopleSource(str(tmp_path / "labelled"), begins=("clip",), clips=True))
    assert len(clip.looks) == 3
    assert main(["label", *words, str(tmp_path / "none.mp4")]) == 1
    assert "none.mp4" in capsys.readouterr().err
