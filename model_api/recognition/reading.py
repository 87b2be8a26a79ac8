"""How the numbers of a mask become alpha: its channels, its classes, and what its values say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.arrays import described
from model_api.errors import ModelContractError, OptionError
from model_api.layouts import layout_of
from model_api.preprocessing import ACTIVATIONS
from model_api.recognition.known_networks import CLASSES
from model_api.recognition.outputs import MaskOutput
from model_api.recognition.structure import NOTHING, Structure
from model_api.types import Alpha, Floats

AS_IT_IS, SIGMOID, LEVELS = ACTIVATIONS

FIRST_FRAMES = 25
"""Frames whose values are looked at."""
OVERSHOOT = 0.5
"""Regression to 0..1 misses the ends by less than this; logits of a whole picture exceed it."""
LARGEST_LOGIT = 16.0
"""Numbers that are never negative, and larger than this, are levels: no network is that sure everywhere."""
SUM_TOLERANCE = 0.02
"""Channels that sum to one everywhere within this are probabilities (8-bit ones too), else logits."""
FLOATS = ("f32", "f16", "bf16", "f64")
GUESS = "a guess"
FEW_CLASSES = 6
"""So many classes are parts of a person often enough that all but the background is a fair guess."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MaskReading:
    """How a mask is read.

    Attributes:
        mask: the output.
        person: the classes that are the person, of a mask that has some.
        activation: one of ACTIVATIONS, None to see from the first frames.
        origin: where `person` comes from, for messages.
        guessed: whether `person` is a guess.
        quantized: factor and offset that give the numbers that the levels of a mask of 8 bits stand for.
    """

    mask: MaskOutput
    person: tuple[int, ...] = ()
    activation: str | None = None
    origin: str = ""
    guessed: bool = False
    quantized: tuple[float, float] | None = None

    def __str__(self) -> str:
        return f"output {self.mask}: {self._kind()}"

    def _kind(self) -> str:
        classes = f"person {' '.join(map(str, self.person))}" + (f" ({self.origin})" if self.origin else "")
        if self.mask.numbers_classes:
            return f"the number of each pixel's class, {classes}"
        if self.mask.channels > 1:
            return f"{self.mask.channels} classes, {classes}"
        spelled = {AS_IT_IS: "probabilities", SIGMOID: "logits", LEVELS: "levels of 0..255"}
        return spelled[self.activation] if self.activation else "the first frames show what its numbers say"


def reading_of(
    mask: MaskOutput,
    *,
    structure: Structure = NOTHING,
    person: tuple[int, ...] | None = None,
    asked: str | None = None,
) -> MaskReading:
    """Decide how a mask is read.

    Args:
        mask: the output.
        structure: what the graph tells.
        person: the classes that the user or the file names.
        asked: the activation that the user or the file names.

    Raises:
        OptionError: `person` or `asked` do not go with the mask.
        ModelContractError: there are many classes, and nothing says which is the person.
    """
    quantized = structure.quantized.get(mask.name)
    if mask.channels == 1 and not mask.numbers_classes:
        if person is not None:
            raise OptionError(f"{mask} has one channel, and no classes. Leave it out", "person_class")
        is_probability = mask.name in structure.probabilities and (quantized or mask.dtype in FLOATS)
        certain = AS_IT_IS if is_probability else LEVELS if mask.dtype == "u8" and not quantized else None
        return MaskReading(mask, activation=asked or certain, quantized=quantized)
    if asked is not None:
        raise OptionError(f"{asked}: {mask} has classes, of which the surest counts. Leave it out", "activation")
    if person is not None:
        _require_classes(mask, person)
        return MaskReading(mask, person, origin="as asked", quantized=quantized)
    return replace(
        _default_person(mask, structure.classes if mask.numbers_classes else mask.channels), quantized=quantized
    )


def _default_person(mask: MaskOutput, classes: int) -> MaskReading:
    """classes: how many there are, 0 where nothing says it."""
    if classes == 2:
        return MaskReading(mask, (1,))
    if classes in CLASSES:
        origin, person = CLASSES[classes]
        return MaskReading(mask, person, origin=origin)
    if classes == 0:
        return MaskReading(mask, (1,), origin=GUESS, guessed=True)
    if classes <= FEW_CLASSES:
        return MaskReading(mask, tuple(range(1, classes)), origin=f"{GUESS}: all but the first", guessed=True)
    raise ModelContractError(
        f"{mask} has {classes} classes. Say which is the person, from 0: 12 in ADE20K, 11 in Cityscapes",
        "person_class",
    )


def _require_classes(mask: MaskOutput, person: tuple[int, ...]) -> None:
    if 1 < mask.channels <= max(person):
        raise OptionError(f"{max(person)}, but {mask} has the classes 0 to {mask.channels - 1}", "person_class")


