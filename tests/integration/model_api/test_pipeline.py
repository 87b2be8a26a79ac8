"""Order, state and backgrounds, with networks whose answers can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino._offline_transformations import apply_make_stateful_transformation

from background_subtraction.image_files import read_image
from model_api import AsyncPipeline, Frame, InferenceOptions, MattingModel, create_model
from model_api.mattes.levels_matte import WholeMatte
from model_api.results import Result, StageTimes
from tests.conftest import RunDemo
from tests.support.media import HEIGHT, WIDTH, indexed, indexed_frames, write_images
from tests.support.networks import STATE_STEP

FRAMES = 200
REQUESTS = (1, 2, 4, 8)


def counts_seen(model: MattingModel, frames: Iterator[Frame]) -> list[float]:
    return [float(result.matte.alpha.max()) / STATE_STEP for result in AsyncPipeline(model).run(frames)]


@pytest.mark.parametrize("requests", REQUESTS)
def test_every_frame_sees_the_state_of_the_frame_before(models: Path, requests: int) -> None:
    with create_model(models / "counting.onnx", inference=InferenceOptions(requests=requests)) as model:
        results = list(AsyncPipeline(model).run(indexed_frames(FRAMES)))
    assert [result.frame.index for result in results] == list(range(FRAMES))
    for index, result in enumerate(results):
        colours = result.matte.foreground[0, 0]
        assert result.matte.alpha.min() == result.matte.alpha.max() == np.float32(index * STATE_STEP)
        assert colours[0] == index  # this frame's own blue
        assert colours[2] == max(index - 1, 0)  # the state: blue of the frame before


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize("name", ["counting", "red"])
def test_results_among_the_frames_come_out_in_their_places(
    models: Path, name: str, requests: int, newest: bool
) -> None:
    """They are not computed: the state of a recurrent network passes them by."""
    frames = list(indexed_frames(60))
    known = {index for index in range(60) if index % 7 in (0, 3, 4, 5)}
    with create_model(models / f"{name}.onnx", inference=InferenceOptions(requests=requests)) as model:
        given = [
            Result(frame, WholeMatte(frame.picture), StageTimes(0, 0, 0), 0.0) if frame.index in known else frame
            for frame in frames
        ]
        results = list(AsyncPipeline(model, newest=newest).run(given))
    assert [result.frame for result in results] == frames
    assert all((result is item) == (item is not result.frame) for result, item in zip(results, given, strict=True))
    computed = [float(result.matte.alpha[0, -1]) for result in results if result.frame.index not in known]
    if name == "counting":
        assert computed == [np.float32(count * STATE_STEP) for count in range(len(computed))]


def test_results_do_not_pile_up_behind_a_frame_that_is_computed(models: Path) -> None:
    taken = []

    def given() -> Iterator[Frame | Result]:
        for frame in indexed_frames(50):
            taken.append(frame.index)
            yield frame if not frame.index else Result(frame, WholeMatte(frame.picture), StageTimes(0, 0, 0), 0.0)

    with create_model(models / "red.onnx", inference=InferenceOptions(requests=4)) as model:
        for result in AsyncPipeline(model).run(given()):
            assert len(taken) - result.frame.index <= 5 + 1


@pytest.mark.parametrize("requests", [None, *REQUESTS])
def test_stateless_results_are_in_order_with_their_own_alpha(models: Path, requests: int | None) -> None:
    with create_model(models / "red.onnx", inference=InferenceOptions(requests=requests)) as model:
        results = list(AsyncPipeline(model).run(indexed_frames(FRAMES)))
    assert [result.frame.index for result in results] == list(range(FRAMES))
    for index, result in enumerate(results):
        np.testing.assert_allclose(result.matte.alpha[:, WIDTH // 2], index / 255, atol=1e-5)


@pytest.mark.parametrize("requests", REQUESTS)
def test_every_frame_is_over_its_own_video_background(
    models: Path, tmp_path: Path, run_demo: RunDemo, requests: int
) -> None:
    """The input's blue is its index; the background's green is the index too, so a composite shows both."""
    write_images(tmp_path / "in", (indexed(index) for index in range(FRAMES)))
    write_images(tmp_path / "bgr", (np.full((HEIGHT, WIDTH, 3), (0, n, 0), np.uint8) for n in range(FRAMES)))
    done = run_demo(
        "-m", models / "red.onnx", "-i", tmp_path / "in", "--target_bgr", tmp_path / "bgr",
        "-nireq", requests, "-o", tmp_path / "out_%03d.png",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"Frames: {FRAMES}" in done.stdout
    for index in range(FRAMES):
        image = read_image(tmp_path / f"out_{index:03d}.png")
        assert tuple(image[0, 0]) == (index, 0, 255)  # the person
        assert tuple(image[0, -1]) == (0, index, 0)  # the background of this frame


def test_the_state_begins_anew_with_each_clip(models: Path) -> None:
    frames = (Frame(n, indexed(n), clip=n // 5) for n in range(15))
    with create_model(models / "counting.onnx") as model:
        assert counts_seen(model, frames) == [0, 1, 2, 3, 4] * 3


def test_the_state_begins_anew_when_the_size_changes(models: Path) -> None:
    sizes = [(64, 48)] * 3 + [(80, 40)] * 3 + [(64, 48)] * 2
    frames = (Frame(n, indexed(n, *size)) for n, size in enumerate(sizes))
    with create_model(models / "counting_dynamic.onnx") as model:
        assert counts_seen(model, frames) == pytest.approx([0, 1, 2, 0, 1, 2, 0, 1])


@pytest.mark.parametrize("size", [(64, 48), (79, 43), (33, 120)])
def test_the_dynamic_contract_takes_any_size(models: Path, size: tuple[int, int]) -> None:
    width, height = size
    with create_model(models / "counting_dynamic.onnx") as model:
        results = list(AsyncPipeline(model).run(indexed_frames(4, width=width, height=height)))
    assert [result.matte.alpha.shape for result in results] == [(height, width)] * 4
    assert [round(float(result.matte.alpha[0, 0]) / STATE_STEP) for result in results] == [0, 1, 2, 3]


def film(*scenes: int, frames: int = 5) -> Iterator[Frame]:
    """Of each scene some frames: a picture of random tiles, another one for each number."""
    for n, scene in enumerate(number for number in scenes for _ in range(frames)):
        tiles = np.random.default_rng(scene).integers(0, 200, (6, 8, 3), np.uint8)
        yield Frame(n, tiles.repeat(8, axis=0).repeat(8, axis=1))


def flashed(frames: Iterator[Frame], *indices: int) -> Iterator[Frame]:
    for frame in frames:
        gain = 1.8 if frame.index in indices else 1.0
        yield replace(frame, picture=cv2.convertScaleAbs(frame.image, alpha=gain))


def test_the_state_begins_anew_at_a_cut(models: Path) -> None:
    with create_model(models / "counting.onnx") as model:
        assert counts_seen(model, film(1, 2, 1)) == [0, 1, 2, 3, 4] * 3
        newest = AsyncPipeline(model, newest=True).run(film(1, 2))
        assert [float(result.matte.alpha.max()) / STATE_STEP for result in newest] == [0, 1, 2, 3, 4] * 2


def test_a_flash_is_no_cut(models: Path) -> None:
    with create_model(models / "counting.onnx") as model:
        assert counts_seen(model, flashed(film(1, 1), 4, 5)) == list(range(10))


def test_cuts_may_be_left_alone(models: Path) -> None:
    with create_model(models / "counting.onnx") as model:
        results = AsyncPipeline(model, scene_cuts=False).run(film(1, 2))
        assert [float(result.matte.alpha.max()) / STATE_STEP for result in results] == list(range(10))


@pytest.mark.parametrize(("options", "level"), [((), 0), (("--no_scene_cuts",), 5)])
def test_a_cut_on_the_command_line(
    models: Path, tmp_path: Path, run_demo: RunDemo, options: tuple[str, ...], level: int
) -> None:
    """The counting model's alpha is 20/1024 in frame 20 where the state went on."""
    write_images(tmp_path / "in", (frame.image for frame in film(1, 2, frames=20)))
    command = ("-m", models / "counting.onnx", "-i", tmp_path / "in", "--output_alpha", tmp_path / "a_%02d.png")
    done = run_demo(*command, *options)
    assert done.returncode == 0, done.stderr
    assert read_image(tmp_path / "a_20.png").max() == level


