"""The tensors of an answer: not believed before their types, shapes and bytes are those that were asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from model_api.adapters.kserve.faults import WrongAnswerError
from model_api.arrays import spelled
from model_api.layouts import LAYOUTS, layout_of
from model_api.terminal.foreign_text import one_line
from model_api.types import Binding, Tensors, TensorSpec

TYPES: Mapping[str, tuple[str, type[np.generic]]] = {
    "BOOL": ("boolean", np.bool_),
    "UINT8": ("u8", np.uint8), "UINT16": ("u16", np.uint16), "UINT32": ("u32", np.uint32), "UINT64": ("u64", np.uint64),
    "INT8": ("i8", np.int8), "INT16": ("i16", np.int16), "INT32": ("i32", np.int32), "INT64": ("i64", np.int64),
    "FP16": ("f16", np.float16), "FP32": ("f32", np.float32), "FP64": ("f64", np.float64),
}  # fmt: skip
"""KServe's name of a type -> OpenVINO's, as in TensorSpec, and NumPy's."""

NUMPY_TYPES = dict(TYPES.values())

LARGEST_BYTES = 1 << 29
"""Of all inputs of a network, and of all outputs. An 8K frame in float32 has 400 MB."""
LARGEST_RANK = 8
OPEN_BYTES = 1 << 26
PIXEL_BYTES = 64
"""Outputs whose sizes the server leaves open: OPEN_BYTES, and PIXEL_BYTES for each pixel of the image. Robust Video
Matting answers 40 without its reduction, with all its states, its ResNet-50 form 46."""
OVERHEAD_BYTES = 1 << 20
"""Of an answer around its tensors: names, shapes, parameters."""


@dataclass(frozen=True, eq=False)
class ReceivedTensor:
    """A tensor as an answer describes it.

    Attributes:
        name: of the output.
        datatype: KServe's name of the type.
        shape: the dimensions.
        data: its bytes, or its numbers in a sequence.
    """

    name: object
    datatype: object
    shape: object
    data: bytes | memoryview | Sequence[Any]


def bytes_of(spec: TensorSpec) -> int | None:
    """How many bytes a tensor has, None where its shape is open or its type is unknown."""
    if None in spec.shape or spec.dtype not in NUMPY_TYPES:
        return None
    return prod(length or 0 for length in spec.shape) * np.dtype(NUMPY_TYPES[spec.dtype]).itemsize


def longest_answer(outputs: Iterable[TensorSpec], pixels: int) -> int:
    """How many bytes the answer to a request with an image of so many pixels may have at most.

    States do not count: they come from the server, which could make its own bound grow with them.
    """
    sizes = [bytes_of(spec) if spec.shape else None for spec in outputs]
    known = sum(size for size in sizes if size is not None)
    left_open = OPEN_BYTES + PIXEL_BYTES * pixels if None in sizes else 0
    return min(known + left_open, LARGEST_BYTES) + OVERHEAD_BYTES


def require_answer_to(number: str, model: str, answer: Mapping[str, object]) -> None:
    """Check that an answer belongs to a request, as far as it says so.

    Args:
        number: the request's.
        model: its name in the request.
        answer: its `id` and `model_name`, and whatever else.

    Raises:
        WrongAnswerError: it is another request's.
    """
    for key, expected in (("id", number), ("model_name", model)):
        if answer.get(key) not in (None, "", expected):
            raise WrongAnswerError(f"its answer is to another request: {key} {one_line(answer[key], 60)}")


def read_tensors(
    received: Sequence[ReceivedTensor], outputs: Iterable[TensorSpec], may_be_empty: Collection[str]
) -> Tensors:
    """The outputs that were asked for.

    Args:
        received: the tensors of an answer.
        outputs: what the server said of those that were asked for.
        may_be_empty: names of outputs that may have no element: a network may detect nothing.

    Raises:
        WrongAnswerError: one is missing or there twice, or is of another type, rank or size.
    """
    tensors = {}
    for spec in outputs:
        name = min(spec.names)
        named = [tensor for tensor in received if tensor.name == name]
        if len(named) != 1:
            raise WrongAnswerError(f"its answer has {name} {len(named)} times" if named else f"its answer lacks {name}")
        tensors[name] = _array(named[0], spec, empty=name in may_be_empty)
    return tensors


