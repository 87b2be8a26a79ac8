"""What arrays are called, and checks of images, alphas and states.

Other arrays would end the process inside OpenCV, or fail far from the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from model_api.errors import ShapeError

Image = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, BGR."""

Alpha = npt.NDArray[np.float32]
"""(H, W) float32 in [0, 1]: 1 where the person is."""

Levels = npt.NDArray[np.uint8]
"""(H, W) uint8: alpha in 255ths."""

Floats = npt.NDArray[np.float32]
"""(H, W) or (H, W, C) float32."""

Size = tuple[int, int]
"""(width, height) in pixels."""

Tile = tuple[slice, slice]
"""Rows and columns of an image."""

PLAIN = (int, float, str, tuple, type(None))
Array = npt.NDArray[Any]


def require_image(name: str, image: object) -> None:
    """Check that `image` is (H, W, 3) uint8 with at least one pixel.

    Views, strides of every kind and read-only arrays are images too.

    Args:
        name: of the parameter.
        image: what was passed.

    Raises:
        ShapeError: it is not; the message says how to convert it.
    """
    if isinstance(image, np.ndarray) and image.shape[2:] == (3,) and image.dtype == np.uint8 and image.size:
        return
    raise ShapeError(f"{described(image)}. Expected (H, W, 3) uint8 BGR{_remedy(image)}", name)


def require_alpha(name: str, alpha: object) -> None:
    """Check that `alpha` is (H, W) float32 with at least one pixel.

    Args:
        name: of the parameter.
        alpha: what was passed.

    Raises:
        ShapeError: it is not.
    """
    if isinstance(alpha, np.ndarray) and alpha.dtype == np.float32 and alpha.ndim == 2 and alpha.size:
        return
    raise ShapeError(f"{described(alpha)}. Expected (H, W) float32 in [0, 1]", name)


def require_equal_sizes(**arrays: Array) -> None:
    """Check that two arrays have the same height and width.

    Args:
        arrays: parameter -> array.

    Raises:
        ShapeError: they differ. It is about the second parameter.
    """
    (first, one), (second, other) = arrays.items()
    if one.shape[:2] != other.shape[:2]:
        raise ShapeError(
            f"{_size(other)} pixels (width×height), and {first} is {_size(one)}. Resize it to the {first}", second
        )


def require_state(state: object, names: AbstractSet[str]) -> None:
    """Check that `state` has an array under each name, or is empty.

    Args:
        state: what was passed.
        names: the model's state inputs.

    Raises:
        ShapeError: it has not.
    """
    fits = isinstance(state, Mapping) and (not state or state.keys() == names)
    if fits and all(isinstance(array, np.ndarray) for array in state.values()):  # type: ignore[attr-defined]
        return
    arrays = f"arrays named {', '.join(sorted(names))}" if names else "nothing: this model has no state"
    passed = f"a mapping with {', '.join(map(str, state))}" if isinstance(state, Mapping) else described(state)
    raise ShapeError(f"{passed}. Expected {arrays}: what this model returned for the frame before, or None", "state")


def described(value: object) -> str:
    """A value in a few words, for messages: the shape and type of an array, the start of other values."""
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {value.dtype}"
    text = " ".join(repr(value).split())[:60]
    return text if isinstance(value, PLAIN) else f"{type(value).__name__} {text}"


def spelled(shape: Iterable[int | None]) -> str:
    """Dimensions in words, for messages: 1×3×?×?, where None stands for one that may vary."""
    return "×".join("?" if length is None else str(length) for length in shape)


def _size(array: Array) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"


def _remedy(image: object) -> str:
    if isinstance(image, np.ndarray):
        return next((f". {advice}" for applies, advice in REMEDIES if applies(image)), "")
    if image is None:
        return ". OpenCV's imread returns None for a file that it cannot read"
    return ". Read it first, for example with cv2.imread" if isinstance(image, (str, PurePath)) else ""


REMEDIES: tuple[tuple[Callable[[Array], bool], str], ...] = (
    (lambda array: not array.size, "There is no pixel in it"),
    (lambda array: array.ndim > 3, "Give the images of a batch one after another"),
    (lambda array: array.ndim < 2, "Decode an encoded image with cv2.imdecode"),
    (
        lambda array: array.ndim == 3 and array.shape[2] > 4 >= array.shape[0],
        "Put the channels last: np.moveaxis(image, 0, 2)",
    ),
    (lambda array: array.ndim == 3 and array.shape[2] == 4, "Convert it: cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)"),
    (lambda array: array.ndim == 2 or array.shape[2] == 1, "Convert it: cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)"),
    (lambda array: array.dtype.kind == "f", "Levels of 0..1 become bytes: (image * 255).round().astype(np.uint8)"),
)
"""Kinds of other arrays -> how to convert them. The first that applies is shown."""
