"""One image in, one mask out: MODNet and every portrait or segmentation network of that shape.

MODNet: Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition",
arXiv 2011.11961; it sees pictures whose short side is 512 pixels, in multiples of 32.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.adapters.base import Binding
from model_api.models.base import MULTIPLE_PX, MattingModel, as_alpha, is_picture
from model_api.preprocessing import Preprocessing
from model_api.types import Alpha, Signature, Size, TensorSpec

SHORT_SIDE_PX = 512
SUM_TOLERANCE = 0.02
"""Two channels that sum to one everywhere within this are probabilities (8-bit ones too), else logits."""


class PortraitMatting(MattingModel):
    known_as = "MODNet and other portrait networks (one image -> one mask of 1 or 2 channels)"
    original = Preprocessing("RGB", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5), "as the published MODNet")

    @classmethod
    def bind(cls, signature: Signature) -> Binding | None:
        if len(signature.inputs) != 1 or signature.states or not all(map(_is_mask, signature.outputs)):
            return None
        image = signature.inputs[0]
        if not is_picture(image):
            return None
        # Networks that answer several masks, U²-Net for one, give the finest first.
        return Binding((min(image.names),), {"alpha": min(signature.outputs[0].names)})

    def plane(self, answer: npt.NDArray[Any]) -> Alpha:
        pair = _two_channels(answer)
        return as_alpha(answer) if pair is None else person_probability(*pair)

    def free_size(self, frame_wh: Size) -> Size:
        scale = SHORT_SIDE_PX / min(frame_wh)
        width, height = (max(MULTIPLE_PX, round(side * scale / MULTIPLE_PX) * MULTIPLE_PX) for side in frame_wh)
        return width, height


def person_probability(background: Alpha, person: Alpha) -> Alpha:
    """(H, W) float32 in [0, 1] from two planes of probabilities or of logits."""
    if np.abs(background + person - 1).max() <= SUM_TOLERANCE and min(background.min(), person.min()) >= 0:
        return np.clip(person, 0, 1)
    # The softmax of two is the sigmoid of their difference; exp of a large number may overflow to infinity.
    weight = cv2.exp(np.clip(background - person, -60, 60))
    return np.asarray(1 / (1 + weight), np.float32)


def _is_mask(spec: TensorSpec) -> bool:
    """1×C×H×W or 1×H×W×C of 1 or 2 channels, 1×H×W, or H×W; what may vary may be anything but the channels."""
    shape = spec.shape
    if len(shape) == 4:
        return shape[0] in (1, None) and (shape[1] in (1, 2) or shape[3] in (1, 2))
    return len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, None))


def _two_channels(answer: npt.NDArray[Any]) -> tuple[Alpha, Alpha] | None:
    if answer.ndim != 4 or 2 not in (answer.shape[1], answer.shape[3]):
        return None
    planes = np.moveaxis(answer[0], 0 if answer.shape[1] == 2 else -1, 0).astype(np.float32, copy=False)
    return np.ascontiguousarray(planes[0]), np.ascontiguousarray(planes[1])
