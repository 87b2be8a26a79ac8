"""BackgroundMattingV2: alpha and foreground from a frame and the same scene without the person.

Lin et al., "Real-Time High-Resolution Background Matting", arXiv 2012.07810.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model_api.errors import ModelContractError
from model_api.models.base import MattingModel
from model_api.models.plate_light import fit_light
from model_api.pictures.picture import Picture
from model_api.resize import next_multiples, resize_picture
from model_api.types import Binding, Frame, Signature, Size, Tensors

PATCH_PX = 4
"""The refiner cuts an image into squares of this side. The published code refuses other sizes."""


class BackgroundMatting(MattingModel):
    """BackgroundMattingV2."""

    known_as = "BackgroundMattingV2 (src, bgr -> pha, fgr)"
    needs_clean_plate = True

    @classmethod
    def match(cls, signature: Signature) -> Binding | None:
        """See `MattingModel`."""
        if len(signature.inputs) != 2 or not {"src", "bgr"} <= signature.input_names:
            return None
        if "pha" not in signature.output_names:
            return None
        foreground = "fgr" if "fgr" in signature.output_names else None
        return Binding(("src", "bgr"), {"alpha": "pha"}, foreground)

    def preprocess(self, frame: Frame) -> Tensors:
        """The frame, and the clean plate in the frame's light."""
        tensors = super().preprocess(frame)
        src, bgr = (tensors[name][0] for name in self.binding.images)
        return {**tensors, self.binding.images[1]: fit_light(bgr, src).apply(bgr)[np.newaxis]}

    def pictures(self, frame: Frame) -> Mapping[str, Picture]:
        """The frame and the clean plate, both at the frame's size.

        Raises:
            ModelContractError: the frame brings no clean plate.
        """
        if frame.clean_plate is None:
            raise ModelContractError(
                "none, but this model compares each frame with the empty scene. Give an image of it", "clean_plate"
            )
        return {"src": frame.picture, "bgr": resize_picture(frame.clean_plate, frame.size)}

    def free_size(self, frame_wh: Size) -> Size:
        """The frame's, each side the next multiple of PATCH_PX."""
        return next_multiples(frame_wh, PATCH_PX)
