"""What stands behind and before people: a background, often with screens, windows and posters that were not in it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from model_api.types import Image, Size
from model_tools.compose.layers import Layer

HUNG = 0.4
"""How often something hangs in a scene. Networks that never saw a bright screen take it for a person."""

STOOD = 0.25
"""How often something tall and smooth stands in a scene: a lamp, a bottle, a column, a rocket. It is nobody."""

FRAME_COLOURS = ((15, 15, 15), (40, 40, 40), (235, 235, 235), (40, 60, 90))


def draw_scene(rng: np.random.Generator, backgrounds: Sequence[Image]) -> Image:
    """(H, W, 3) uint8 BGR: a background, with parts of others hung into it, and plain bodies that stand in it."""
    scene = backgrounds[int(rng.integers(len(backgrounds)))]
    hung = int(rng.integers(1, 4)) if rng.random() < HUNG else 0
    stood = int(rng.integers(1, 3)) if rng.random() < STOOD else 0
    if hung or stood:
        scene = scene.copy()
    for _ in range(hung):
        _hang(rng, scene, backgrounds[int(rng.integers(len(backgrounds)))])
    for _ in range(stood):
        _stand(rng, scene)
    return scene


def draw_obstacle(rng: np.random.Generator, backgrounds: Sequence[Image], size: Size) -> Layer:
    """Something that stands before people: a table's edge, a laptop, a shoulder of furniture."""
    width, height = size
    colours = cv2.resize(draw_scene(rng, backgrounds), size, interpolation=cv2.INTER_AREA)
    mask = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        left, right = height * rng.uniform(0.55, 1.0, 2)
        corners = np.array([[0, left], [width, right], [width, height], [0, height]])
    else:
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.5, 0.95) * height
        wide, tall = rng.uniform(0.08, 0.4) * width, rng.uniform(0.1, 0.5) * height
        corners = np.array([[x, y], [x + wide, y + rng.normal(0, 3)], [x + wide, y + tall], [x, y + tall]])
    cv2.fillPoly(mask, [corners.astype(np.int32)], (1,))
    return Layer(colours, mask.astype(np.float32))


def _stand(rng: np.random.Generator, scene: Image) -> None:
    """A body of revolution: how wide it is changes smoothly, or by steps, with its height; light falls from a side."""
    height, width = scene.shape[:2]
    tall = int(rng.uniform(0.2, 0.95) * height)
    knots = rng.uniform(0.1, 1.0, int(rng.integers(2, 7)))
    across = cv2.resize(
        knots[:, None], (1, tall), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST]))
    )
    radius = np.clip(across * rng.uniform(0.04, 0.25) * tall, 1, width / 2 - 1)
    middle = rng.uniform(0.1, 0.9) * width
    top = int(rng.integers(0, height - tall + 1))
    distance = (np.arange(width)[None] - middle) / radius
    cover = np.clip((1 - np.abs(distance)) * radius + 0.5, 0, 1)[..., None]
    light = 1 - rng.uniform(0, 0.7) * np.abs(distance - rng.uniform(-0.8, 0.8)).clip(0, 1)[..., None]
    pale = rng.random() < 0.6
    colour = rng.uniform(170, 255) + rng.normal(0, 12, 3) if pale else rng.uniform(10, 255, 3)
    part = scene[top : top + tall]
    part[:] = np.clip(part * (1 - cover) + cover * light * colour, 0, 255).astype(np.uint8)


def _hang(rng: np.random.Generator, scene: Image, shown: Image) -> None:
    height, width = scene.shape[:2]
    tall = int(rng.uniform(0.12, 0.5) * height)
    wide = min(int(tall * rng.choice([0.7, 1.0, 1.33, 1.78])), width - 1)
    x, y = int(rng.integers(0, width - wide)), int(rng.integers(0, height - tall))
    edge = int(rng.uniform(0, 0.06) * tall)
    corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    seen = corners + rng.normal(0, 0.04, (4, 2)).astype(np.float32) * tall
    image = _lit(rng, cv2.resize(_part(rng, shown), (wide, tall), interpolation=cv2.INTER_AREA))
    colour = FRAME_COLOURS[int(rng.integers(len(FRAME_COLOURS)))]
    if edge:
        cv2.rectangle(image, (0, 0), (wide - 1, tall - 1), colour, 2 * edge)
    view = cv2.getPerspectiveTransform(corners, np.asarray(seen + np.array((x, y)), np.float32))
    cv2.warpPerspective(image, view, (width, height), scene, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)


def _part(rng: np.random.Generator, image: Image) -> Image:
    height, width = image.shape[:2]
    part = rng.uniform(0.1, 1.0)
    tall, wide = max(int(part * height), 8), max(int(part * width), 8)
    y, x = int(rng.integers(0, height - tall + 1)), int(rng.integers(0, width - wide + 1))
    return image[y : y + tall, x : x + wide]


def _lit(rng: np.random.Generator, image: Image) -> Image:
    """Mostly brighter than its surroundings, as screens and windows are; sometimes of one colour."""
    if rng.random() < 0.2:
        image = np.full_like(image, rng.integers(0, 256, 3))
    return cv2.convertScaleAbs(image, alpha=float(rng.uniform(0.7, 1.8)), beta=float(rng.uniform(0, 60)))
