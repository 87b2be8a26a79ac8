"""One image in, one mask out: MODNet and every portrait or segmentation network of that shape.

MODNet: Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition",
arXiv 2011.11961. It sees images whose short side is 512 pixels, in multiples of 32. Other networks: `recognition`.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from model_api.adapters.base import Adapter
from model_api.layouts import is_image
from model_api.models.base import MattingModel, ModelOptions
from model_api.models.network_facts import NetworkFacts
from model_api.preprocessing import GUESS
from model_api.recognition.outputs import find_mask, mask_of
from model_api.recognition.reading import Values, planes_of, read, reading_of
from model_api.resize import rounded_size
from model_api.types import Alpha, Binding, Signature, Size

SHORT_SIDE_PX = 512


class PortraitMatting(MattingModel):
    """MODNet, and other networks with one image and one mask."""

    known_as = "MODNet and other portrait networks (one image -> one mask, or one of classes)"
    original = GUESS
    one_mask = True

    def __init__(self, adapter: Adapter, network: NetworkFacts, options: ModelOptions) -> None:
        """See `MattingModel`."""
        super().__init__(adapter, network, options)
        self._reading = network.reading or reading_of(mask_of(network.signature, network.binding))
        self._values = Values(self._reading)

    @classmethod
    def match(cls, signature: Signature, output_name: str | None = None) -> Binding | None:
        """See `MattingModel`.

        Args:
            signature: its inputs and outputs.
            output_name: the output that is the mask. None: see `recognition.outputs`.

        Raises:
            OptionError: the network has no such output, or it is no mask.
        """
        if len(signature.inputs) != 1 or signature.states or not is_image(signature.inputs[0]):
            return None
        image = signature.inputs[0]
        mask = find_mask(signature.outputs, image, output_name)
        return Binding((min(image.names),), {"alpha": mask.name}) if mask else None

    def alpha_of(self, output: npt.NDArray[Any]) -> Alpha:
        """(H, W) float32 in [0, 1] of the network's mask, whatever its numbers are."""
        return read(planes_of(output, self._reading.mask), self._reading, self._values.activation)

    def free_size(self, frame_wh: Size) -> Size:
        """The short side is SHORT_SIDE_PX, both in multiples of 32."""
        return rounded_size(frame_wh, SHORT_SIDE_PX / min(frame_wh))
