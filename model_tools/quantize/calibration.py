"""What a network sees on real clips, its states included: the inputs that 8-bit ranges are chosen by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

from model_api import MattingModel, ModelOptions
from model_api.adapters.openvino_adapter import InferenceOptions, OpenVinoAdapter
from model_api.create import facts_of
from model_api.graph import loading
from model_api.layouts import image_layout, layout_of
from model_api.preprocessing import AS_THEY_ARE, ImageInput, Override, Training
from model_api.recognition.file_facts import completed
from model_api.types import Binding, Frame, Tensors, TensorSpec


@dataclass(frozen=True, eq=False)
class Moment:
    """The inputs of a network for one frame, by their names.

    Attributes:
        tensors: Its images, (1, H, W, 3) uint8 BGR, and the inputs that rule its shapes.
        states: As the network's own inputs take them.
    """

    tensors: Tensors
    states: Tensors


def running(
    model: ov.Model,
    contract: type[MattingModel],
    binding: Binding,
    training: Training = Training(),
    options: ModelOptions = ModelOptions(),
    override: Override = Override(),
) -> MattingModel:
    """Run a network on the CPU as the program would run its file, its guided filter inside.

    Args:
        model: For BGR of 0..255. It is copied.
        contract: What it is.
        binding: The roles of its inputs and outputs.
        training: What its file says about its training.
        options: What the user chose about it.
        override: What the user knows better about its mask.

    Returns:
        The model, a context manager.
    """
    network = loading.network_of(Path("calibrated"), model.clone())
    images = {name: ImageInput(image_layout(network.signature.input(name), {}), AS_THEY_ARE) for name in binding.images}
    embedded = loading.embed(network, images, (binding.foreground,) if binding.foreground else ())
    adapter = OpenVinoAdapter(ov.Core(), "CPU", embedded, binding=binding, options=InferenceOptions())
    facts = replace(
        facts_of(network, contract, binding, completed(override, network.info)),
        preprocessing=AS_THEY_ARE,
        training=training,
    )
    return contract(adapter, facts, options)


def record(model: MattingModel, clips: Iterable[Iterable[Frame]], count: int) -> list[Moment]:
    """Record from `count` to twice as many moments, spread evenly over all frames of all clips."""
    moments: list[Moment] = []
    step, seen = 1, 0
    for frames in clips:
        for moment in walk(model, frames):
            if seen % step == 0:
                moments.append(moment)
            seen += 1
            if len(moments) == 2 * count:
                moments, step = moments[::2], 2 * step
    return moments


def walk(model: MattingModel, frames: Iterable[Frame]) -> Iterator[Moment]:
    """The inputs for each frame, with the states that the network itself gave for the frame before.

    They are zeros where the clip or the frame's size changes, as in the program. AsyncPipeline does not fit here,
    because it keeps the states to itself.
    """
    stretch: object = None
    state: Tensors = {}
    for frame in frames:
        tensors = model.preprocess(frame)
        if not model.recurrent:
            yield Moment(tensors, {})
            continue
        if stretch != (stretch := (frame.clip, frame.size)):
            state = {}
        answered = model.finish(model.start(frame, state, tensors)).state
        zeros = {name: np.zeros_like(value) for name, value in answered.items()}
        yield Moment(tensors, {name: _channels_second(value) for name, value in (state or zeros).items()})
        state = answered


def as_inputs(model: ov.Model, moment: Moment) -> dict[str, Any]:
    """The inputs in the layout and type of the network's own."""
    signature = loading.signature_of(model)
    tensors = {
        name: np.ascontiguousarray(_laid(value, signature.input(name)), model.input(name).element_type.to_dtype())
        for name, value in moment.tensors.items()
    }
    return {**tensors, **moment.states}


def _laid(value: npt.NDArray[Any], spec: TensorSpec) -> npt.NDArray[Any]:
    return value.transpose(0, 3, 1, 2) if (spec.layout or layout_of(spec.shape)) == "NCHW" else value


def _channels_second(state: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The adapter has states of four dimensions with their channels last, for speed."""
    return np.ascontiguousarray(state.transpose(0, 3, 1, 2)) if state.ndim == 4 else state
