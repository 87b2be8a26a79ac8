"""The cost model of batches: what it is fitted to tells its terms apart, and predictions follow from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model_tools.benchmark.scale.cost_model import CORE_SECONDS, SECONDS, CostModel, fit, nonnegative_least_squares
from model_tools.benchmark.scale.design import Batch, fitted, held_out
from model_tools.benchmark.scale.prediction import HEIGHT, RATE, Traffic, Work, predict

START_S, CLIP_S, FRAME_S = 2.0, 0.5, 0.1
MODEL = CostModel(
    SECONDS, {**dict.fromkeys(SECONDS, 0.0), "the start of the command": START_S, "a clip": CLIP_S,
              "a frame, on any cores": FRAME_S}, 1.0,
)  # fmt: skip
CORE_MODEL = CostModel(
    CORE_SECONDS, {**dict.fromkeys(CORE_SECONDS, 0.0), "the start of the command": 1.0, "the start of a worker": 2.0,
                   "a clip": 1.0, "a frame": 1.0}, 1.0,
)  # fmt: skip
SERIAL, WORKERS = Batch(1, 1, 360, 2), Batch(2, 1, 360, 2, workers=2)
CLIP_FRAMES_S = CLIP_S + 10 * RATE * FRAME_S


@pytest.mark.parametrize("seed", range(5))
def test_nonnegative_least_squares(seed: int) -> None:
    """The conditions of Kuhn and Tucker, as in Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23."""
    random = np.random.default_rng(seed)
    rows, values = random.normal(size=(12, 6)), random.normal(size=12)
    costs = nonnegative_least_squares(rows, values)
    gradient = rows.T @ (rows @ costs - values)
    assert (costs >= 0).all()
    assert (costs == 0).any()
    assert gradient[costs > 0] == pytest.approx(0, abs=1e-9)
    assert (gradient[costs == 0] >= -1e-9).all()


@pytest.mark.parametrize("terms", [SECONDS, CORE_SECONDS], ids=["seconds", "core-seconds"])
@pytest.mark.parametrize("cores", [2, 8])
def test_the_measured_batches_tell_all_terms_apart(terms: dict[str, object], cores: int) -> None:
    """Measurements that were computed from known costs give these costs."""
    batches = fitted(cores, 48)
    costs = {name: 0.01 * (number + 1) for number, name in enumerate(terms)}
    known = CostModel(terms, costs, 1.0)  # type: ignore[arg-type]
    model = fit(known.terms, batches, [known(batch) for batch in batches])
    assert model.costs == pytest.approx(costs, rel=1e-4)
    assert model.r_squared == pytest.approx(1)
    assert [model(batch) for batch in held_out(cores, 48)] == pytest.approx([known(b) for b in held_out(cores, 48)])


def test_one_core_is_enough() -> None:
    assert {batch.lanes for batch in fitted(1, 48) + held_out(1, 48)} == {1}


def test_held_out_batches_are_other_ones() -> None:
    assert not {*fitted(2, 48)} & {*held_out(2, 48)}


def approximately(seconds: float) -> Any:
    return pytest.approx(seconds)


def predicted(
    work: Work, machines: int, task_s: float = 0.0, ways: tuple[Batch, ...] = (WORKERS,)
) -> tuple[float, str]:
    prediction = predict(work, machines, MODEL, CORE_MODEL, ways, task_s, Traffic(1e6, 2e6))
    assert prediction.core_hours * 3600 == pytest.approx(min(machines, prediction.clips) * 5 + prediction.clips * 301)
    assert prediction.read_mb_s == pytest.approx(prediction.clips * work.seconds * RATE / prediction.seconds)
    assert prediction.written_mb_s == pytest.approx(2 * prediction.read_mb_s)
    return prediction.seconds, prediction.bound


def test_clips_are_shared_by_all_lanes() -> None:
    work = Work("", 12, 10, each=False)
    assert predicted(work, 1) == (approximately(START_S + 6 * CLIP_FRAMES_S), "frames")
    assert predicted(work, 3) == (approximately(START_S + 2 * CLIP_FRAMES_S), "frames")
    assert predicted(work, 4) == (approximately(START_S + 2 * CLIP_FRAMES_S), "frames"), "some lanes wait"


def test_no_more_machines_help_than_there_are_clips() -> None:
    work = Work("", 12, 10, each=False)
    shortest = START_S + CLIP_FRAMES_S
    assert predicted(work, 6) == (approximately(shortest), "frames")
    assert predicted(work, 1000) == (approximately(shortest), "clips")


def test_a_scheduler_hands_out_one_clip_after_another() -> None:
    work = Work("", 12, 10, each=True)
    assert predicted(work, 1000, task_s=0.001) == (approximately(START_S + 6 * CLIP_FRAMES_S), "frames")
    assert predicted(work, 1000, task_s=0.1) == (approximately(START_S + 1200 + CLIP_FRAMES_S), "scheduler")


def test_the_fastest_way_is_chosen() -> None:
    """One clip: a process of its own does not pay. Many: it does."""
    ways = (SERIAL, WORKERS)
    prediction = predict(Work("", 8, 10, each=False), 1, MODEL, CORE_MODEL, ways, 0.0, Traffic(1, 1))
    assert prediction.how == WORKERS.name
    assert prediction.seconds == pytest.approx(START_S + 4 * CLIP_FRAMES_S)


def test_every_batch_of_the_design_is_the_commands() -> None:
    assert HEIGHT in {batch.height for batch in fitted(4, 10)}, "what is predicted is measured too"
    assert {batch.words for batch in fitted(4, 10)} == {(), ("--jobs", "2"), ("--workers", "2"), ("--workers", "4")}
