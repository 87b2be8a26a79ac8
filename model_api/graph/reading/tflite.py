"""TensorFlow Lite's files, with the operation that MediaPipe's networks add to its own.

MediaPipe's segmentation networks end with `Convolution2DTransposeBias`, a transposed convolution with a bias. The front
end of OpenVINO does not know it, and does not hand on the options that the file has for it: they are read here, by the
schema of TensorFlow Lite's files (tensorflow/compiler/mlir/lite/schema/schema.fbs). What the operation computes is in
MediaPipe's mediapipe/util/tflite/operations/transpose_conv_bias.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers.number_types as numbers
import openvino as ov
from flatbuffers.table import Table
from openvino import opset13 as ops
from openvino.frontend import ConversionExtension

from model_api.errors import ModelFileError
from model_api.graph.reading import front_ends

TRANSPOSED_CONVOLUTION = "Convolution2DTransposeBias"
PADDINGS = {1: "same", 2: "valid"}
"""TfLitePadding."""
STRIDES = range(1, 65)
MOST_GRAPHS, MOST_ENTRIES = 64, 20_000
"""Longer lists are none of MediaPipe's: a file may name one list many times over, and would be read for ever."""
DAMAGED = (struct.error, TypeError, ValueError, IndexError, OverflowError)
"""What reading beyond the data, or at a negative place, raises."""

OPERATOR_CODES, SUBGRAPHS = 6, 8  # of Model
CUSTOM_CODE = 6  # of OperatorCode
TENSORS, OPERATORS = 4, 10  # of SubGraph
NAME = 10  # of Tensor
OPCODE_INDEX, INPUTS, CUSTOM_OPTIONS = 4, 6, 14  # of Operator
"""Places in a table's list of fields: 4 + 2 times the number that a field has in the schema."""


@dataclass(frozen=True)
class TransposedConvolution:
    """The options of one operation.

    Attributes:
        padding: "same" or "valid".
        strides: down and across in pixels.
    """

    padding: str
    strides: tuple[int, int]

    def pads(self, image: tuple[int, int], kernel: tuple[int, int]) -> tuple[list[int], list[int]]:
        """What is cut off the answer: above and on the left, below and on the right, in pixels.

        Args:
            image: height and width of what is enlarged.
            kernel: its height and width.
        """
        if self.padding == "valid":
            return [0, 0], [0, 0]
        whole = zip(image, kernel, self.strides, strict=True)
        cut = [max(0, size - (length - 1) % step - 1) for length, size, step in whole]
        return [pixels // 2 for pixels in cut], [pixels - pixels // 2 for pixels in cut]


def read(path: Path) -> ov.Model:
    """Read a file of TensorFlow Lite.

    Raises:
        ModelFileError: an operation of MediaPipe's has options that are none.
        RuntimeError: or another of `FRONT_END_ERRORS`, for any other file that OpenVINO cannot read.
    """
    options = dict(_options(path))
    problems: list[str] = []

    def translate(context: Any) -> list[ov.Output]:
        image, weights, bias = (context.get_input(number) for number in range(3))
        problem = _problem(image, weights, bias, options)
        if problem:
            # An error from within OpenVINO's call would come out with its own text around it.
            problems.append(problem)
            return [image]
        return [_transposed_convolution(image, weights, bias, options[weights.get_any_name()])]

    try:
        model = front_ends.read("tflite", path, ConversionExtension(TRANSPOSED_CONVOLUTION, translate))
    except front_ends.FRONT_END_ERRORS:
        if not problems:
            raise
    if problems:
        raise ModelFileError(f"{path}: {TRANSPOSED_CONVOLUTION}: {problems[0]}. Expected a network of MediaPipe's")
    return model


def _problem(image: ov.Output, weights: ov.Output, bias: ov.Output, options: dict[str, TransposedConvolution]) -> str:
    shapes = [port.partial_shape for port in (image, weights, bias)]
    if [len(shape) if shape.rank.is_static else None for shape in shapes] != [4, 4, 1] or shapes[1].is_dynamic:
        return f"inputs of {', '.join(map(str, shapes))}"
    if image.partial_shape[1].is_dynamic or image.partial_shape[2].is_dynamic:
        return f"an image of no fixed size, {image.partial_shape}"
    return "" if options.keys() & weights.names else "no options in the file"


def _transposed_convolution(
    image: ov.Output, weights: ov.Output, bias: ov.Output, options: TransposedConvolution
) -> ov.Output:
    """NHWC like the file's own operations. The weights are output channels, height, width, input channels."""
    _, height, width, _ = (axis.get_length() for axis in image.partial_shape)
    begin, end = options.pads((height, width), tuple(weights.shape[1:3]))
    enlarged = ops.convolution_backprop_data(
        ops.transpose(image, [0, 3, 1, 2]),
        ops.transpose(weights, [3, 0, 1, 2]),
        list(options.strides),
        pads_begin=begin,
        pads_end=end,
    )
    return ops.add(ops.transpose(enlarged, [0, 2, 3, 1]), bias).output(0)


def _options(path: Path) -> Iterator[tuple[str, TransposedConvolution]]:
    """The name of an operation's weights -> its options.

    Raises:
        ModelFileError: they are none.
    """
    data = path.read_bytes()
    try:
        for name, options in _custom_operations(Table(data, struct.unpack_from("<I", data)[0])):
            padding, across, down = struct.unpack_from("<3i", options)
            if padding not in PADDINGS or across not in STRIDES or down not in STRIDES:
                raise ModelFileError(
                    f"{path}: {TRANSPOSED_CONVOLUTION} with padding {padding}, strides {across} and {down}. Expected "
                    f"padding {' or '.join(map(str, PADDINGS))}, strides of 1 to {STRIDES[-1]}: the file is damaged"
                )
            yield name, TransposedConvolution(PADDINGS[padding], (down, across))
    except DAMAGED as error:
        raise ModelFileError(f"{path}: damaged, {TRANSPOSED_CONVOLUTION} has no options that can be read") from error


def _custom_operations(model: Table) -> Iterator[tuple[str, bytes]]:
    """Of each transposed convolution, the name of its weights and the bytes of its options."""
    wanted = TRANSPOSED_CONVOLUTION.encode()
    codes = [_bytes(code, CUSTOM_CODE) == wanted for code in _tables(model, OPERATOR_CODES)]
    for graph in _tables(model, SUBGRAPHS, MOST_GRAPHS) if any(codes) else ():
        operations = [node for node in _tables(graph, OPERATORS) if codes[_number(node, OPCODE_INDEX)]]
        tensors = list(_tables(graph, TENSORS)) if operations else []
        for node in operations:
            weights = tensors[node.Get(numbers.Int32Flags, node.Vector(node.Offset(INPUTS)) + 4)]
            yield _bytes(weights, NAME).decode(), _bytes(node, CUSTOM_OPTIONS)


def _tables(table: Table, field: int, most: int = MOST_ENTRIES) -> Iterator[Table]:
    place = table.Offset(field)
    if place:
        first, length = table.Vector(place), table.VectorLen(place)
        if length > most:
            raise ValueError(f"{length} entries")
        for number in range(length):
            yield Table(table.Bytes, table.Indirect(first + 4 * number))


def _bytes(table: Table, field: int) -> bytes:
    place = table.Offset(field)
    if not place:
        return b""
    first = table.Vector(place)
    return bytes(table.Bytes[first : first + table.VectorLen(place)])


def _number(table: Table, field: int) -> int:
    place = table.Offset(field)
    return int(table.Get(numbers.Uint32Flags, table.Pos + place)) if place else 0
