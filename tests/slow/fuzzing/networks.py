"""ONNX files that are whole, and mean something else: other shapes, types, operations, edges and values."""

from __future__ import annotations

import random
from collections.abc import Callable

import onnx
from onnx import TensorProto

SIDES = (0, 1, 2, 3, 4, 7, 48, 65, 1000, 65_535, -1)
TYPES = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.UINT8,
    TensorProto.INT64,
    TensorProto.BOOL,
    TensorProto.STRING,
)
OPERATIONS = (
    "Relu", "Add", "Mul", "Sub", "Div", "Identity", "Neg", "Sqrt", "Log", "Softmax", "Sigmoid", "ReduceMean",
    "Transpose", "Shape", "NonZero", "Concat", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Expand", "Reshape", "Conv",
    "Loop", "NoSuch",
)  # fmt: skip


def change_network(data: bytes, rng: random.Random) -> bytes:
    """Change one to three things in a network. data: a whole ONNX file."""
    model = onnx.load_from_string(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if model.graph.node and model.graph.input and model.graph.output:
            rng.choice(CHANGES)(model.graph, rng)
    return bytes(model.SerializeToString())


def change_shape(graph: onnx.GraphProto, rng: random.Random) -> None:
    shape = rng.choice([*graph.input, *graph.output]).type.tensor_type.shape
    if not shape.dim or rng.random() < 0.2:
        shape.dim.add().dim_value = rng.choice(SIDES)
    elif rng.random() < 0.2:
        del shape.dim[rng.randrange(len(shape.dim))]
    elif rng.random() < 0.3:
        rng.choice(shape.dim).dim_param = "free"
    else:
        rng.choice(shape.dim).dim_value = rng.choice(SIDES)


def change_type(graph: onnx.GraphProto, rng: random.Random) -> None:
    rng.choice([*graph.input, *graph.output]).type.tensor_type.elem_type = rng.choice(TYPES)


def rename(graph: onnx.GraphProto, rng: random.Random) -> None:
    rng.choice([*graph.input, *graph.output]).name = rng.choice(
        ("", "src", "bgr", "r1", "pha", "a b", "\x1b[2J", "é" * 300)
    )


def change_operation(graph: onnx.GraphProto, rng: random.Random) -> None:
    rng.choice(graph.node).op_type = rng.choice(OPERATIONS)


def change_edge(graph: onnx.GraphProto, rng: random.Random) -> None:
    node = rng.choice(graph.node)
    names = [name for each in graph.node for name in each.output] + [each.name for each in graph.initializer]
    if node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice([*names, ""])


def change_attribute(graph: onnx.GraphProto, rng: random.Random) -> None:
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    if attributes:
        attribute = rng.choice(attributes)
        attribute.i = rng.choice(SIDES)
        attribute.ints[:] = [rng.choice(SIDES) for _ in attribute.ints]


def change_constant(graph: onnx.GraphProto, rng: random.Random) -> None:
    if not graph.initializer:
        return
    tensor = rng.choice(graph.initializer)
    if rng.random() < 0.2:
        tensor.data_type = rng.choice(TYPES)
    elif rng.random() < 0.2:
        tensor.dims.append(rng.choice(SIDES))
    elif rng.random() < 0.1:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=rng.choice(("/etc/passwd", "../../x", "")))
    elif tensor.raw_data:
        raw = bytearray(tensor.raw_data)
        raw[rng.randrange(len(raw))] = rng.randrange(256)
        tensor.raw_data = bytes(raw)


def remove(graph: onnx.GraphProto, rng: random.Random) -> None:
    part = rng.choice((graph.node, graph.input, graph.output, graph.initializer))
    if part:
        del part[rng.randrange(len(part))]


CHANGES: tuple[Callable[[onnx.GraphProto, random.Random], None], ...] = (
    change_shape, change_shape, change_type, rename, change_operation, change_edge, change_attribute, change_constant,
    change_constant, remove,
)  # fmt: skip
