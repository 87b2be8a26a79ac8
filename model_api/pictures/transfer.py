"""Between signals and light: ITU-R BT.1886, SMPTE ST 2084 (PQ) and BT.2100's hybrid log-gamma (HLG).

Signals are 0..1. Light is what a screen shows, as a multiple of white: 203 cd/m² in HDR (ITU-R BT.2408, table 1).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model_api.arrays import Floats
from model_api.pictures.colour_space import LUMA_WEIGHTS

WHITE_NITS = 203.0
PQ_PEAK_NITS = 10_000.0
HLG_PEAK_NITS = 1000.0
SDR_GAMMA = 2.4
"""BT.1886's, with black at 0."""
HLG_SYSTEM_GAMMA = 1.2
"""Of a screen of 1000 cd/m²."""
STEPS = (1 << 16) - 1
"""Signals are looked up with this precision: a sixteenth of a code of 12 bits."""

M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
"""ST 2084's constants."""
A = 0.17883277
B, C = 1 - 4 * A, 0.5 - A * float(np.log(4 * A))
"""BT.2100's constants of HLG."""

Numbers = npt.NDArray[np.floating[Any]]


def light_of(signal: Floats, transfer: str) -> Floats:
    """What a screen shows.

    Args:
        signal: (H, W, 3) float32 in 0..1: blue, green, red. What lies outside is clipped.
        transfer: one of `colour_space.TRANSFERS`.

    Returns:
        A new (H, W, 3) float32: light, 1 for white.
    """
    # Rounded and clipped to 0..STEPS by OpenCV, three times as fast as by NumPy.
    index = cv2.multiply(signal.reshape(len(signal), -1), float(STEPS), dtype=cv2.CV_16U)
    light: Floats = np.take(_TABLES[transfer], index).reshape(signal.shape)
    if transfer == "hlg":
        return _hlg_screen(light)
    return light


def signal_of(light: Floats, transfer: str) -> Floats:
    """The inverse of `light_of`. Light that the signal cannot hold is clipped."""
    positive = np.maximum(light, 0)
    if transfer == "sdr":
        return np.minimum(np.power(positive, np.float32(1 / SDR_GAMMA)), 1)
    if transfer == "pq":
        return pq_signal(positive * np.float32(WHITE_NITS)).astype(np.float32)
    return hlg_signal(_hlg_scene(positive)).astype(np.float32)


def pq_nits(signal: Numbers) -> Numbers:
    """ST 2084's EOTF: signal in 0..1 to cd/m²."""
    power = np.power(signal, 1 / M2)
    return PQ_PEAK_NITS * np.power(np.maximum(power - C1, 0) / (C2 - C3 * power), 1 / M1)


def pq_signal(nits: Numbers) -> Numbers:
    """The inverse of `pq_nits`."""
    power = np.power(np.clip(nits / PQ_PEAK_NITS, 0, 1), M1)
    return np.power((C1 + C2 * power) / (1 + C3 * power), M2)


def hlg_scene(signal: Numbers) -> Numbers:
    """BT.2100's inverse OETF of HLG: signal in 0..1 to light of the scene in 0..1."""
    return np.where(signal <= 0.5, np.square(signal) / 3, (np.exp((signal - C) / A) + B) / 12)


def hlg_signal(scene: Numbers) -> Numbers:
    """The inverse of `hlg_scene`."""
    scene = np.clip(scene, 0, 1)
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), A * np.log(np.maximum(12 * scene - B, 1e-6)) + C)


def _hlg_screen(scene: Floats) -> Floats:
    """BT.2100's OOTF: each colour times luminance to the power of gamma - 1."""
    gain = cv2.pow(_luminance(scene), HLG_SYSTEM_GAMMA - 1) * np.float32(HLG_PEAK_NITS / WHITE_NITS)
    lit: Floats = cv2.multiply(scene, cv2.merge([gain, gain, gain]))
    return lit


def _hlg_scene(light: Floats) -> Floats:
    shown = light * np.float32(WHITE_NITS / HLG_PEAK_NITS)
    luminance = np.maximum(_luminance(shown), np.float32(1e-6))
    return shown * np.power(luminance, np.float32(1 / HLG_SYSTEM_GAMMA - 1))[..., np.newaxis]


def _luminance(colours: Floats) -> Floats:
    """(H, W) float32 of linear blue, green, red with BT.2020's primaries."""
    red, blue = LUMA_WEIGHTS["bt2020"]
    luminance: Floats = cv2.transform(colours, np.array([[blue, 1 - red - blue, red]], np.float32))
    return luminance.reshape(colours.shape[:2])


_SIGNALS = np.arange(STEPS + 1) / STEPS
_TABLES = {
    "sdr": np.power(_SIGNALS, SDR_GAMMA).astype(np.float32),
    "pq": (pq_nits(_SIGNALS) / WHITE_NITS).astype(np.float32),
    "hlg": hlg_scene(_SIGNALS).astype(np.float32),
}
"""Transfer -> light, for HLG that of the scene, of each of STEPS signals."""
