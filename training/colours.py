"""What cameras and rooms do to colours: drawn once for a clip, then done to each of its frames."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Change = Callable[[Picture], Picture]
"""(H, W, 3) uint8 BGR -> the same, another picture."""


def draw_light(rng: np.random.Generator) -> Change:
    """Brightness, contrast, saturation, hue, and sometimes no colour at all."""
    gain, bias = rng.normal(1, 0.2), rng.normal(0, 20)
    gamma = float(np.exp(rng.normal(0, 0.25)))
    hue, saturation = rng.normal(0, 6), np.exp(rng.normal(0, 0.25))
    levels = (np.arange(256) / 255) ** gamma * 255
    tints = rng.normal(1, 0.06, 3)
    table = np.clip(levels[:, None] * gain * tints + bias, 0, 255).astype(np.uint8).reshape(1, 256, 3)
    grey = rng.random() < 0.04
    return partial(_light, table=table, hue=float(hue), saturation=0.0 if grey else float(saturation))


def draw_camera(rng: np.random.Generator) -> Change:
    """Blur or sharpness, a camera's noise, and a codec's traces."""
    sigma = float(rng.choice([0, 0, 0, rng.uniform(0.3, 1.2)]))
    sharpness = float(rng.choice([0, 0, 0, rng.uniform(0.2, 1.0)]))
    noise = float(rng.choice([0, 0, rng.uniform(1, 8)]))
    quality = int(rng.choice([0, 0, int(rng.integers(30, 90))]))
    return partial(_camera, sigma=sigma, sharpness=sharpness, noise=noise, quality=quality, rng=rng)


def draw_softness(rng: np.random.Generator) -> Change:
    """A background out of focus."""
    sigma = float(rng.choice([0, 0, 0, rng.uniform(0.5, 3.0)]))
    return partial(_blurred, sigma=sigma)


def _light(image: Picture, table: Picture, hue: float, saturation: float) -> Picture:
    lit = cv2.LUT(image, table)
    if abs(hue) < 1 and abs(saturation - 1) < 0.02:
        return lit
    hsv = cv2.cvtColor(lit, cv2.COLOR_BGR2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + round(hue)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)


def _camera(
    image: Picture, sigma: float, sharpness: float, noise: float, quality: int, rng: np.random.Generator
) -> Picture:
    image = _blurred(image, sigma)
    if sharpness:
        image = cv2.addWeighted(image, 1 + sharpness, cv2.GaussianBlur(image, (0, 0), 1.0), -sharpness, 0)
    if noise:
        grain = rng.normal(0, noise, image.shape).astype(np.int16)
        image = cv2.add(image, grain, dtype=cv2.CV_8U)
    if quality:
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return image


def _blurred(image: Picture, sigma: float) -> Picture:
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
