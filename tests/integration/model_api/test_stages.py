"""A recurrent network computed in stages: the answers of one that is computed at once, frame by frame."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from background_subtraction.image_files import read_image
from background_subtraction.options import Options
from background_subtraction.run import load_model
from model_api import (
    AsyncPipeline,
    Frame,
    InferenceError,
    InferenceOptions,
    MattingModel,
    OptionError,
    ShapeError,
    create_model,
)
from model_api.mattes.levels_matte import WholeMatte
from model_api.results import Result, StageTimes
from model_api.types import Tensors
from tests.conftest import ROOT, RunDemo
from tests.support.media import indexed, write_images
from tests.support.networks_recurrent import STEP, summing_video_matting, sums

WIDTH, HEIGHT = 128, 96
STAGES = (1, 2, 3)


@pytest.fixture(scope="module")
def summing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return summing_video_matting(tmp_path_factory.mktemp("networks") / "summing.onnx", HEIGHT, WIDTH)


def in_stages(path: Path, stages: int) -> MattingModel:
    return create_model(path, inference=InferenceOptions(stages=stages, threads=4))


def frames_of(*levels: int, clip: int = 0) -> Iterator[Frame]:
    for number, level in enumerate(levels):
        yield Frame(number, indexed(level, WIDTH, HEIGHT), clip=clip)


def alphas(model: MattingModel, frames: Iterable[Frame | Result], **options: bool) -> list[float]:
    return [float(result.matte.alpha.max()) for result in AsyncPipeline(model, **options).run(frames)]


@pytest.mark.parametrize("stages", STAGES)
def test_every_frame_has_the_states_of_the_frame_before(summing: Path, stages: int) -> None:
    with in_stages(summing, stages) as model:
        results = list(AsyncPipeline(model).run(frames_of(*range(60))))
        assert model.max_requests({}) == (stages + 1 if stages > 1 else 1)
    assert [result.frame.index for result in results] == list(range(60))
    for result, expected in zip(results, sums(60), strict=True):
        assert result.matte.alpha.min() == result.matte.alpha.max() == np.float32(expected)
        assert result.matte.foreground[0, 0, 0] == result.frame.index  # this frame's own blue


@pytest.mark.parametrize("stages", STAGES)
def test_clips_and_cuts_begin_afresh(summing: Path, stages: int) -> None:
    clips = [frame for clip in range(3) for frame in frames_of(1, 2, 3, 4, clip=clip)]
    random = np.random.default_rng(3)
    tiles = [random.integers(0, 200, (6, 8, 3), np.uint8).repeat(16, axis=0).repeat(16, axis=1) for _ in range(2)]
    film = [Frame(number, tiles[number // 5]) for number in range(10)]
    with in_stages(summing, stages) as model:
        assert alphas(model, clips) == sums(4) * 3
        assert alphas(model, film) == sums(5) * 2
        assert alphas(model, film, scene_cuts=False) == sums(10)
        assert alphas(model, film, newest=True) == sums(5) * 2


@pytest.mark.parametrize("stages", STAGES)
def test_results_among_the_frames_are_passed_by(summing: Path, stages: int) -> None:
    known = {0, 1, 5, 6, 7, 11}
    given = [
        Result(frame, WholeMatte(frame.picture), StageTimes(0, 0, 0), 0.0) if frame.index in known else frame
        for frame in frames_of(*range(20))
    ]
    with in_stages(summing, stages) as model:
        results = list(AsyncPipeline(model).run(given))
    assert [result.frame.index for result in results] == list(range(20))
    computed = [float(result.matte.alpha.max()) for result in results if result.frame.index not in known]
    assert computed == sums(14)


@pytest.mark.parametrize("stages", STAGES)
def test_after_nan_the_next_frame_is_the_first_of_a_clip(tmp_path: Path, stages: int) -> None:
    """What was begun behind it, with its state, is computed again."""
    path = summing_video_matting(tmp_path / "faulty.onnx", HEIGHT, WIDTH, fault_above=0.9)
    with in_stages(path, stages) as model:
        found = alphas(model, frames_of(*[9] * 5, 255, *[9] * 20, 255, 255, *[9] * 5), scene_cuts=False)
    assert found == [*sums(5), 0, *sums(20), 0, 0, *sums(5)]


@pytest.mark.parametrize("stages", STAGES)
def test_one_frame_at_a_time(summing: Path, stages: int) -> None:
    """The call waits for its frame, and its state may be kept and given again."""
    with in_stages(summing, stages) as model:
        state: Tensors = {}
        found = []
        for _ in range(6):
            _, alpha, state = model(indexed(1, WIDTH, HEIGHT), state)
            found.append(float(alpha.max()))
        assert found == sums(6)
        with pytest.raises(ShapeError, match="begin again with None"):
            model(indexed(1, WIDTH, HEIGHT), {**state, "r1": np.zeros((1, 2, 3, 1), np.float32)})


@pytest.mark.parametrize("stages", STAGES)
def test_before_a_frame_that_cannot_be_computed_nothing_is_lost(summing: Path, stages: int) -> None:
    given: list[Any] = [*frames_of(*range(6)), "a frame", *frames_of(1)]
    found: list[int] = []
    with in_stages(summing, stages) as model, pytest.raises(OptionError, match="among them"):
        found.extend(result.frame.index for result in AsyncPipeline(model).run(given))
    assert found == list(range(6))


def test_one_thread_is_not_shared_by_stages(summing: Path) -> None:
    with create_model(summing, inference=InferenceOptions(stages=2, threads=1)) as model:
        assert model.max_requests({}) == 1
    with create_model(summing, inference=InferenceOptions(stages=2, threads=4, clips=2)) as model:
        assert model.max_requests({}) == 1


@pytest.mark.parametrize(("stages", "expected"), [(None, 3), (1, 1), (2, 3), (3, 4)])
def test_a_run_takes_the_stages_that_are_asked_for(summing: Path, stages: int | None, expected: int) -> None:
    inference = InferenceOptions(stages=stages, threads=4)
    with load_model(Options(model=str(summing), inputs=("film",), inference=inference)) as model:
        assert model.max_requests({}) == expected


def test_what_is_in_flight_may_be_left(summing: Path) -> None:
    """A run that ends early leaves frames; the next one begins afresh, and nothing keeps the program from ending."""
    code = f"""
