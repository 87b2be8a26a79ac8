"""Masks, picture and presets on the command line: files go the same way as a camera's frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from background_subtraction.image_files import read_image
from tests.conftest import RunDemo, one_line
from tests.support.media import HEIGHT, WIDTH, indexed, write_images

COUNT = 4


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images, and no presets of the user who runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return write_images(tmp_path / "in", (indexed(255 * (n % 2)) for n in range(COUNT)))


def composites(run_demo: RunDemo, models: Path, clip: Path, *options: object) -> list[np.ndarray]:
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "o_%d.png", "--target_bgr", "0,0,9", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return [read_image(clip.parent / f"o_{index}.png") for index in range(COUNT)]


def test_the_input_as_it_is(run_demo: RunDemo, models: Path, clip: Path) -> None:
    for index, image in enumerate(composites(run_demo, models, clip, "--target_bgr", "none")):
        np.testing.assert_array_equal(image, indexed(255 * (index % 2)))


def test_mirrored(run_demo: RunDemo, models: Path, clip: Path) -> None:
    plain = composites(run_demo, models, clip)
    mirrored = composites(run_demo, models, clip, "--mirror")
    assert not np.array_equal(plain, mirrored)
    np.testing.assert_array_equal(mirrored, [image[:, ::-1] for image in plain])


@pytest.mark.parametrize("grow", [3, -3])
def test_grown_and_cut(run_demo: RunDemo, models: Path, clip: Path, grow: int) -> None:
    options = ("--mask-threshold", 0.5, "--mask-grow", grow)
    for index, image in enumerate(composites(run_demo, models, clip, *options)):
        right = 2 * WIDTH // 3 if index % 2 else WIDTH // 3
        np.testing.assert_array_equal(image[:, : right + grow], indexed(255 * (index % 2))[:, : right + grow])
        assert (image[:, right + grow :] == (9, 0, 0)).all()


def test_softened(run_demo: RunDemo, models: Path, clip: Path) -> None:
    done = run_demo("-m", models / "red.onnx", "-i", clip, "--output_alpha", "a_%d.png", "--mask_soften", 9)
    assert done.returncode == 0
    row = read_image(clip.parent / "a_1.png")[HEIGHT // 2, :, 0]
    assert len({*row.tolist()}) > 5
    assert (np.diff(row.astype(int)) <= 0).all()


def test_every_second_frame(run_demo: RunDemo, models: Path, clip: Path) -> None:
    first, second, third, last = composites(run_demo, models, clip, "--mask_every", 2)
    for image in (second, third, last):
        np.testing.assert_array_equal(image, first)


def test_the_person_in_the_middle(run_demo: RunDemo, models: Path, clip: Path) -> None:
    for image in composites(run_demo, models, clip, "--auto_framing", "--mask_threshold", 1)[::2]:
        person = np.flatnonzero((image[HEIGHT // 2] != (9, 0, 0)).any(axis=-1))
        assert person.size > 1.3 * (WIDTH // 3)


def test_a_preset_is_made_and_used(run_demo: RunDemo, models: Path, clip: Path) -> None:
    saved = run_demo("--save_preset", "call", "--target_bgr", "1,2,3", "--mirror", "-m", models / "red.onnx")
    assert saved.returncode == 0
    assert saved.stdout.endswith("call.toml. Use it with --preset\n")
    direct = composites(run_demo, models, clip, "--target_bgr", "1,2,3", "--mirror")
    done = run_demo("--preset", "call", "-i", clip, "-o", "p_%d.png")
    assert done.returncode == 0
    for index, image in enumerate(direct):
        np.testing.assert_array_equal(read_image(clip.parent / f"p_{index}.png"), image)


def test_options_come_before_a_preset(run_demo: RunDemo, models: Path, clip: Path) -> None:
    preset = ("--save_preset", "call", "--target_bgr", "1,2,3", "--mirror", "--mask_grow", 2, "-m", "nowhere.xml")
    assert run_demo(*preset).returncode == 0
    plain = composites(run_demo, models, clip)
    others = ("--preset", "call", "--no-mirror", "--mask_grow", 0)
    np.testing.assert_array_equal(composites(run_demo, models, clip, *others), plain)


def test_a_preset_is_kept_of_a_run(run_demo: RunDemo, models: Path, clip: Path) -> None:
    composites(run_demo, models, clip, "--save_preset", "call", "--mask_grow", 2)
    composites(run_demo, models, clip, "--preset", "call", "--save_preset", "other")
    first, second = sorted(clip.parent.rglob("*.toml"))
    assert first.read_text() == second.read_text()
    assert "grow_px = 2" in first.read_text()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--preset", "nobody"), "--preset: nobody: no such preset. There are: call, damaged. Make "),
        (("--preset", "../call"), '--preset: "../call" is not a name'),
        (("--preset", "damaged"), "damaged.toml: damaged (mirrored: no such setting. Expected "),
        (("--preset",), "argument --preset: expected one argument"),
        (("--save_preset", "a/b"), '--save_preset: "a/b" is not a name'),
        (("--mask_grow", "200"), 'argument --mask_grow: "200": expected a whole number of pixels from -100 to 100'),
        (("--mask_steadiness", "1"), 'argument --mask_steadiness: "1": expected a number from 0 to 0.95'),
        (("--zoom_limit", "0.5"), 'argument --zoom_limit: "0.5": expected a number from 1 to 4'),
        (("--mask_every", "0"), 'argument --mask_every: "0": expected a whole number from 1'),
    ],
)
def test_what_is_wrong_is_one_line(
    run_demo: RunDemo, models: Path, clip: Path, options: tuple[str, ...], reason: str
) -> None:
    assert run_demo("--save_preset", "call", "-m", models / "red.onnx").returncode == 0
    (path,) = clip.parent.rglob("call.toml")
    path.with_name("damaged.toml").write_text("mirrored = true")
    done = run_demo("-m", models / "red.onnx", "-i", clip, *options)
    assert reason in one_line(done)
    assert done.returncode == 2


def test_without_an_input_nothing_runs(run_demo: RunDemo) -> None:
    assert "the following arguments are required: -i/--input/--input_source" in one_line(run_demo())
