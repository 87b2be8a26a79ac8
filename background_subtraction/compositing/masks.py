"""Changes of a mask that a user asks for: threshold, soft edges, a larger or smaller person, steadiness over time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from model_api.pictures.picture import Picture
from model_api.ranges import NATURAL, PIXELS, PROBABILITY, STEADINESS
from model_api.resize import thumbnail
from model_api.types import Image, Levels, Size

STEP_PX = 3
"""A disc of this radius, several times, grows a mask faster than one large disc: the cost of one is its area."""
MOTION_WH: Size = (160, 90)
MOVED_LEVELS = 12
"""Levels: where a colour changed by more, something moved, and the mask of the frame before says nothing."""


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """How a mask is changed, in this order: steadied, cut at the threshold, grown, softened.

    Args:
        steadiness: how much of the frame before a mask keeps where nothing moved, 0 to 0.95.
        threshold: alpha from here on becomes 1, and alpha below becomes 0. 0: alpha stays as it is.
        grow_px: by how many pixels the person grows; below 0, shrinks.
        soften_px: the width of a box that blurs the mask like it.

    Raises:
        OptionError: another value.
    """

    steadiness: float = 0.0
    threshold: float = 0.0
    grow_px: int = 0
    soften_px: int = 0

    def __post_init__(self) -> None:
        STEADINESS.require(steadiness=self.steadiness)
        PROBABILITY.require(mask_threshold=self.threshold)
        PIXELS.require(grow_px=self.grow_px)
        NATURAL.require(soften_px=self.soften_px)

    @property
    def changes(self) -> bool:
        """Whether a mask is changed at all."""
        return self != MaskOptions()


@dataclass(frozen=True, eq=False)
class SteadyMask:
    """What the next frame's mask is steadied with.

    Attributes:
        levels: (H, W) uint8, the frame's own mask as it was steadied.
        seen: (90, 160, 3) uint8 BGR, the frame.
    """

    levels: Levels
    seen: Image


def steadied(levels: Levels, picture: Picture, before: SteadyMask | None, steadiness: float) -> SteadyMask:
    """Mix a mask with the one before, where nothing moved, so that it does not flicker.

    Args:
        levels: (H, W) uint8, alpha in 255ths.
        picture: the frame.
        before: what this function returned for the frame before; None for the first one.
        steadiness: how much is kept, 0 to 0.95.
    """
    seen = thumbnail(picture, MOTION_WH)
    if before is None or before.levels.shape != levels.shape or not steadiness:
        return SteadyMask(levels, seen)
    change = cv2.absdiff(seen, before.seen).max(axis=2)
    still = cv2.compare(cv2.dilate(change, np.ones((5, 5), np.uint8)), MOVED_LEVELS, cv2.CMP_LE)
    kept = cv2.resize(still, levels.shape[::-1]).astype(np.float32)
    kept *= steadiness / 255
    kept *= cv2.subtract(before.levels, levels, dtype=cv2.CV_32F)
    return SteadyMask(cv2.add(levels, kept, dtype=cv2.CV_8U), seen)


def reshaped(levels: Levels, options: MaskOptions) -> Levels:
    """Cut at the threshold, grow and soften.

    Args:
        levels: (H, W) uint8, alpha in 255ths.
        options: by how much.

    Returns:
        (H, W) uint8, `levels` itself where nothing is asked for.
    """
    if options.threshold:
        levels = cv2.compare(levels, options.threshold * 255, cv2.CMP_GE)
    if options.grow_px:
        levels = _grown(levels, options.grow_px)
    # A box of n pixels spreads as a Gaussian of n / sqrt(12).
    return cv2.GaussianBlur(levels, (0, 0), options.soften_px / 12**0.5) if options.soften_px > 1 else levels


def _grown(levels: Levels, pixels: int) -> Levels:
    change = cv2.dilate if pixels > 0 else cv2.erode
    steps, rest = divmod(abs(pixels), STEP_PX)
    if steps:
        levels = change(levels, _disc(STEP_PX), iterations=steps)
    return change(levels, _disc(rest)) if rest else levels


def _disc(radius: int) -> Image:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
