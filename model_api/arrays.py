"""Which arrays are images and alphas. Others end the process inside OpenCV, or fail far from where they came in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from model_api.errors import ShapeError

PLAIN = (int, float, str, tuple, type(None))
Array = npt.NDArray[Any]


def require_image(name: str, image: object) -> None:
    """Raises ShapeError, with how to make one of it, unless `image` is (H, W, 3) uint8 and holds a pixel at least.

    Views, strides of every kind and read-only arrays are images like others.
    """
    if isinstance(image, np.ndarray) and image.shape[2:] == (3,) and image.dtype == np.uint8 and image.size:
        return
    raise ShapeError(f"{described(image)}. Expected (H, W, 3) uint8 BGR{_remedy(image)}", name)


def require_alpha(name: str, alpha: object) -> None:
    """Raises ShapeError unless `alpha` is (H, W) float32 and holds a pixel at least."""
    if isinstance(alpha, np.ndarray) and alpha.dtype == np.float32 and alpha.ndim == 2 and alpha.size:
        return
    raise ShapeError(f"{described(alpha)}. Expected (H, W) float32 in [0, 1]", name)


def require_equal_sizes(**arrays: Array) -> None:
    """Two arrays by their names. Raises ShapeError, under the second's name, if their heights or widths differ."""
    (first, one), (second, other) = arrays.items()
    if one.shape[:2] != other.shape[:2]:
        raise ShapeError(
            f"{_size(other)} pixels (width×height), and {first} is {_size(one)}. Resize it to the {first}", second
        )


def require_state(state: object, names: AbstractSet[str]) -> None:
    """Raises ShapeError unless `state` has an array under each of these names, or is empty."""
    fits = isinstance(state, Mapping) and (not state or state.keys() == names)
    if fits and all(isinstance(array, np.ndarray) for array in state.values()):  # type: ignore[attr-defined]
        return
    arrays = f"arrays named {', '.join(sorted(names))}" if names else "nothing, for this model has no state"
    found = f"a mapping with {', '.join(map(str, state))}" if isinstance(state, Mapping) else described(state)
    raise ShapeError(f"{found}. Expected {arrays}: what this model gave with the frame before, or None", "state")


def described(value: object) -> str:
    """A value in a few words: the shape and type of an array."""
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {value.dtype}"
    text = " ".join(repr(value).split())[:60]
    return text if isinstance(value, PLAIN) else f"{type(value).__name__} {text}"


def _size(array: Array) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"


def _remedy(image: object) -> str:
    if isinstance(image, np.ndarray):
        return next((f". {advice}" for applies, advice in REMEDIES if applies(image)), "")
    if image is None:
        return ". OpenCV's imread gives None for a file that it cannot read"
    return ". Read it first, for example with cv2.imread" if isinstance(image, (str, PurePath)) else ""


REMEDIES: tuple[tuple[Callable[[Array], bool], str], ...] = (
    (lambda array: not array.size, "There is no pixel in it"),
    (lambda array: array.ndim > 3, "Give the images of a batch one after another"),
    (lambda array: array.ndim < 2, "An encoded image becomes one by cv2.imdecode"),
    (lambda array: array.ndim == 3 and array.shape[2] > 4 >= array.shape[0], "Channels last: np.moveaxis(image, 0, 2)"),
    (lambda array: array.ndim == 3 and array.shape[2] == 4, "cv2.cvtColor(image, cv2.COLOR_BGRA2BGR) makes one of it"),
    (lambda array: array.ndim == 2 or array.shape[2] == 1, "cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) makes one of it"),
    (lambda array: array.dtype.kind == "f", "Levels of 0..1: (image * 255).round().astype(np.uint8)"),
)
"""What to do with other arrays: the first that applies."""
