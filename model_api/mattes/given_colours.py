"""The person's colours at soft edges, of networks that answer them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from model_api.mattes.guided_filter import Coefficients, SlopeAndOffset
from model_api.mattes.lookup import interpolated, places_of
from model_api.pictures.layers import LUMA, Pixels, Samples, bgr_at, gathered, in_layer, layers_of
from model_api.pictures.picture import Picture, format_of
from model_api.pictures.yuv_image import YuvFormat
from model_api.types import Floats, Image, Levels, Tile


@dataclass(frozen=True, eq=False)
class GivenColours:
    """Colours that are known for every pixel.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        wanted: the format of the composite, None for BGR.
    """

    image: Image
    wanted: YuvFormat | None

    def at(self, layer: int, pixels: Pixels, levels: Levels) -> Samples:
        """See `Colours`."""
        source = self.image if layer == LUMA else self._of_chroma
        return in_layer(gathered(source, pixels).astype(np.float32), layer, self.wanted)

    @cached_property
    def _of_chroma(self) -> Image:
        """The mean colours of the pixels that share a sample of chroma."""
        height, width = self.image.shape[:2]
        size = self.wanted.chroma_wh((width, height)) if self.wanted else (width, height)
        return cv2.resize(self.image, size, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True, eq=False)
class CoefficientColours:
    """Colours by a guided filter's coefficients: a times the frame's own colour, plus b, in BGR.

    Attributes:
        picture: the frame in the format of the composite.
        coefficients: of the colours, at a smaller size.
        part: rows and columns of the small image where colours are asked for.
    """

    picture: Picture
    coefficients: Coefficients
    part: Tile

    def at(self, layer: int, pixels: Pixels, levels: Levels) -> Samples:
        """See `Colours`."""
        wanted = format_of(self.picture)
        brightest = None if wanted and wanted.space.hdr else 255
        size = layers_of(self.picture)[layer].size
        places = places_of(pixels, size, self.coefficients.size, (self.part[1].start, self.part[0].start))
        slope, offset = (interpolated(planes, places)[:, :3] for planes in self._coefficients)
        colours: Floats = bgr_at(self.picture, layer, pixels)
        colours *= slope
        colours += offset
        return in_layer(np.clip(colours, 0, brightest, out=colours), layer, wanted)

    @cached_property
    def _coefficients(self) -> SlopeAndOffset:
        return self.coefficients.colours(self.part)
