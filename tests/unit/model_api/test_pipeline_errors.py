"""What no real device can be made to do on demand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from model_api import AsyncPipeline, Frame
from model_api.errors import InferenceError, SourceError
from model_api.models.base import ModelOptions
from model_api.models.network_facts import NetworkFacts
from model_api.models.portrait_matting import PortraitMatting
from model_api.preprocessing import Preprocessing
from model_api.types import Binding, Signature, Tensors, TensorSpec
from tests.support.media import indexed_frames
from tests.support.scripted_adapter import ScriptedAdapter

SIGNATURE = Signature(
    (TensorSpec(frozenset({"input"}), (1, 3, 48, 64)),), (TensorSpec(frozenset({"output"}), (1, 1, 48, 64)),)
)
BINDING = Binding(("input",), {"alpha": "output"})


def model_on(adapter: ScriptedAdapter) -> PortraitMatting:
    return PortraitMatting(adapter, NetworkFacts(SIGNATURE, BINDING, Preprocessing()), ModelOptions())


def blue(tensors: Tensors) -> Tensors:
    return {"output": tensors["input"][:, np.newaxis, ..., 0] / np.float32(255)}


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_a_device_that_fails_ends_the_run_after_what_came_before(slots: int) -> None:
    def compute(tensors: Tensors) -> Tensors:
        if tensors["input"][0, 0, 0, 0] == 5:
            raise InferenceError("Device SCRIPT failed while it computed")
        return blue(tensors)

    seen: list[int] = []
    with model_on(ScriptedAdapter(SIGNATURE, BINDING, compute, slots)) as model, pytest.raises(InferenceError):
        seen.extend(result.frame.index for result in AsyncPipeline(model).run(indexed_frames(20)))
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_a_source_that_fails_ends_the_run_after_all_its_frames(slots: int) -> None:
    def frames() -> Iterator[Frame]:
        yield from indexed_frames(5)
        raise SourceError("unplugged")

    seen: list[int] = []
    with (
        model_on(ScriptedAdapter(SIGNATURE, BINDING, blue, slots)) as model,
        pytest.raises(SourceError, match="unplugged"),
    ):
        seen.extend(result.frame.index for result in AsyncPipeline(model).run(frames()))
    assert seen == [0, 1, 2, 3, 4]


def test_leaving_the_model_closes_its_adapter() -> None:
    adapter = ScriptedAdapter(SIGNATURE, BINDING, blue)
    with model_on(adapter):
        assert not adapter.closed
    assert adapter.closed


def test_no_frames_no_results() -> None:
    assert list(AsyncPipeline(model_on(ScriptedAdapter(SIGNATURE, BINDING, blue))).run([])) == []


@pytest.mark.parametrize("slots", [1, 4])
def test_of_the_newest_frames_each_is_answered_before_another_is_taken(slots: int) -> None:
    taken: list[int] = []

    def frames() -> Iterator[Frame]:
        for frame in indexed_frames(5):
            taken.append(frame.index)
            yield frame

    with model_on(ScriptedAdapter(SIGNATURE, BINDING, blue, slots)) as model:
        for result in AsyncPipeline(model, newest=True).run(frames()):
            assert taken[-1] == result.frame.index
    assert taken == list(range(5))
