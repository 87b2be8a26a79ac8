"""One image in, one mask out: MODNet and every portrait or segmentation network of that shape.

MODNet: Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition",
arXiv 2011.11961. It sees images whose short side is 512 pixels, in multiples of 32.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.layouts import is_image, layout_of
from model_api.models.base import MattingModel, as_alpha
from model_api.preprocessing import Preprocessing
from model_api.resize import rounded_size
from model_api.types import Alpha, Binding, Signature, Size, TensorSpec

SHORT_SIDE_PX = 512
SUM_TOLERANCE = 0.02
"""Two channels that sum to one everywhere within this are probabilities (8-bit ones too), else logits."""


class PortraitMatting(MattingModel):
    """MODNet, and other networks with one image and one mask."""

    known_as = "MODNet and other portrait networks (one image -> one mask of 1 or 2 channels)"
    original = Preprocessing("RGB", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5), "as the published MODNet")

    @classmethod
    def match(cls, signature: Signature) -> Binding | None:
        """See `MattingModel`."""
        if len(signature.inputs) != 1 or signature.states or not all(map(_is_mask, signature.outputs)):
            return None
        image = signature.inputs[0]
        if not is_image(image):
            return None
        # Networks that answer several masks, U²-Net for one, give the finest first.
        return Binding((min(image.names),), {"alpha": min(signature.outputs[0].names)})

    def alpha_of(self, output: npt.NDArray[Any]) -> Alpha:
        """(H, W) float32 in [0, 1] of one mask, or of two channels, background and person."""
        pair = _two_channels(output)
        return as_alpha(output) if pair is None else person_probability(*pair)

    def free_size(self, frame_wh: Size) -> Size:
        """The short side is SHORT_SIDE_PX, both in multiples of 32."""
        return rounded_size(frame_wh, SHORT_SIDE_PX / min(frame_wh))


def person_probability(background: Alpha, person: Alpha) -> Alpha:
    """The probability that each pixel is the person.

    Args:
        background: (H, W) float32, its probabilities or logits.
        person: the same.

    Returns:
        (H, W) float32 in [0, 1].
    """
    if np.abs(background + person - 1).max() <= SUM_TOLERANCE and min(background.min(), person.min()) >= 0:
        return np.clip(person, 0, 1)
    # The softmax of two is the sigmoid of their difference; exp of a large number may overflow to infinity.
    weight = cv2.exp(np.clip(background - person, -60, 60))
    return np.asarray(1 / (1 + weight), np.float32)


def _is_mask(spec: TensorSpec) -> bool:
    """1×C×H×W or 1×H×W×C of 1 or 2 channels, 1×H×W, or H×W. A batch that may vary counts as 1."""
    shape = spec.shape
    if len(shape) == 4:
        return shape[0] in (1, None) and bool(layout_of(shape, (1, 2)))
    return len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, None))


def _two_channels(output: npt.NDArray[Any]) -> tuple[Alpha, Alpha] | None:
    layout = layout_of(output.shape, (2,))
    if not layout:
        return None
    background, person = np.moveaxis(output, layout.index("C"), 0)[:, 0].astype(np.float32, copy=False)
    return np.ascontiguousarray(background), np.ascontiguousarray(person)
