"""What a network sees on real clips, its states included: the inputs that 8-bit ranges are chosen by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
import openvino as ov

from background_subtraction.clips import plan
from background_subtraction.sinks import Encoding
from background_subtraction.sources import open_source
from model_api.adapters.adapter import Binding
from model_api.types import Image, Size, Tensors


@dataclass(frozen=True, eq=False)
class Moment:
    """What goes into a network for one frame. pictures: (H, W, 3) uint8 BGR by input name, at the input's size."""

    pictures: dict[str, Image]
    states: Tensors


def clips_of(inputs: Sequence[str], limit: int) -> list[Iterator[Image]]:
    """The frames of each clip that the words of a command line stand for, `limit` at most of each.

    Raises SourceError here or when they are read.
    """
    return [_frames(clip.address, limit) for clip in plan(tuple(inputs), (), Encoding())]


def record(
    model: ov.Model, binding: Binding, clips: Sequence[Iterable[Image]], count: int, plate: Image | None
) -> list[Moment]:
    """`count` moments, or twice as many at most, spread evenly over all frames of all clips. plate: the empty scene."""
    moments: list[Moment] = []
    step, seen = 1, 0
    for frames in clips:
        for moment in walk(model, binding, frames, plate):
            if seen % step == 0:
                moments.append(moment)
            seen += 1
            if len(moments) == 2 * count:
                moments, step = moments[::2], 2 * step
    return moments


def walk(model: ov.Model, binding: Binding, frames: Iterable[Image], plate: Image | None) -> Iterator[Moment]:
    """What goes in for each frame, with the states that the network itself gave for the one before."""
    request = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    size = size_of(model, binding)
    empty = {} if plate is None else {binding.images[1]: cv2.resize(plate, size)}
    states: Tensors = {name: np.zeros(tuple(model.input(name).shape), np.float32) for name in binding.states or {}}
    for frame in frames:
        moment = Moment({binding.images[0]: cv2.resize(frame, size), **empty}, states)
        yield moment
        answers = request.infer(as_inputs(model, moment))
        states = {name: np.array(answers[output]) for name, output in (binding.states or {}).items()}


def as_inputs(model: ov.Model, moment: Moment) -> dict[str, Any]:
    """In the layout of the network's inputs."""
    pictures = {
        name: _laid(image.astype(np.float32)[np.newaxis], tuple(model.input(name).shape))
        for name, image in moment.pictures.items()
    }
    return {**pictures, **moment.states}


def size_of(model: ov.Model, binding: Binding) -> Size:
    shape = tuple(model.input(binding.images[0]).shape)
    return (shape[3], shape[2]) if shape[1] == 3 else (shape[2], shape[1])


def _laid(picture: Any, shape: tuple[int, ...]) -> Any:
    return np.ascontiguousarray(picture.transpose(0, 3, 1, 2)) if shape[1] == 3 else picture


def _frames(address: str, limit: int) -> Iterator[Image]:
    with open_source(address) as source:
        for frame in islice(source, limit):
            yield frame.image