def test_a_model_with_its_state_inside_gives_the_same(models: Path, tmp_path: Path) -> None:
    network = ov.Core().read_model(models / "counting.onnx")
    apply_make_stateful_transformation(network, {f"r{n}": f"rr{n}" for n in (1, 2, 3, 4)})
    ov.save_model(network, tmp_path / "stateful.xml", compress_to_fp16=False)
    assert "ReadValue" in (tmp_path / "stateful.xml").read_text()
    with create_model(tmp_path / "stateful.xml") as model:
        assert model.recurrent
        assert counts_seen(model, iter(indexed_frames(20))) == list(range(20))


def test_mattes_stay_valid_when_all_are_kept(models: Path) -> None:
    """Nothing overwrites what was handed out: results may be collected before they are used."""
    with create_model(models / "red.onnx") as model:
        results = list(AsyncPipeline(model).run(indexed_frames(50)))
    assert len({round(float(result.matte.alpha[0, WIDTH // 2]) * 255) for result in results}) == 50


def test_times_belong_to_their_own_frame(models: Path) -> None:
    with create_model(models / "red.onnx", inference=InferenceOptions(requests=4)) as model:
        results = list(AsyncPipeline(model).run(indexed_frames(20)))
    started = [result.started_s for result in results]
    assert started == sorted(started)
    assert all(result.times.inference_s > 0 and result.times.preprocessing_s > 0 for result in results)


def test_timestamps_reach_the_result(models: Path) -> None:
    with create_model(models / "red.onnx") as model:
        times = [result.frame.timestamp_s for result in AsyncPipeline(model).run(indexed_frames(3))]
    assert times == [Fraction(0), Fraction(1, 30), Fraction(2, 30)]
