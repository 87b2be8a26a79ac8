"""Layers of a composed picture: laid into the frame, one over the other, with things that stand before them."""

from __future__ import annotations

import cv2
import numpy as np

from model_tools.train.data.augmentations import Picture
from model_tools.train.data.motion import Matrix


def warp(image: Picture, matrix: Matrix, size: tuple[int, int], border: int) -> Picture:
    """`image` laid into a frame of (width, height). border: how it goes on beyond its edges, one of OpenCV's."""
    # Photographs are mostly made smaller: without averaging the pixels, fine alphas would turn into steps.
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    steps = int(np.floor(np.log2(1 / shrink))) if shrink < 0.5 else 0
    for _ in range(steps):
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    scaled = matrix.copy()
    scaled[:, :2] *= 2**steps
    return cv2.warpAffine(image, scaled, size, flags=cv2.INTER_LINEAR, borderMode=border)


def over(
    picture: Picture, colours: Picture, alpha: Picture, layer: Picture, cover: Picture
) -> tuple[Picture, Picture, Picture]:
    """Picture, the people's own colours, and their alpha, with one more layer and its alpha, `cover`."""
    weight = cover.astype(np.float32) / 255
    rest = np.float32(1) - weight
    colours = cv2.blendLinear(layer, colours, weight, rest) if alpha.any() else layer
    alpha = np.asarray(255 - (255 - alpha.astype(np.uint16)) * (255 - cover) // 255, np.uint8)
    return cv2.blendLinear(layer, picture, weight, rest), colours, alpha


def draw_screen(rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Something that stands before people: a table's edge, a laptop, a shoulder of furniture."""
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        left, right = height * rng.uniform(0.55, 1.0, 2)
        corners = np.array([[0, left], [width, right], [width, height], [0, height]])
    else:
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.5, 0.95) * height
        wide, tall = rng.uniform(0.08, 0.4) * width, rng.uniform(0.1, 0.5) * height
        corners = np.array([[x, y], [x + wide, y + rng.normal(0, 3)], [x + wide, y + tall], [x, y + tall]])
    cv2.fillPoly(mask, [corners.astype(np.int32)], (255,))
    return mask


def draw_shift(rng: np.random.Generator) -> Matrix:
    """A plate that was captured by a camera since touched."""
    x, y = rng.normal(0, rng.choice([0.0, 0.5, 1.5]), 2)
    matrix = cv2.getRotationMatrix2D((0, 0), float(rng.normal(0, 0.2)), 1.0)
    matrix[:, 2] += (x, y)
    return np.asarray(matrix, np.float64)
