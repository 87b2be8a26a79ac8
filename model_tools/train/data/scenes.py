"""What stands behind people: a background, often with screens, windows and posters that were not in it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from model_tools.train.data.augmentations import Picture

HUNG = 0.4
"""How often something hangs in a scene. Networks that never saw a bright screen take it for a person."""

FRAME_COLOURS = ((15, 15, 15), (40, 40, 40), (235, 235, 235), (40, 60, 90))


def draw_scene(rng: np.random.Generator, backgrounds: Sequence[Picture]) -> Picture:
    """(H, W, 3) uint8 BGR; what is hung into it shows parts of other backgrounds."""
    scene = backgrounds[int(rng.integers(len(backgrounds)))]
    if rng.random() >= HUNG:
        return scene
    scene = scene.copy()
    for _ in range(int(rng.integers(1, 4))):
        _hang(rng, scene, backgrounds[int(rng.integers(len(backgrounds)))])
    return scene


def _hang(rng: np.random.Generator, scene: Picture, shown: Picture) -> None:
    height, width = scene.shape[:2]
    tall = int(rng.uniform(0.12, 0.5) * height)
    wide = min(int(tall * rng.choice([0.7, 1.0, 1.33, 1.78])), width - 1)
    x, y = int(rng.integers(0, width - wide)), int(rng.integers(0, height - tall))
    edge = int(rng.uniform(0, 0.06) * tall)
    corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    seen = corners + rng.normal(0, 0.04, (4, 2)).astype(np.float32) * tall
    picture = _lit(rng, cv2.resize(_part(rng, shown), (wide, tall), interpolation=cv2.INTER_AREA))
    colour = FRAME_COLOURS[int(rng.integers(len(FRAME_COLOURS)))]
    if edge:
        cv2.rectangle(picture, (0, 0), (wide - 1, tall - 1), colour, 2 * edge)
    view = cv2.getPerspectiveTransform(corners, np.asarray(seen + np.array((x, y)), np.float32))
    cv2.warpPerspective(picture, view, (width, height), scene, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)


def _part(rng: np.random.Generator, picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    part = rng.uniform(0.1, 1.0)
    tall, wide = max(int(part * height), 8), max(int(part * width), 8)
    y, x = int(rng.integers(0, height - tall + 1)), int(rng.integers(0, width - wide + 1))
    return picture[y : y + tall, x : x + wide]


def _lit(rng: np.random.Generator, picture: Picture) -> Picture:
    """Mostly brighter than its surroundings, as screens and windows are; sometimes of one colour."""
    if rng.random() < 0.2:
        picture = np.full_like(picture, rng.integers(0, 256, 3))
    return cv2.convertScaleAbs(picture, alpha=float(rng.uniform(0.7, 1.8)), beta=float(rng.uniform(0, 60)))
