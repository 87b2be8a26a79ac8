"""The figures at the end, with times that are known."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from time import perf_counter, sleep

import numpy as np
import pytest

from background_subtraction.preview.system_monitor import Monitors
from background_subtraction.report import BINS, LEAST_S, STEP, Latencies, Report
from model_api import AsyncPipeline, MattingModel
from model_api.mattes.matte import DenseMatte
from model_api.models.base import ModelOptions
from model_api.models.network_facts import NetworkFacts
from model_api.models.portrait_matting import PortraitMatting
from model_api.preprocessing import Preprocessing
from model_api.results import Result, StageTimes
from model_api.types import Binding, Frame, Signature, Tensors, TensorSpec
from tests.support.media import indexed_frames
from tests.support.scripted_adapter import ScriptedAdapter


def scripted_model(slots: int, wait_s: float) -> MattingModel:
    """A portrait model on a device that takes `wait_s` for every frame."""

    def compute(tensors: Tensors) -> Tensors:
        sleep(wait_s)
        return {"output": np.zeros((1, 1, 48, 64), np.float32)}

    image = TensorSpec(frozenset({"input"}), (1, 3, 48, 64))
    mask = TensorSpec(frozenset({"output"}), (1, 1, 48, 64))
    binding = Binding(("input",), {"alpha": "output"})
    signature = Signature((image,), (mask,))
    adapter = ScriptedAdapter(signature, binding, compute, slots)
    return PortraitMatting(adapter, NetworkFacts(signature, binding, Preprocessing()), ModelOptions())


def test_means_of_known_times() -> None:
    report = Report()
    now_s = perf_counter()
    for index in range(4):
        frame = Frame(index, np.zeros((2, 2, 3), np.uint8), Fraction(index), decoding_s=0.001)
        matte = DenseMatte(frame.image, np.zeros((2, 2), np.float32))
        report.add(Result(frame, matte, StageTimes(0.002, 0.003, 0.004), now_s), 0.005, 0.006 * (index + 1))
    text = "\n".join(report.lines())
    stages = dict(re.findall(r"\t(\w+):\s([\d.]+)", text))
    assert stages["Frames"] == "4"
    assert [float(stages[name]) for name in ("Decoding", "Preprocessing", "Inference")] == [1, 2, 3]
    assert [float(stages[name]) for name in ("Postprocessing", "Rendering", "Writing")] == [4, 5, 6]


def test_overlapping_requests_are_timed_each_for_itself() -> None:
    """Four frames wait in line at a device that takes 10 ms: latency is about four times what inference is."""
    report = Report()
    for result in AsyncPipeline(scripted_model(slots=4, wait_s=0.01)).run(indexed_frames(20)):
        report.add(result, 0.0, 0.0)
    assert report.stages_s["Inference"] >= 20 * 0.01
    assert report.latency_s > 2 * report.stages_s["Inference"]


def test_without_frames_there_is_nothing_to_tell() -> None:
    assert Report().lines() == ["No frame was finished"]
    assert Report().recent() == (0.0, 0.0)


def test_graph_keys_toggle_and_h_brings_back_what_it_hid() -> None:
    monitors = Monitors(set("c"))
    monitors.toggle("m")
    assert monitors.shown == set("cm")
    monitors.toggle("c")
    assert monitors.shown == set("m")
    monitors.toggle("h")
    assert monitors.shown == set()
    monitors.toggle("h")
    assert monitors.shown == set("m")


def test_samples_are_those_of_the_machine() -> None:
    monitors = Monitors(set("cdm"))
    monitors.sample()
    assert 0 <= monitors.cpu_percent[-1] <= 100
    assert 0 < monitors.memory_gib[-1] < monitors.memory_total_gib
    monitors.sample()  # too soon
    assert len(monitors.cpu_percent) == 1


@pytest.mark.parametrize("count", [1, 10, 1000])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99, 1.0])
def test_percentiles_are_those_of_numpy_within_a_hundredth(count: int, share: float) -> None:
    seconds = np.random.default_rng(count).lognormal(-3, 1, count)
    latencies = Latencies()
    for latency_s in seconds:
        latencies.add(float(latency_s))
    assert latencies.count == count
    assert latencies.percentile(share) == pytest.approx(
        np.percentile(seconds, share * 100, method="inverted_cdf"), rel=0.011
    )


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9])
def test_odd_latencies_are_counted_at_the_ends(seconds: float) -> None:
    latencies = Latencies()
    assert latencies.percentile(0.5) == 0
    latencies.add(seconds)
    assert latencies.count == 1
    assert latencies.percentile(0.5) in (
        latencies.percentile(0.0),
        LEAST_S,
        pytest.approx(LEAST_S * STEP ** (BINS - 1)),
    )


def test_the_way_of_live_frames_is_reported_and_that_of_files_is_not() -> None:
    report = Report()
    frame = Frame(0, np.zeros((2, 2, 3), np.uint8))
    report.add(Result(frame, DenseMatte(frame.image, np.ones((2, 2), np.float32)), StageTimes(0, 0, 0), 1.0), 0, 0)
    assert not any("arrival" in line for line in report.lines())
    live = replace(frame, arrived_s=perf_counter() - 0.25)
    report.add(Result(live, DenseMatte(frame.image, np.ones((2, 2), np.float32)), StageTimes(0, 0, 0), 1.0), 0, 0)
    (line,) = [line for line in report.lines() if "arrival" in line]
    found = re.search(r"median ([\d.]+) ms, 99th percentile ([\d.]+) ms", line)
    assert found
    assert 250 <= float(found[1]) == float(found[2])
