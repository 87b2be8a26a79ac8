"""Layers of a composed frame: warped into it, and laid over one another. Used by `compose` and by training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from model_api.types import Alpha, Floats, Image, Size
from model_tools.compose.motion import Matrix, scale_shift

Pixels = TypeVar("Pixels", Image, Floats)


@dataclass(frozen=True, eq=False)
class Layer:
    """People alone.

    Attributes:
        colours: (H, W, 3) uint8 or float32 BGR in 0..255, their own.
        alpha: (H, W) float32 in [0, 1].
    """

    colours: Image | Floats
    alpha: Alpha


def warp(image: Pixels, matrix: Matrix, size: Size, border: int, reduction: int | None = None) -> Pixels:
    """Warp an image into a frame.

    Args:
        image: (H, W) or (H, W, C), uint8 or float32.
        matrix: From the image's pixels to the frame's.
        size: (width, height) of the frame.
        border: How the image continues beyond its edges, one of OpenCV's BORDER_….
        reduction: See `reduction_of`. Given for the frames of a clip, it is the same for all of them, so that none is
            sharper than the others. Default: what `matrix` needs.
    """
    times = reduction or reduction_of(matrix)
    if times > 1:
        height, width = (max(1, side // times) for side in image.shape[:2])
        image = image[: height * times, : width * times]
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        # Pixel centres, not corners, are at whole numbers.
        matrix = matrix @ scale_shift(times, times, (times - 1) / 2, (times - 1) / 2)
    return cv2.warpAffine(image, matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=border)


def reduction_of(matrix: Matrix) -> int:
    """By which whole number an image is made smaller, by averaging pixels, before it is warped.

    Bilinear warping to less than half of the size skips pixels: fine alphas turn into steps, and moving ones flicker.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    return max(1, int(1 / scale))


def over(top: Layer, below: Layer) -> Layer:
    """One layer over another (Porter and Duff, 1984)."""
    shown_below = below.alpha * (1 - top.alpha)
    # blendLinear divides by the sum of the weights: these are the colours of both, not weighted by alpha.
    return Layer(cv2.blendLinear(top.colours, below.colours, top.alpha, shown_below), top.alpha + shown_below)


def composite(layer: Layer, background: Image) -> Image:
    """The layer over an opaque background of its size, (H, W, 3) uint8 BGR."""
    return cv2.blendLinear(layer.colours, background, layer.alpha, 1 - layer.alpha)
