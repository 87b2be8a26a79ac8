"""What a network answers that is no number: noticed, and said once."""

from __future__ import annotations

import logging
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from model_api.adapters.base import InferenceOutputs

log = logging.getLogger(__name__)


class Faults:
    """Says once for a model that it answered NaN or infinity. Clips that run at once share it.

    Attributes:
        count: of frames.
    """

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.count = 0
        self._lock = Lock()

    def warn(self, index: int) -> None:
        """Log a warning the first time. index: the frame's."""
        with self._lock:
            self.count += 1
            is_first = self.count == 1
        if is_first:
            log.warning(
                "Frame %d: the network answered NaN or infinity. It starts afresh there; later such frames are not "
                "reported. If there are many, try --infer_precision f32",
                index,
            )


def is_finite(array: npt.NDArray[Any]) -> bool:
    """Whether all of an array is numbers.

    One NaN or infinity makes the sum one, and a sum is quicker than a look at each; numbers of 8 bits are always sound.
    """
    if array.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum(dtype=np.float32)) or np.isfinite(array).all())


def without_faults(answered: InferenceOutputs) -> InferenceOutputs:
    """The same with 0 for each NaN and infinity."""
    arrays = answered.tensors.items()
    return replace(answered, tensors={name: np.nan_to_num(array, posinf=0, neginf=0) for name, array in arrays})
