"""The light of a clean plate matched to a frame's: automatic exposure and white balance change between them.

A gain and an offset for each colour channel are fitted, on thumbnails, to the pixels where plate and frame agree, which
are those outside the person. Trimmed least squares (Rousseeuw 1984) begin from the plate as it is and from the most
frequent ratio of frame to plate, so that the person may cover more than half of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from model_api.pictures.picture import Picture
from model_api.resize import thumbnail
from model_api.types import Floats, Image, Size

THUMBNAIL_WH: Size = (48, 32)
DARK, CLIPPED = 16, 240
"""Levels between which a pixel follows the exposure."""
TOLERANCES = (24.0, 16.0, 11.0, 8.0, 8.0, 8.0)
"""Levels by which plate and frame may differ where they agree, from the first fit to the last."""
LEAST_AGREEMENT = 0.15
"""Share of the image that must agree, so that a fit counts."""
MOST_GAIN, MOST_OFFSET = 2.5, 40.0
ENOUGH = 0.5
"""Share of the comparable pixels: where more agree in the plate's own light, no other light is tried."""
AS_IT_IS = 1.25
"""How many times more pixels another light must explain than the plate as it is."""
FLAT = 16.0
"""Variance, in squared levels, below which a plate determines a gain but no offset."""
NOISE = 2.0
"""Levels; a fit that changes the plate by less leaves it as it is."""
MEASURABLE = 50
SHIFTS_PX = (-4, -2, -1, 0, 1, 2, 4)
MOVED, CHANCE = 1.25, 0.05
"""How many times more pixels agree at another place when the camera has moved, and what share does so by chance."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Light:
    """A change of light: plate · gain + offset is the frame's background.

    Attributes:
        gain: (3,) float32, B, G, R.
        offset: (3,) float32, B, G, R, in levels of 0..255.
        agreement: share of the image, in 0..1, that this explains.
    """

    gain: Floats
    offset: Floats
    agreement: float = 0.0

    @property
    def unchanged(self) -> bool:
        """Whether it changes the plate by no more than noise."""
        levels = np.array([[48.0], [128.0], [208.0]], np.float32)
        return bool(np.abs(levels * self.gain + self.offset - levels).max() < NOISE)

    def apply(self, plate: Image) -> Image:
        """The plate in this light: (H, W, 3) uint8 BGR. Unchanged, it is `plate` itself."""
        if self.unchanged:
            return plate
        levels = np.arange(256, dtype=np.float32)[:, np.newaxis] * self.gain + self.offset
        return cv2.LUT(plate, np.clip(np.rint(levels), 0, 255).astype(np.uint8)[np.newaxis])


SAME = Light(np.ones(3, np.float32), np.zeros(3, np.float32))


def fit_light(plate: Image, image: Image) -> Light:
    """Fit the light in which the plate is the background of a frame.

    Args:
        plate: (H, W, 3) uint8 BGR, the empty scene.
        image: (H, W, 3) uint8 BGR, the frame. People may cover up to about 60 % of it.

    Returns:
        The light; the plate's own, with an agreement of 0, where too little of the image agrees in any light.
    """
    return _fit(*_levels(plate, image))


def shows_another_view(plate: Picture, picture: Picture) -> bool:
    """Whether the plate shows another room, or the camera was moved.

    False where there is too little to compare: in the dark, or behind a person who covers nearly everything.

    Args:
        plate: the empty scene.
        picture: the frame.
    """
    known, seen = _levels(plate, picture)
    if np.count_nonzero(_measurable(known, seen)) < MEASURABLE:
        return False
    light = _fit(known, seen)
    if light.agreement < LEAST_AGREEMENT:
        return True
    edge = max(SHIFTS_PX)
    inner = seen[edge:-edge, edge:-edge]
    height, width = inner.shape[:2]
    places = {(y, x): known[edge + y :][:height, edge + x :][:, :width] for y in SHIFTS_PX for x in SHIFTS_PX}
    shares = {shift: _agreement(part, inner, light) for shift, part in places.items()}
    return max(shares.values()) > MOVED * shares[0, 0] + CHANCE


def _fit(known: Floats, seen: Floats) -> Light:
    usable = _measurable(known, seen)
    if np.count_nonzero(usable) < MEASURABLE:
        return SAME
    x, y = known[usable], seen[usable]
    best = _refined(SAME, x, y)
    if best.agreement < ENOUGH:
        other = _refined(Light(_frequent_ratio(x, y), SAME.offset), x, y)
        best = other if other.agreement > AS_IT_IS * best.agreement else best
    share = best.agreement * len(x) * 3 / seen.size
    return Light(best.gain, best.offset, share) if share >= LEAST_AGREEMENT else SAME


def _refined(light: Light, x: Floats, y: Floats) -> Light:
    """Fit again and again, with smaller tolerances, to the pixels that agree. x, y: (N, 3), plate and frame."""
    for tolerance in TOLERANCES:
        agrees = _agrees(x, y, light, tolerance)
        if np.count_nonzero(agrees) < MEASURABLE:
            return Light(light.gain, light.offset)
        light = _least_squares(x[agrees], y[agrees])
    return Light(light.gain, light.offset, float(_agrees(x, y, light, TOLERANCES[-1]).mean()))


def _least_squares(x: Floats, y: Floats) -> Light:
    """Where the plate has hardly any contrast, the offset goes towards 0."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    around = x - mean_x
    covariance, variance = (around * (y - mean_y)).mean(axis=0), (around * around).mean(axis=0)
    gain = (covariance + FLAT * mean_y / mean_x) / (variance + FLAT)
    gain = np.clip(gain, 1 / MOST_GAIN, MOST_GAIN)
    return Light(gain, np.clip(mean_y - gain * mean_x, -MOST_OFFSET, MOST_OFFSET))


def _frequent_ratio(x: Floats, y: Floats) -> Floats:
    """(3,): the most frequent ratio of frame to plate in each channel."""
    edges = np.linspace(-np.log(MOST_GAIN), np.log(MOST_GAIN), 62)
    centres = (edges[1:] + edges[:-1]) / 2
    ratios = np.log(y / x)
    counts = [np.convolve(np.histogram(channel, edges)[0], (1, 2, 3, 2, 1), "same") for channel in ratios.T]
    return np.exp([centres[np.argmax(count)] for count in counts]).astype(np.float32)


def _agreement(known: Floats, seen: Floats, light: Light) -> float:
    return float(_agrees(known, seen, light, TOLERANCES[-1]).mean())


def _agrees(x: Floats, y: Floats, light: Light, tolerance: float) -> Flags:
    return np.all(np.abs(x * light.gain + light.offset - y) < tolerance, axis=-1)


def _measurable(known: Floats, seen: Floats) -> Flags:
    return np.all((known > DARK) & (known < CLIPPED) & (seen > DARK / 2) & (seen < CLIPPED), axis=-1)


def _levels(plate: Picture, picture: Picture) -> tuple[Floats, Floats]:
    known, seen = (thumbnail(source, THUMBNAIL_WH).astype(np.float32) for source in (plate, picture))
    return known, seen
