"""Small networks that compute something checkable, built with onnx.helper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dimension = int | str
OPSET = 17
MINUS_ONE_TO_ONE = {"reverse_input_channels": "YES", "mean_values": "127.5", "scale_values": "127.5"}
"""What a file says whose network takes RGB in -1..1."""
STATE_STEP = 1 / 1024
"""A state counts frames in steps of this, so that counts up to 1024 fit an alpha exactly."""


def _value(name: str, shape: Sequence[Dimension]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def _constant(name: str, value: object, dtype: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value, dtype), name)


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto] | None = None,
    facts: dict[str, str] | None = None,
) -> Path:
    """facts: what the file says of itself (metadata_props)."""
    graph = helper.make_graph(nodes, "test", inputs, outputs, constants or [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    helper.set_model_props(model, facts or {})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def counting_video_matting(path: Path, height: int = 48, width: int = 64) -> Path:
    """Robust Video Matting's contract. r1 counts frames; r2 is the blue mean of the frame before.

    pha is the count so far in steps of STATE_STEP; fgr is (R, G, B) = (the state r2, 0, this frame's mean blue).
    """
    shape = (1, 3, height, width)
    state = (1, 1, 1, 1)
    node = helper.make_node
    nodes = [
        node("Slice", ["src", "two", "three", "axis"], ["blue"]),
        node("ReduceMean", ["blue"], ["mean"], axes=[1, 2, 3], keepdims=1),
        node("Add", ["r1", "step"], ["rr1"]),
        node("Identity", ["mean"], ["rr2"]),
        node("Identity", ["r3"], ["rr3"]),
        node("Identity", ["r4"], ["rr4"]),
        node("Expand", ["r1", "plane"], ["pha"]),
        node("Mul", ["mean", "nought"], ["black"]),
        node("Concat", ["r2", "black", "mean"], ["pixel"], axis=1),
        node("Expand", ["pixel", "picture"], ["fgr"]),
    ]
    constants = [
        _constant("two", [2], np.int64), _constant("three", [3], np.int64), _constant("axis", [1], np.int64),
        _constant("step", STATE_STEP), _constant("nought", 0.0),
        _constant("plane", (1, 1, height, width), np.int64), _constant("picture", shape, np.int64),
    ]  # fmt: skip
    inputs = [_value("src", shape), *(_value(f"r{n}", state) for n in (1, 2, 3, 4))]
    outputs = [
        _value("pha", (1, 1, height, width)),
        _value("fgr", shape),
        *(_value(f"rr{n}", state) for n in (1, 2, 3, 4)),
    ]
    return save(path, nodes, inputs, outputs, constants)


def counting_dynamic_matting(path: Path) -> Path:
    """The original release's contract, any size: r1 counts frames, r1..r4 have the size of the picture times
    downsample_ratio; pha is the count so far."""
    node = helper.make_node
    nodes = [
        node("Concat", ["ones", "ones", "downsample_ratio", "downsample_ratio"], ["scales"], axis=0),
        node("Resize", ["src", "", "scales"], ["small"], mode="linear"),
        node("Slice", ["small", "zero", "one", "axis"], ["single"]),
        node("Mul", ["single", "nought"], ["empty"]),
        node("Add", ["empty", "r1i"], ["before"]),
        node("Add", ["before", "step"], ["r1o"]),
        *(node("Add", ["empty", f"r{n}i"], [f"r{n}o"]) for n in (2, 3, 4)),
        node("ReduceMax", ["before"], ["count"], axes=[1, 2, 3], keepdims=1),
        node("Shape", ["src"], ["size"]),
        node("Slice", ["size", "two", "four"], ["sides"]),
        node("Concat", ["one", "one", "sides"], ["plane"], axis=0),
        node("Expand", ["count", "plane"], ["pha"]),
        node("Identity", ["src"], ["fgr"]),
    ]
    constants = [
        _constant("ones", [1.0]), _constant("zero", [0], np.int64), _constant("one", [1], np.int64),
        _constant("two", [2], np.int64), _constant("four", [4], np.int64), _constant("axis", [1], np.int64),
        _constant("nought", 0.0), _constant("step", STATE_STEP),
    ]  # fmt: skip
    dynamic = ("n", 1, "h", "w")
    inputs = [
        _value("src", ("n", 3, "H", "W")),
        *(_value(f"r{n}i", ("n", "c", f"h{n}", f"w{n}")) for n in (1, 2, 3, 4)),
        _value("downsample_ratio", (1,)),
    ]
    outputs = [
        _value("fgr", ("n", 3, "H", "W")),
        _value("pha", ("n", 1, "H", "W")),
        *(_value(f"r{n}o", dynamic) for n in (1, 2, 3, 4)),
    ]
    return save(path, nodes, inputs, outputs, constants)


def guided_matting(path: Path, *, alpha: str = "line", whole: bool = False, height: int = 72, width: int = 96) -> Path:
    """Robust Video Matting's contract with a guided filter: in the half-sized picture, alpha's slope is 2, its offset
    r1, which falls by 1/8 a frame; the foreground's slopes are 0.25, its offsets the red of the half-sized picture.

    alpha: "line" where alpha follows from slope and offset as it should, "square" where it is the square of that.
    whole: it looks at the whole picture, not at one of half its size.
    """
    node = helper.make_node
    nodes = [
        node("Identity", ["src"], ["small"])
        if whole
        else node("Resize", ["src", "", "halves"], ["small"], mode="linear"),
        node("Slice", ["small", "zero", "one", "axis"], ["red"]),
        node("Mul", ["red", "nought"], ["nothing"]),
        node("Add", ["nothing", "quarter"], ["low"]),
        node("Add", ["nothing", "two"], ["steep"]),
        node("Concat", ["low", "low", "low", "steep"], ["slope"], axis=1),
        node("Add", ["nothing", "r1"], ["before"]),
        node("Concat", ["red", "red", "red", "before"], ["offset"], axis=1),
        node("Resize", ["slope", "", "", "sides"], ["slopes"], mode="linear"),
        node("Resize", ["offset", "", "", "sides"], ["offsets"], mode="linear"),
        node("ReduceMean", ["src"], ["grey"], axes=[1], keepdims=1),
        node("Concat", ["src", "grey"], ["picture"], axis=1),
        node("Mul", ["slopes", "picture"], ["product"]),
        node("Add", ["product", "offsets"], ["answer"]),
        node("Split", ["answer", "parts"], ["residual", "found"], axis=1),
        node("Mul", ["found", "found" if alpha == "square" else "unit"], ["told"]),
        node("Clip", ["told", "nought", "unit"], ["pha"]),
        node("Add", ["residual", "src"], ["whole"]),
        node("Clip", ["whole", "nought", "unit"], ["fgr"]),
        node("Sub", ["r1", "eighth"], ["rr1"]),
        *(node("Identity", [f"r{n}"], [f"rr{n}"]) for n in (2, 3, 4)),
    ]
    constants = [
        _constant("halves", [1.0, 1.0, 0.5, 0.5]), _constant("sides", (1, 4, height, width), np.int64),
        _constant("zero", [0], np.int64), _constant("one", [1], np.int64), _constant("axis", [1], np.int64),
        _constant("parts", [3, 1], np.int64), _constant("nought", 0.0), _constant("unit", 1.0),
        _constant("quarter", 0.25), _constant("two", 2.0), _constant("eighth", 0.125),
    ]  # fmt: skip
    states = [(f"r{n}", (1, 1, 1, 1)) for n in (1, 2, 3, 4)]
    return save(
        path,
        nodes,
        [_value("src", (1, 3, height, width)), *(_value(name, shape) for name, shape in states)],
        [
            _value("pha", (1, 1, height, width)),
            _value("fgr", (1, 3, height, width)),
            *(_value(f"r{name}", shape) for name, shape in states),
        ],
        constants,
    )


def difference_matting(path: Path, height: int | str = 48, width: int | str = 64) -> Path:
    """BackgroundMattingV2's contract: pha is 8 times the mean difference of src and bgr over the channels,
    less 0.5 to leave the camera's noise out; fgr is src."""
    node = helper.make_node
    nodes = [
        node("Sub", ["src", "bgr"], ["change"]),
        node("Abs", ["change"], ["size"]),
        node("ReduceMean", ["size"], ["mean"], axes=[1], keepdims=1),
        node("AveragePool", ["mean"], ["smooth"], kernel_shape=[5, 5], pads=[2, 2, 2, 2], count_include_pad=0),
        node("Mul", ["smooth", "gain"], ["gained"]),
        node("Sub", ["gained", "floor"], ["raised"]),
        node("Clip", ["raised", "zero", "one"], ["pha"]),
        node("Identity", ["src"], ["fgr"]),
    ]
    constants = [_constant("gain", 8.0), _constant("floor", 0.5), _constant("zero", 0.0), _constant("one", 1.0)]
    shape = (1, 3, height, width)
    return save(
        path,
        nodes,
        [_value("src", shape), _value("bgr", shape)],
        [_value("pha", (1, 1, height, width)), _value("fgr", shape)],
        constants,
    )


def red_is_alpha(
    path: Path,
    height: int | str = 48,
    width: int | str = 64,
    *,
    last: bool = False,
    answer: str = "probability",
    inverse: bool = False,
    facts: dict[str, str] = MINUS_ONE_TO_ONE,
) -> Path:
    """A portrait network for RGB in -1..1, as its file says: where the picture is red there is the person.

    last: channels last, in and out. answer: "probability" of one channel, "softmax" or "logits" of two.
    inverse: where it is red there is the room.
    """
    node = helper.make_node
    axis = 3 if last else 1
    nodes = [
        node("Slice", ["input", "zero", "one", "axis"], ["red"]),
        node("Mul", ["red", "slope"], ["halved"]),
        node("Add", ["halved", "half"], ["person"]),
    ]
    outputs = {"probability": 1, "softmax": 2, "logits": 2}[answer]
    if answer == "probability":
        nodes.append(node("Identity", ["person"], ["output"]))
    elif answer == "softmax":
        nodes += [
            node("Sub", ["unit", "person"], ["rest"]),
            node("Concat", ["rest", "person"], ["output"], axis=axis),
        ]
    else:  # the softmax of (-10 red, 10 red): 0 or 1 where red is far from the middle
        nodes += [
            node("Mul", ["red", "ten"], ["yes"]),
            node("Neg", ["yes"], ["no"]),
            node("Concat", ["no", "yes"], ["output"], axis=axis),
        ]
    constants = [
        _constant("zero", [0], np.int64), _constant("one", [1], np.int64), _constant("axis", [axis], np.int64),
        _constant("slope", -0.5 if inverse else 0.5), _constant("half", 0.5), _constant("unit", 1.0),
        _constant("ten", 10.0),
    ]  # fmt: skip
    shape = (1, height, width, 3) if last else (1, 3, height, width)
    shape_out = (1, height, width, outputs) if last else (1, outputs, height, width)
    return save(path, nodes, [_value("input", shape)], [_value("output", shape_out)], constants, facts)


def unknown_contract(path: Path) -> Path:
    """Two numbers in, their sum out."""
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"])]
    return save(path, nodes, [_value("a", (1,)), _value("b", (1,))], [_value("sum", (1,))])


def smoothing_video_matting(path: Path, height: Dimension = 48, width: Dimension = 64) -> Path:
    """Robust Video Matting's contract with one state: pha is half the smoothed red of this frame, by a convolution with
    weights, and half the state, which is the pha of the frame before; fgr is src."""
    node = helper.make_node
    weights = np.zeros((4, 3, 5, 5), np.float32)
    weights[:, 0] = 1 / 25
    total = np.full((1, 4, 1, 1), 1 / 4, np.float32)
    nodes = [
        node("Conv", ["src", "weights"], ["smooth"], pads=[2, 2, 2, 2]),
        node("Relu", ["smooth"], ["lit"]),
        node("Conv", ["lit", "total"], ["red"]),
        node("Add", ["red", "r1"], ["both"]),
        node("Mul", ["both", "half"], ["pha"]),
        node("Identity", ["pha"], ["rr1"]),
        node("Identity", ["src"], ["fgr"]),
    ]
    shape, plane = (1, 3, height, width), (1, 1, height, width)
    constants = [_constant("weights", weights), _constant("total", total), _constant("half", 0.5)]
    inputs = [_value("src", shape), _value("r1", plane)]
    return save(path, nodes, inputs, [_value("pha", plane), _value("fgr", shape), _value("rr1", plane)], constants)


def amplifying_matting(path: Path, height: Dimension = 48, width: Dimension = 64) -> Path:
    """A portrait network: two convolutions that smooth the red, of which the second one's answer is multiplied by 40
    about its middle, and the 8-bit steps with it."""
    node = helper.make_node
    first = np.zeros((8, 3, 3, 3), np.float32)
    first[:, 0] = 1 / 9
    second = np.full((1, 8, 3, 3), 1 / 72, np.float32)
    nodes = [
        node("Conv", ["input", "first"], ["once"], name="harmless", pads=[1, 1, 1, 1]),
        node("Relu", ["once"], ["lit"]),
        node("Conv", ["lit", "second"], ["twice"], name="touchy", pads=[1, 1, 1, 1]),
        node("Sub", ["twice", "middle"], ["centred"]),
        node("Mul", ["centred", "gain"], ["steep"]),
        node("Add", ["steep", "half"], ["raised"]),
        node("Clip", ["raised", "zero", "one"], ["output"]),
    ]
    constants = [
        _constant("first", first), _constant("second", second), _constant("middle", 0.3), _constant("gain", 40.0),
        _constant("half", 0.5), _constant("zero", 0.0), _constant("one", 1.0),
    ]  # fmt: skip
    shape, plane = (1, 3, height, width), (1, 1, height, width)
    return save(path, nodes, [_value("input", shape)], [_value("output", plane)], constants, MINUS_ONE_TO_ONE)