def require_roles(binding: Binding, tensors: Tensors, image: Sequence[int]) -> None:
    """Check what a contract reads together, where the server leaves sizes open.

    Args:
        binding: the roles of the outputs.
        tensors: the outputs.
        image: the shape of the image input, as the network takes it.

    Raises:
        WrongAnswerError: they do not go together.
    """
    if "alpha" in binding.answers:
        size = _plane(binding.answers["alpha"], tensors, (1, 2))
        if binding.foreground is not None:
            _require_same(binding.foreground, _plane(binding.foreground, tensors, (3,)), size)
            _require_same(binding.answers["alpha"], size, _sides(image, layout_of(image)))
    if "boxes" in binding.answers:
        _require_detections({role: tensors[name] for role, name in binding.answers.items()})


def _array(tensor: ReceivedTensor, spec: TensorSpec, *, empty: bool) -> npt.NDArray[Any]:
    name = min(spec.names)
    if TYPES.get(str(tensor.datatype), ("",))[0] != spec.dtype:
        expected = next((kind for kind, (dtype, _) in TYPES.items() if dtype == spec.dtype), spec.dtype)
        raise WrongAnswerError(f"its answer has {name} as {one_line(tensor.datatype, 20)}, expected {expected}")
    shape = _shape(tensor, spec, empty=empty)
    dtype = np.dtype(NUMPY_TYPES[spec.dtype])
    has, needs = len(tensor.data), prod(shape)
    if isinstance(tensor.data, (bytes, memoryview)):
        if has != needs * dtype.itemsize:
            raise WrongAnswerError(f"its answer has {has} bytes for {name} of {_spell(shape)} {tensor.datatype}")
        return np.frombuffer(tensor.data, dtype).reshape(shape)
    try:
        return np.array(tensor.data, dtype).reshape(shape)
    except (ValueError, TypeError, OverflowError):
        raise WrongAnswerError(
            f"its answer has other numbers for {name} than {_spell(shape)} {tensor.datatype}"
        ) from None


def _shape(tensor: ReceivedTensor, spec: TensorSpec, *, empty: bool) -> tuple[int, ...]:
    name, shape = min(spec.names), tensor.shape
    if not is_shape(shape):
        raise WrongAnswerError(f"its answer gives {name} the shape {one_line(shape, 60)}")
    fits = len(shape) == len(spec.shape) and all(map(_fits, spec.shape, shape))
    if (spec.shape and not fits) or (0 in shape and not empty):
        raise WrongAnswerError(f"its answer has {name} of {_spell(shape)}, expected {_spell(spec.shape)}")
    return tuple(shape)


def is_shape(shape: object) -> TypeGuard[Sequence[int]]:
    """Whether it is a sequence of a few whole numbers from 0."""
    return (
        isinstance(shape, (list, tuple))
        and len(shape) <= LARGEST_RANK
        and all(isinstance(length, int) and not isinstance(length, bool) and 0 <= length < 1 << 31 for length in shape)
    )


def _fits(expected: int | None, length: int) -> bool:
    return expected in (None, length)


def _plane(name: str, tensors: Tensors, channels: Collection[int]) -> tuple[int, int]:
    """The height and width of an output that is one image."""
    shape = tensors[name].shape
    layout = layout_of(shape, channels)
    is_plane = len(shape) in (2, 3) and 1 in channels and shape[0 : len(shape) - 2] in ((), (1,))
    if not is_plane and (not layout or shape[0] != 1):
        raise WrongAnswerError(f"its answer has {name} of {_spell(shape)}, which is no image")
    return _sides(shape, layout)


def _sides(shape: Sequence[int], layout: str) -> tuple[int, int]:
    """Height and width."""
    if layout not in LAYOUTS:
        return shape[-2], shape[-1]
    return shape[layout.index("H")], shape[layout.index("W")]


def _require_same(name: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    if size != expected:
        raise WrongAnswerError(f"its answer has {name} of {_spell(size)} pixels, expected {_spell(expected)}")


def _require_detections(answers: Mapping[str, npt.NDArray[Any]]) -> None:
    """A box, a score, a class and a mask for each object; prototypes for all of them."""
    axis = answers["boxes"].ndim - 2
    each = {role: array.shape for role, array in answers.items() if role != "proto"}
    counts = {shape[axis] if 0 <= axis < len(shape) else None for shape in each.values()}
    batches = {shape[:axis] for shape in each.values()}
    columns = each["boxes"][-1] if axis >= 0 else 0
    mixed = "proto" in answers and (answers["proto"].ndim != 4 or answers["proto"].shape[-1] != each["mask"][-1])
    if axis not in (0, 1) or len(counts) != 1 or len(batches) != 1 or columns < 4 or mixed:
        spelt = ", ".join(f"{role} {_spell(array.shape)}" for role, array in answers.items())
        raise WrongAnswerError(f"its answer has outputs that do not go together: {spelt}")


def _spell(shape: Sequence[int | None]) -> str:
    return spelled(shape) or "one number"
