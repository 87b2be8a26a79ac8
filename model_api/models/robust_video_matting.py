"""Robust Video Matting: alpha and foreground from a frame and the states of the frame before.

Lin et al., "Robust High-Resolution Video Matting with Temporal Guidance", arXiv 2108.11515. Three forms:
the Open Model Zoo's (r1 -> rr1, fixed size), the original release's (r1i -> r1o, any size, downsample_ratio)
and one with its state inside (src alone).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from model_api.adapters.base import Binding
from model_api.errors import OptionError
from model_api.models.base import MattingModel
from model_api.types import Frame, Signature, Size, Tensors

BASE_SIDE_PX = 512
"""The published network is at its best when it sees people at about this long side."""

SMALLEST_SIDE_PX = 32

SMALLEST_SEEN_PX = 8
"""Of a side times the ratio: of less, the network's five halvings leave nothing."""


class RobustVideoMatting(MattingModel):
    known_as = "Robust Video Matting (src, r1..r4 -> pha, fgr, rr1..rr4; or r1i..r4i, downsample_ratio -> r1o..r4o)"

    @classmethod
    def bind(cls, signature: Signature) -> Binding | None:
        states = signature.states or _pairs(signature)
        extra = len(signature.inputs) - 1 - len(states)
        baked = frozenset({"downsample_ratio"} & signature.input_names)
        if not states or "src" not in signature.input_names or "pha" not in signature.output_names:
            return None
        if extra != len(baked):
            return None
        foreground = "fgr" if "fgr" in signature.output_names else None
        return Binding(("src",), {"alpha": "pha"}, foreground, states, baked)

    def encode(self, frame: Frame) -> Tensors:
        ratio = self.ratio(self.input_size(frame.size)) if self.binding.baked else 0.0
        extras = {name: np.array([ratio], np.float32) for name in self.binding.baked}
        return {**super().encode(frame), **extras}

    def free_size(self, frame_wh: Size) -> Size:
        """The frame's: at least SMALLEST_SIDE_PX, below which the encoder's strides leave nothing."""
        width, height = frame_wh
        return max(width, SMALLEST_SIDE_PX), max(height, SMALLEST_SIDE_PX)

    def ratio(self, size: Size) -> float:
        """By which pictures of this (width, height) are shrunk. Raises OptionError if nothing would be left of them."""
        least = SMALLEST_SEEN_PX / min(size)
        ratio = self.options.downsample_ratio or max(automatic_ratio(size), least)
        if ratio < least:
            raise OptionError(
                f"{ratio:g} leaves nothing of {size[0]}×{size[1]} pixels. Expected at least {least:.3f} for them",
                "downsample_ratio",
            )
        return ratio


def automatic_ratio(size: Size) -> float:
    return min(BASE_SIDE_PX / max(size), 1.0)


def _pairs(signature: Signature) -> Mapping[str, str]:
    states = {}
    for name in sorted(signature.input_names):
        found = re.fullmatch(r"r(\d+)(i?)", name)
        if found:
            answer = f"r{found[1]}o" if found[2] else f"rr{found[1]}"
            if answer in signature.output_names:
                states[name] = answer
    return states
