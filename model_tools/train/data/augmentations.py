"""What light and cameras do to colours: drawn once for a clip, then done to each of its frames.

Light comes first, in shares of full scale; then the camera: photons are counted, white balance and a curve are applied,
the lens blurs, a codec leaves its traces. Networks must find people at night, in lamp light and in bad streams.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from model_api.types import Image

Change = Callable[[Image], Image]
"""(H, W, 3) uint8 BGR -> a new image of the same shape."""

GRAIN = np.random.default_rng(0).standard_normal(1 << 21, dtype=np.float32)
"""Noise is taken from here, from a place that is drawn: drawing it anew costs more than all the rest."""


@dataclass(frozen=True)
class Strength:
    """How often, and how much. plain: the share of clips whose light stays as it was."""

    plain: float = 0.3
    gain: tuple[float, float] = (0.15, 1.6)
    white_balance: float = 0.4
    grey: float = 0.36
    local_light: float = 0.3
    noise: float = 0.5
    codec: float = 0.4


def draw_light(rng: np.random.Generator, strength: Strength = Strength()) -> Change:
    """Gain, white balance, gamma, saturation, light from a side, and sometimes no colour at all."""
    if rng.random() < strength.plain:
        return _same
    low, high = np.log(strength.gain)
    gain = np.exp(rng.uniform(low, high)) if rng.random() < 0.6 else np.exp(rng.normal(0, 0.2))
    gamma = float(np.exp(rng.normal(0, 0.25)))
    warmth, tint = rng.uniform(-1, 1, 2) * (strength.white_balance if rng.random() < 0.5 else 0.1)
    balance = np.array([1 - warmth, 1 + tint / 3, 1 + warmth])
    levels = (np.arange(256) / 255) ** gamma * 255
    table = np.clip(levels[:, None] * gain * balance, 0, 255).astype(np.uint8).reshape(1, 256, 3)
    saturation = 0.0 if rng.random() < strength.grey else float(np.exp(rng.normal(0, 0.3)))
    field = rng.uniform(0.35, 1.5, (3, 4)).astype(np.float32) if rng.random() < strength.local_light else None
    return partial(_light, table=table, saturation=saturation, field=field)


def draw_tone(rng: np.random.Generator) -> Change:
    """How a layer differs from others in the same image: a little of everything."""
    return draw_light(rng, Strength(plain=0.3, gain=(0.6, 1.4), white_balance=0.12, grey=0.02, local_light=0.15))


def draw_camera(rng: np.random.Generator, strength: Strength = Strength()) -> Change:
    """Blur or sharpness, the noise of few photons, a low resolution, and a codec's traces."""
    noisy, coded = rng.random() < strength.noise, rng.random() < strength.codec
    return partial(
        _camera,
        sigma=float(rng.choice([0, 0, 0, rng.uniform(0.3, 1.5)])),
        sharpness=float(rng.choice([0, 0, 0, rng.uniform(0.2, 1.0)])),
        photons=float(np.exp(rng.uniform(np.log(0.02), np.log(1.5)))) if noisy else 0.0,
        reading=float(rng.uniform(0, 5)) if noisy else 0.0,
        quality=int(rng.integers(15, 85)) if coded else 0,
        size=float(rng.choice([1, 1, 1, rng.uniform(0.35, 1.0)])),
        rng=rng,
    )


def draw_softness(rng: np.random.Generator) -> Change:
    """A background out of focus."""
    sigma = float(rng.choice([0, 0, 0, rng.uniform(0.5, 3.0)]))
    return partial(_blurred, sigma=sigma)


def _same(image: Image) -> Image:
    return image


def _light(image: Image, table: Image, saturation: float, field: npt.NDArray[np.float32] | None) -> Image:
    height, width = image.shape[:2]
    if field is not None:
        light = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
        image = np.clip(image * light[..., None], 0, 255).astype(np.uint8)
    lit = cv2.LUT(image, table)
    if abs(saturation - 1) < 0.05:
        return lit
    grey = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return cv2.addWeighted(lit, saturation, grey, 1 - saturation, 0)


def _camera(
    image: Image,
    sigma: float,
    sharpness: float,
    photons: float,
    reading: float,
    quality: int,
    size: float,
    rng: np.random.Generator,
) -> Image:
    """photons: the variance of a level per level. reading: the noise where no light is, in levels."""
    height, width = image.shape[:2]
    if size < 1:
        image = cv2.resize(image, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
    image = _blurred(image, sigma)
    if sharpness:
        image = cv2.addWeighted(image, 1 + sharpness, cv2.GaussianBlur(image, (0, 0), 1.0), -sharpness, 0)
    if photons or reading:
        image = _noisy(image, photons, reading, rng)
    if quality:
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR) if size < 1 else image


def _noisy(image: Image, photons: float, reading: float, rng: np.random.Generator) -> Image:
    start = int(rng.integers(0, GRAIN.size - image.size)) if image.size < GRAIN.size else 0
    grain = np.resize(GRAIN[start : start + image.size], image.shape)
    deviation = cv2.LUT(image, np.sqrt(np.arange(256, dtype=np.float32) * photons + reading**2))
    return np.clip(image + deviation * grain + np.float32(0.5), 0, 255).astype(np.uint8)


def _blurred(image: Image, sigma: float) -> Image:
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