import numpy as np
from model_api import AsyncPipeline, Frame, InferenceOptions, create_model
model = create_model({str(summing)!r}, inference=InferenceOptions(stages=2, threads=2))
frames = lambda: (Frame(n, np.zeros(({HEIGHT}, {WIDTH}, 3), np.uint8)) for n in range(50))
for _ in range(3):
    for result in AsyncPipeline(model).run(frames()):
        if result.frame.index == 4:
            break
    print(float(result.matte.alpha.max()) / {STEP})
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.split() == ["10.0"] * 3


@pytest.mark.parametrize("stages", STAGES)
def test_frames_that_were_left_do_not_stay_in_memory(summing: Path, stages: int) -> None:
    """A model may live much longer than a run that ended early. Only what the last one left may still be there."""
    with in_stages(summing, stages) as model:
        for _ in range(6):
            for result in AsyncPipeline(model).run(frames_of(*range(20))):
                if result.frame.index == 3:
                    break
        model.finish(model.start(next(frames_of(0)), {}))
        assert len(vars(model.adapter)["_running"]) <= stages + 1


def test_a_closed_model_computes_no_more(summing: Path) -> None:
    model = in_stages(summing, 2)
    tickets = [model.start(frame, {}) for frame in frames_of(*range(30))]
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("stage ")]
    assert len(threads) == 2
    model.close()
    assert not any(thread.is_alive() for thread in threads)
    with pytest.raises(InferenceError, match="cancelled"):
        model.finish(tickets[-1])


def test_a_ticket_is_no_state_where_one_frame_is_computed_at_a_time(summing: Path) -> None:
    frame = next(frames_of(1))
    with in_stages(summing, 1) as model:
        ticket = model.start(frame, {})
        with pytest.raises(OptionError, match="state: a ticket"):
            model.start(frame, ticket)


def test_the_command_computes_files_in_stages(summing: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", (frame.image for frame in frames_of(*range(30))))
    done = run_demo("-m", summing, "-i", tmp_path / "in", "--output_alpha", tmp_path / "a_%02d.png", "-nthreads", "2")
    assert done.returncode == 0, done.stderr
    for number, expected in enumerate(sums(30)):
        assert abs(int(read_image(tmp_path / f"a_{number:02d}.png").max()) - expected * 255) <= 0.5 + 1e-3


def test_an_error_of_the_device_is_said(summing: Path) -> None:
    """An image of another size than the network's reaches it where a caller fills the tensors."""
    with in_stages(summing, 2) as model:
        ticket = model.adapter.start({"src": np.zeros((1, 8, 8, 3), np.uint8)})
        with pytest.raises((InferenceError, ShapeError), match=r"src|size|shape"):
            model.adapter.wait(ticket)
