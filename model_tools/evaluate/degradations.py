"""Light and colour that a camera may make of a scene: images as they are hard to see.

Each takes (H, W, 3) uint8 BGR and a random generator, and gives a new image of the same shape. The same generator
gives the same image.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from model_api.resize import resize
from model_api.types import Image

GAMMA = 2.2
"""Code values are light to the power of 1 / 2.2, roughly as sRGB has it."""
PHOTONS_AT_WHITE = 1000
"""Photons that a pixel counts at 255. A choice: a mid grey gets noise of 4 levels in full light, and of 5 at gain 0.25.
"""
OVEREXPOSURE = 1.7
TUNGSTEN_BGR = (0.126, 0.448, 1.0)
"""Linear sRGB of CIE illuminant A (2856 K; X 1.0985, Y 1, Z 0.3558), by the matrix of IEC 61966-2-1, its red as 1."""
JPEG_QUALITY = 25

Degradation = Callable[[Image, np.random.Generator], Image]


def low_light(image: Image, random: np.random.Generator, gain: float) -> Image:
    """Code values times `gain`, with photon (shot) noise.

    The gain is on code values: 0.25 leaves 64 of white, for which the light is gain ** 2.2 of what it was. The noise is
    in linear light, where a camera counts: a Poisson number of photons for each pixel and colour, PHOTONS_AT_WHITE at
    255.
    """
    photons = PHOTONS_AT_WHITE * np.power(gain * np.arange(256) / 255, GAMMA)
    return _codes(random.poisson(photons[image]) / PHOTONS_AT_WHITE)


def overexposed(image: Image, random: np.random.Generator) -> Image:
    """Code values times 1.7, cut off at 255: all above 150 is white."""
    return cv2.convertScaleAbs(image, alpha=OVEREXPOSURE)


def tungsten(image: Image, random: np.random.Generator) -> Image:
    """A room lit by bulbs, seen by a camera whose white is daylight: light times that of CIE illuminant A."""
    levels = np.power(TUNGSTEN_BGR, 1 / GAMMA) * np.arange(256)[:, None]
    return cv2.LUT(image, np.rint(levels).astype(np.uint8)[None])


def grey(image: Image, random: np.random.Generator) -> Image:
    """Without colour."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def jpeg(image: Image, random: np.random.Generator) -> Image:
    """Shrunk to half the size, compressed as JPEG of quality 25, and enlarged again."""
    height, width = image.shape[:2]
    small = resize(image, (max(1, width // 2), max(1, height // 2)))
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    coarse: Image = cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[assignment] # None of what was just written
    return resize(coarse, (width, height))


DEGRADATIONS: dict[str, Degradation] = {
    **{f"gain-{gain}": partial(low_light, gain=gain) for gain in (0.6, 0.4, 0.25)},
    "overexposed": overexposed,
    "tungsten": tungsten,
    "grey": grey,
    "jpeg": jpeg,
}


def _codes(light: npt.NDArray[np.float64]) -> Image:
    """Linear light, 1 at white, as code values."""
    return np.rint(255 * np.power(np.minimum(light, 1), 1 / GAMMA)).astype(np.uint8)
