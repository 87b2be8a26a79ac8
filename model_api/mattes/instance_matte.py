"""Objects that a network finds one by one, each with a small mask, and the matte that the people among them make."""

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
"""How wide an outline is, from background to person. An odd number leaves it in its place."""
SNAP = 1 / 200
"""A box that ends within this part of the frame's side at its edge belongs to somebody who goes on beyond it: one or
two pixels of a network's input."""


@dataclass(frozen=True)
class Instance:
    """An object in a frame. name: of its class. score: 0..1. box: in pixels of the frame."""

    name: str
    score: float
    box: Box


@dataclass(frozen=True, eq=False)
class InstanceMatte(DenseMatte):
    """A matte made of the people among `instances`, which are all objects that were found, the surest first or in the
    network's own order."""

    instances: tuple[Instance, ...] = ()


def union(masks: Iterable[tuple[Floats, Box]], frame_wh: Size) -> Alpha:
    """(H, W) float32 alpha of everybody together.

    masks: for each person (h, w) float32, the probability that a cell belongs to him or her, and the box of the
    frame that the cells divide. The probability is interpolated between the centres of the cells, as in Detectron2's
    `paste_masks_in_image`, and falls to nothing beyond the outermost ones. Who it is above 0.5 for is there; alpha
    goes from 0 to 1 within EDGE_PX around the outline.

    The masks' own slopes will not do for a soft edge: a mask of 28 cells over a person of 700 pixels would blur it by
    25, and where a network is 60% sure of somebody's chest, the background would shine through it.
    """
    covered = np.zeros((frame_wh[1], frame_wh[0]), np.uint8)
    for mask, (left, top, right, bottom) in masks:
        columns, across = _samples(left, right, mask.shape[1], frame_wh[0])
        rows, down = _samples(top, bottom, mask.shape[0], frame_wh[1])
        covered[rows, columns][np.linalg.multi_dot([down, mask, across.T]) > 0.5] = 255
    edged = cv2.blur(covered, (EDGE_PX, EDGE_PX), borderType=cv2.BORDER_REPLICATE)
    return edged / np.float32(255)


def _samples(start: float, end: float, cells: int, side: int) -> tuple[slice, Floats]:
    """The pixels of a side of the frame that `cells` between `start` and `end` reach, and the weight of each cell in
    each of them, (pixels, cells) float32."""
    cell_px = (end - start) / cells
    goes_on_before, goes_on_beyond = start <= SNAP * side, end >= side - SNAP * side
    first = 0 if goes_on_before else floor(start - cell_px / 2)
    last = side if goes_on_beyond else ceil(end + cell_px / 2)
    first, last = max(first, 0), max(min(last, side), 0)
    position = (np.arange(first, last) + 0.5 - start) / cell_px - 0.5
    position = position.clip(0 if goes_on_before else -np.inf, cells - 1 if goes_on_beyond else np.inf)
    weights = np.maximum(1 - np.abs(position[:, np.newaxis] - np.arange(cells)), 0)
    return slice(first, last), weights.astype(np.float32)
