"""Files of TensorFlow Lite with one operation of MediaPipe's, built with FlatBuffers by TensorFlow Lite's schema."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Field = tuple[int, Callable[[Any], None]]
CUSTOM = 32
"""BuiltinOperator.CUSTOM."""
PADDINGS = {"same": 1, "valid": 2}


def transposed_convolution(
    path: Path, image_wh: tuple[int, int], weights: Floats, bias: Floats, options: bytes
) -> Path:
    """One `Convolution2DTransposeBias`.

    Args:
        path: the file.
        image_wh: (width, height) of its input, which has as many channels as the weights say.
        weights: output channels, height, width, input channels.
        bias: one number for each output channel.
        options: as MediaPipe writes them: padding, stride across and down, 32 bits each.
    """
    builder = flatbuffers.Builder(0)
    shapes = {"image": (1, image_wh[1], image_wh[0], weights.shape[3]), "weights": weights.shape, "bias": bias.shape}
    shapes["mask"] = (1, *expected_hw(image_wh, weights, options), weights.shape[0])
    buffers = [_table(builder, [_bytes(builder, 0, data)]) for data in (b"", weights.tobytes(), bias.tobytes())]
    tensors = [_tensor(builder, name, shape, number) for number, (name, shape) in enumerate(shapes.items())]
    operator = _table(
        builder, [_indices(builder, 1, [0, 1, 2]), _indices(builder, 2, [3]), _bytes(builder, 5, options)]
    )
    graph = _table(
        builder,
        [
            _tables(builder, 0, tensors),
            _indices(builder, 1, [0]),
            _indices(builder, 2, [3]),
            _tables(builder, 3, [operator]),
        ],
    )
    code = _table(
        builder,
        [
            (0, lambda b: b.PrependInt8Slot(0, CUSTOM, 0)),
            _string(builder, 1, "Convolution2DTransposeBias"),
            (3, lambda b: b.PrependInt32Slot(3, CUSTOM, 0)),
        ],
    )
    model = _table(
        builder,
        [
            (0, lambda b: b.PrependUint32Slot(0, 3, 0)),
            _tables(builder, 1, [code]),
            _tables(builder, 2, [graph]),
            _tables(builder, 4, buffers),
        ],
    )
    builder.Finish(model, file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def options_of(padding: str, across: int, down: int) -> bytes:
    """The options of an operation, as MediaPipe writes them."""
    return struct.pack("<3i", PADDINGS[padding], across, down)


def expected_hw(image_wh: tuple[int, int], weights: Floats, options: bytes) -> tuple[int, int]:
    """Height and width of the answer: mediapipe/util/tflite/operations/transpose_conv_bias.cc, `Prepare`."""
    if len(options) < 12:
        return image_wh[1], image_wh[0]
    padding, across, down = struct.unpack("<3i", options)
    sides = []
    for length, kernel, stride in zip(image_wh[::-1], weights.shape[1:3], (down, across), strict=True):
        cut = max(0, kernel - (length - 1) % max(1, stride) - 1) if padding == PADDINGS["same"] else 0
        sides.append(stride * (length - 1) + kernel - cut)
    return sides[0], sides[1]


def expected(image: Floats, weights: Floats, bias: Floats, options: bytes) -> Floats:
    """The answer, pixel by pixel as that file's `TransposeConvBias` adds it up."""
    height, width = image.shape[1:3]
    rows, columns = expected_hw((width, height), weights, options)
    padding, across, down = struct.unpack("<3i", options)
    cut_y = max(0, weights.shape[1] - (height - 1) % down - 1) // 2 if padding == PADDINGS["same"] else 0
    cut_x = max(0, weights.shape[2] - (width - 1) % across - 1) // 2 if padding == PADDINGS["same"] else 0
    answer = np.broadcast_to(bias, (1, rows, columns, len(bias))).astype(np.float32)
    for y, x, dy, dx in np.ndindex(height, width, *weights.shape[1:3]):
        row, column = y * down - cut_y + dy, x * across - cut_x + dx
        if 0 <= row < rows and 0 <= column < columns:
            answer[0, row, column] += weights[:, dy, dx] @ image[0, y, x]
    return answer


def _table(builder: Any, fields: Sequence[Field]) -> int:
    builder.StartObject(7)
    for _, add in fields:
        add(builder)
    return int(builder.EndObject())


def _offset(slot: int, place: int) -> Field:
    return slot, lambda builder: builder.PrependUOffsetTRelativeSlot(slot, place, 0)


def _bytes(builder: Any, slot: int, data: bytes) -> Field:
    return _offset(slot, builder.CreateByteVector(data))


def _string(builder: Any, slot: int, text: str) -> Field:
    return _offset(slot, builder.CreateString(text))


def _indices(builder: Any, slot: int, numbers: Sequence[int]) -> Field:
    return _offset(slot, builder.CreateNumpyVector(np.array(numbers, np.int32)))


def _tables(builder: Any, slot: int, places: Sequence[int]) -> Field:
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return _offset(slot, builder.EndVector())


def _tensor(builder: Any, name: str, shape: Sequence[int], number: int) -> int:
    """Its data is in the buffer of its number, of image and mask in the empty first one."""
    buffer = number if number < 3 else 0
    fields = [_indices(builder, 0, shape), _string(builder, 3, name)]
    return _table(builder, [*fields, (2, lambda b: b.PrependUint32Slot(2, buffer, 0))])