class Values:
    """What the values of one channel say, seen from the first frames. Clips that run at once share it."""

    def __init__(self, reading: MaskReading) -> None:
        """Begin. reading: how the mask is read; its activation is final where there is one."""
        self._mask = reading.mask
        self._activation = reading.activation
        self._left = 0 if reading.activation else FIRST_FRAMES
        self._low, self._high = 0.0, 1.0
        self._lock = Lock()

    def activation(self, plane: Floats) -> str:
        """One of ACTIVATIONS for this frame.

        Args:
            plane: (H, W) float32, what the network answered.
        """
        if not self._left:
            return self._activation or AS_IT_IS
        with self._lock:
            self._left = max(0, self._left - 1)
            self._low, self._high = min(self._low, float(plane.min())), max(self._high, float(plane.max()))
            decided = activation_of(self._low, self._high)
            if decided != (self._activation or AS_IT_IS):
                log.info(
                    "%s holds %s: its values reach from %.3g to %.3g",
                    self._mask,
                    "logits, and gets a sigmoid" if decided == SIGMOID else "levels, and is divided by 255",
                    self._low,
                    self._high,
                )
            self._activation = decided
            return decided


def activation_of(low: float, high: float) -> str:
    """What numbers between these two are: one of ACTIVATIONS."""
    if low >= -OVERSHOOT and high <= 1 + OVERSHOOT:
        return AS_IT_IS
    return LEVELS if low >= -OVERSHOOT and high > LARGEST_LOGIT else SIGMOID


def activated(plane: Floats, activation: str) -> Alpha:
    """(H, W) float32 in [0, 1] of what one channel holds."""
    if activation == SIGMOID:
        return sigmoid(plane)
    return np.clip(plane / np.float32(255) if activation == LEVELS else plane, 0, 1)


def sigmoid(logits: Floats) -> Alpha:
    """1 / (1 + exp(-logits)), (H, W) float32. exp of a large number may overflow to infinity: it is limited."""
    return np.asarray(1 / (1 + cv2.exp(np.clip(-logits, -60, 60))), np.float32)


def read(planes: npt.NDArray[Any], reading: MaskReading, activation: Callable[[Floats], str]) -> Alpha:
    """(H, W) float32 in [0, 1] of a mask, whatever its numbers are.

    Args:
        planes: (C, H, W), what the network answered.
        reading: how it is read.
        activation: what a mask of one channel holds, by its values.
    """
    if reading.mask.numbers_classes:
        return np.isin(planes[0], reading.person).astype(np.float32)
    if reading.quantized:
        factor, offset = reading.quantized
        planes = planes * np.float32(factor) + np.float32(offset)
    if reading.mask.channels > 1:
        return person_of(planes, reading.person)
    plane = np.ascontiguousarray(planes[0], np.float32)
    return activated(plane, activation(plane))


def planes_of(output: npt.NDArray[Any], mask: MaskOutput) -> npt.NDArray[Any]:
    """(C, H, W), a view of what the network answered.

    Args:
        output: the array.
        mask: its layout.

    Raises:
        ModelContractError: it answered nothing.
    """
    if not output.size:
        raise ModelContractError(f"the network answers a mask of {described(output)}. Expected 1×1×H×W")
    if mask.flat and mask.size:
        return output.reshape(1, mask.size[1], mask.size[0])
    if output.ndim == 4:
        return np.moveaxis(output, mask.layout.index("C"), 1)[0] if mask.layout else output[0]
    return output[np.newaxis] if output.ndim == 2 else output[:1]


def person_of(planes: npt.NDArray[Any], person: tuple[int, ...]) -> Alpha:
    """The probability that each pixel is one of the person's classes.

    Args:
        planes: (C, H, W), the probabilities of the classes, in 0..1 or 0..255, or their logits.
        person: the classes.

    Returns:
        (H, W) float32 in [0, 1].
    """
    floats = planes.astype(np.float32, copy=False)
    if planes.dtype == np.uint8:
        floats = floats / np.float32(255)
    chosen = [floats[number] for number in person]
    within = floats.min() >= -SUM_TOLERANCE and floats.max() <= 1 + SUM_TOLERANCE
    # Two that do not sum to one are two sigmoids.
    if within and (len(floats) == 2 or np.abs(floats.sum(axis=0) - 1).max() <= SUM_TOLERANCE):
        return np.clip(sum(chosen), 0, 1)
    if len(floats) == 2 and len(person) == 1:
        # The softmax of two is the sigmoid of their difference.
        return sigmoid(floats[person[0]] - floats[1 - person[0]])
    weights = np.exp(floats - floats.max(axis=0))
    return np.asarray(sum(weights[number] for number in person) / weights.sum(axis=0), np.float32)


def as_alpha(output: npt.NDArray[Any]) -> Alpha:
    """1×1×H×W, 1×H×W×1, 1×H×W or H×W as (H, W) float32 in [0, 1]. Raises ModelContractError."""
    if not (2 <= output.ndim <= 4 and output.size):
        raise ModelContractError(f"the network answers an alpha of {described(output)}. Expected 1×1×H×W")
    if output.ndim == 4:
        output = output[0, 0] if layout_of(output.shape, (1,)) == "NCHW" else output[0, ..., 0]
    plane = output[0] if output.ndim == 3 else output
    return np.clip(plane.astype(np.float32, copy=False), 0, 1)
