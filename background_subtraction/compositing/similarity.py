"""Whether anything moved between two frames, beyond the camera's noise."""

from __future__ import annotations

import cv2

from model_api.pictures.picture import Picture
from model_api.resize import thumbnail
from model_api.types import Image, Size

SEEN_WH: Size = (64, 36)
MOVED_LEVELS = 8
"""Levels by which a cell's mean colour differs at least where something moved. Each is a mean of 16 pixels, and so a
camera's noise of 6 levels is one of 1.5 here: 8 are five standard deviations."""


def seen_of(picture: Picture) -> Image:
    """What frames are compared by: (36, 64, 3) uint8 BGR."""
    return thumbnail(picture, SEEN_WH)


def is_similar(seen: Image, other: Image) -> bool:
    """Whether nothing moved between two frames of one size. Takes what `seen_of` gave."""
    return cv2.norm(seen, other, cv2.NORM_INF) < MOVED_LEVELS
