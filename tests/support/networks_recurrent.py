"""A recurrent network that is worth being cut into stages, and whose answers can be counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import helper

from tests.support.networks import _constant, _value, save

STEP = 1 / 4096
"""Of the alphas: sums of it are exact."""
CHANNELS = 24


def summing_video_matting(path: Path, height: int = 96, width: int = 128, *, fault_above: float = 2.0) -> Path:
    """Robust Video Matting's contract with two states, each behind two large convolutions.

    r1 counts frames; r2 adds up what r1 has counted. pha is r2 before this frame, in steps of STEP: 0, 1, 3, 6, 10 …
    fgr is (R, G, B) = (0, r1, this frame's mean blue). Where the mean blue is above `fault_above`, r1 becomes NaN.
    """
    node = helper.make_node
    nodes = [
        node("Conv", ["src", "image"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "features"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["d"]),
        node("Conv", ["d", "features"], ["e"], pads=[1, 1, 1, 1]),
        node("Relu", ["e"], ["f"]),
        node("Conv", ["f", "features"], ["g"], pads=[1, 1, 1, 1]),
        node("Conv", ["g", "features"], ["h"], pads=[1, 1, 1, 1]),
        node("ReduceMean", ["d"], ["first"], axes=[1, 2, 3], keepdims=1),
        node("ReduceMean", ["h"], ["second"], axes=[1, 2, 3], keepdims=1),
        node("Mul", ["first", "nought"], ["nothing"]),
        node("Mul", ["second", "nought"], ["none"]),
        node("Slice", ["src", "two", "three", "axis"], ["blue"]),
        node("ReduceMean", ["blue"], ["mean"], axes=[1, 2, 3], keepdims=1),
        node("Greater", ["mean", "above"], ["bad"]),
        node("Where", ["bad", "nan", "nought"], ["fault"]),
        node("Sum", ["r1", "step", "nothing", "fault"], ["rr1"]),
        node("Sum", ["r2", "rr1", "none"], ["rr2"]),
        node("Expand", ["r2", "plane"], ["pha"]),
        node("Concat", ["none", "r1", "mean"], ["pixel"], axis=1),
        node("Expand", ["pixel", "picture"], ["fgr"]),
    ]
    random = np.random.default_rng(1)
    constants = [
        _constant("image", random.normal(0, 0.1, (CHANNELS, 3, 3, 3))),
        _constant("features", random.normal(0, 0.05, (CHANNELS, CHANNELS, 3, 3))),
        _constant("two", [2], np.int64), _constant("three", [3], np.int64), _constant("axis", [1], np.int64),
        _constant("step", STEP), _constant("nought", 0.0), _constant("nan", np.nan), _constant("above", fault_above),
        _constant("plane", (1, 1, height, width), np.int64), _constant("picture", (1, 3, height, width), np.int64),
    ]  # fmt: skip
    shape, state = (1, 3, height, width), (1, 1, 1, 1)
    inputs = [_value("src", shape), _value("r1", state), _value("r2", state)]
    outputs = [_value("pha", (1, 1, height, width)), _value("fgr", shape), _value("rr1", state), _value("rr2", state)]
    return save(path, nodes, inputs, outputs, constants)


def sums(frames: int) -> list[float]:
    """The alphas of a clip: 0, 1, 3, 6, 10 … steps."""
    return [STEP * number * (number + 1) / 2 for number in range(frames)]
