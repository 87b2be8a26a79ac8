"""Objects that a network detects one by one, each with a small mask, and the matte of the people among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np

from model_api.mattes.matte import DenseMatte
from model_api.resize import Box
from model_api.types import Alpha, Floats, Size

EDGE_PX = 5
"""Width of an outline from background to person. An odd number keeps it in its place."""
SNAP = 1 / 200
"""A box that ends this close to the frame's edge, as a share of its side, belongs to a person who continues beyond it:
one or two pixels of a network's input."""


@dataclass(frozen=True)
class Instance:
    """An object in a frame.

    Attributes:
        name: of its class.
        score: in 0..1.
        box: in pixels of the frame.
    """

    name: str
    score: float
    box: Box


@dataclass(frozen=True, eq=False)
class InstanceMatte(DenseMatte):
    """The matte of all people among the objects of a frame.

    Attributes:
        instances: all objects that were detected, in the network's order or by their scores.
    """

    instances: tuple[Instance, ...] = ()


def union(masks: Iterable[tuple[Floats, Box]], frame_wh: Size) -> Alpha:
    """Make one alpha of the masks of all people.

    The probability is interpolated between the centres of the cells, as in Detectron2's `paste_masks_in_image`, and
    falls to 0 beyond the outermost ones. Pixels with a probability > 0.5 belong to the person. Alpha goes from 0 to 1
    within EDGE_PX around the outline.

    The probability itself is not an alpha. A mask of 28 cells over a person of 700 pixels would blur the edge by 25
    pixels, and where a network is 60 % sure of a person's chest, the background would shine through it.

    Args:
        masks: of each person (h, w) float32, the probability that a cell belongs to the person, and the box of the
            frame that the cells divide.
        frame_wh: (width, height) of the frame in pixels.

    Returns:
        (H, W) float32 in [0, 1].
    """
    covered = np.zeros((frame_wh[1], frame_wh[0]), np.uint8)
    for mask, (left, top, right, bottom) in masks:
        columns, across = _samples(left, right, mask.shape[1], frame_wh[0])
        rows, down = _samples(top, bottom, mask.shape[0], frame_wh[1])
        covered[rows, columns][np.linalg.multi_dot([down, mask, across.T]) > 0.5] = 255
    softened = cv2.blur(covered, (EDGE_PX, EDGE_PX), borderType=cv2.BORDER_REPLICATE)
    return softened / np.float32(255)


def _samples(start: float, end: float, cells: int, side: int) -> tuple[slice, Floats]:
    """The pixels of a side of the frame that some cells reach, and the weight of each cell in each of them.

    The cells divide the side from `start` to `end`. The weights are (pixels, cells) float32.
    """
    cell_px = (end - start) / cells
    continues_before, continues_beyond = start <= SNAP * side, end >= side - SNAP * side
    first = 0 if continues_before else floor(start - cell_px / 2)
    last = side if continues_beyond else ceil(end + cell_px / 2)
    first, last = max(first, 0), max(min(last, side), 0)
    position = (np.arange(first, last) + 0.5 - start) / cell_px - 0.5
    position = position.clip(0 if continues_before else -np.inf, cells - 1 if continues_beyond else np.inf)
    weights = np.maximum(1 - np.abs(position[:, np.newaxis] - np.arange(cells)), 0)
    return slice(first, last), weights.astype(np.float32)
