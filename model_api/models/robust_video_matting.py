"""Robust Video Matting: alpha and foreground from a frame and the states of the frame before.

Lin et al., "Robust High-Resolution Video Matting with Temporal Guidance", arXiv 2108.11515. Three forms:
the Open Model Zoo's (r1 -> rr1, fixed size), the original release's (r1i -> r1o, any size, downsample_ratio)
and one with its state inside (only src).

Its guided filter may be left to the matte: the network then takes a small image, and answers what the coefficients are
computed from (`graph.refiner_extraction`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import cv2
import numpy as np

from model_api.adapters.base import Adapter
from model_api.errors import OptionError
from model_api.graph.refiner_extraction import ANSWER, OFFSET, SLOPE
from model_api.layouts import image_size
from model_api.mattes.guided_filter import Coefficients, DeepCoefficients, FastCoefficients
from model_api.mattes.matte import GuidedMatte, Matte
from model_api.models.base import MattingModel, ModelOptions
from model_api.models.network_facts import NetworkFacts
from model_api.models.tickets import Answer
from model_api.pictures.picture import Picture, bgr_through, size_of
from model_api.pictures.yuv_image import Plane
from model_api.resize import resize
from model_api.types import Binding, Frame, Image, Signature, Size, Tensors

BASE_SIDE_PX = 512
"""The published network is at its best when it sees people at about this long side."""

SMALLEST_SIDE_PX = 32

SMALLEST_SEEN_PX = 8
"""Of a side times the ratio: of less, the network's five halvings leave nothing."""

ROUNDING = 1e-4
"""A side times the ratio this close below a whole number is that number, as in the network's own arithmetic."""


class RobustVideoMatting(MattingModel):
    """Robust Video Matting, with its guided filter in the network or left to the matte."""

    known_as = "Robust Video Matting (src, r1..r4 -> pha, fgr, rr1..rr4; or r1i..r4i, downsample_ratio -> r1o..r4o)"

    def __init__(self, adapter: Adapter, network: NetworkFacts, options: ModelOptions) -> None:
        """See `MattingModel`."""
        self.refiner_outside = "alpha" not in adapter.binding.answers
        self._whole_wh = image_size(network.signature.input(network.binding.images[0]))
        super().__init__(adapter, network, options)

    @classmethod
    def match(cls, signature: Signature) -> Binding | None:
        """See `MattingModel`."""
        states = signature.states or _pairs(signature)
        extra = len(signature.inputs) - 1 - len(states)
        shape_inputs = frozenset({"downsample_ratio"} & signature.input_names)
        if not states or "src" not in signature.input_names or "pha" not in signature.output_names:
            return None
        if extra != len(shape_inputs):
            return None
        foreground = "fgr" if "fgr" in signature.output_names else None
        return Binding(("src",), {"alpha": "pha"}, foreground, states, shape_inputs)

    def preprocess(self, frame: Frame) -> Tensors:
        """The frame, and the ratio where the network takes one."""
        if self.refiner_outside:
            return {self.binding.images[0]: self._shrunk(frame.picture)[np.newaxis]}
        if not self.takes_ratio:
            return super().preprocess(frame)
        ratio = np.array([self.ratio(self.input_size(frame.size))], np.float32)
        return {**super().preprocess(frame), **dict.fromkeys(self.binding.shape_inputs, ratio)}

    def postprocess(self, answer: Answer) -> Matte:
        """See `MattingModel`."""
        if not self.refiner_outside:
            return super().postprocess(answer)
        return GuidedMatte(answer.frame.picture, self._coefficients(answer))

    def free_size(self, frame_wh: Size) -> Size:
        """The frame's, at least SMALLEST_SIDE_PX; times the ratio where the refiner is outside."""
        size = _at_least_smallest(frame_wh)
        return _shrunk_size(size, self.ratio(size)) if self.refiner_outside else size

    def ratio(self, size: Size) -> float:
        """The ratio by which the network shrinks images.

        Args:
            size: their (width, height) in pixels.

        Raises:
            OptionError: the user's ratio would leave nothing of them.
        """
        least = SMALLEST_SEEN_PX / min(size)
        ratio = self.options.downsample_ratio or max(auto_downsample_ratio(*size), least)
        if ratio < least:
            raise OptionError(
                f"{ratio:g} leaves nothing of {size[0]}×{size[1]} pixels. Expected at least {least:.3f} for them",
                "downsample_ratio",
            )
        return ratio

    def _coefficients(self, answer: Answer) -> Coefficients:
        outputs = answer.outputs
        if ANSWER in outputs:
            return FastCoefficients(self.seen(answer.tensors), outputs[ANSWER][0])
        return DeepCoefficients(outputs[SLOPE][0], outputs[OFFSET][0])

    def _shrunk(self, picture: Picture) -> Image:
        """As the network shrinks its image: bilinear, without averaging, from the size that it takes."""
        whole = size_of(picture)
        size = self.input_size(whole)
        if self._whole_wh is None:
            ratio = self.ratio(_at_least_smallest(whole))
            return bgr_through(picture, lambda plane: scaled(plane, ratio, size, whole))
        if self._whole_wh == whole:
            return bgr_through(picture, lambda plane: cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR))
        return bgr_through(picture, lambda plane: resize(plane, size))


def auto_downsample_ratio(height: int, width: int) -> float:
    """The ratio at which Robust Video Matting sees a frame's long side at 512 pixels, 1 for smaller frames.

    As RobustVideoMatting's own `auto_downsample_ratio`.

    Args:
        height: of the frame in pixels.
        width: of the frame in pixels.
    """
    return min(BASE_SIDE_PX / max(height, width), 1.0)


def scaled(plane: Plane, ratio: float, size: Size, whole_wh: Size) -> Plane:
    """Shrink a plane of a picture bilinearly by exactly a ratio, with pixels as areas.

    What is left over of a pixel at the right and at the bottom is left out. A resize to whole pixels would stretch the
    picture over it.

    Args:
        plane: (h, w) or (h, w, 3) uint8 or uint16, chroma too.
        ratio: in 0..1.
        size: (width, height) of the result: the picture's times the ratio, rounded down.
        whole_wh: (width, height) of the picture.

    Returns:
        A plane of that size.
    """
    if max(abs(side * ratio - small) for side, small in zip(whole_wh, size, strict=True)) < ROUNDING:
        return cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    shares = [round(whole / own) for whole, own in zip(whole_wh, plane.shape[1::-1], strict=True)]
    across, down = (
        (np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(1 / ratio / share) - np.float32(0.5)
        for side, share in zip(size, shares, strict=True)
    )
    x, y = np.meshgrid(across, down)
    return cv2.remap(plane, x, y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _at_least_smallest(size: Size) -> Size:
    """Below SMALLEST_SIDE_PX the encoder's strides leave nothing."""
    width, height = size
    return max(width, SMALLEST_SIDE_PX), max(height, SMALLEST_SIDE_PX)


def _shrunk_size(size: Size, ratio: float) -> Size:
    width, height = size
    return math.floor(width * ratio + ROUNDING), math.floor(height * ratio + ROUNDING)


def _pairs(signature: Signature) -> Mapping[str, str]:
    """State input -> the output that feeds it, by their names."""
    states = {}
    for name in sorted(signature.input_names):
        match = re.fullmatch(r"r(\d+)(i?)", name)
        if match:
            output = f"r{match[1]}o" if match[2] else f"rr{match[1]}"
            if output in signature.output_names:
                states[name] = output
    return states
