"""Colours of a video as an SDR screen shows them, and back: primaries and tone mapping.

As if the screen's white were HDR's own, 203 cd/m² (ITU-R BT.2408), up to 180. From there on levels are rolled off, to
white at 1000: 203 comes out at 249 of 255. The ratios of blue, green and red stay, so that no hue changes.
"""

from __future__ import annotations

import cv2
import numpy as np

from model_api.arrays import Floats, Image
from model_api.pictures.colour_space import ColourSpace, between_primaries
from model_api.pictures.transfer import SDR_GAMMA, WHITE_NITS, light_of, signal_of

KNEE = 0.95
"""Signals below are kept: 180 cd/m²."""
PEAK_NITS = 1000.0
"""What becomes full white: the peak that HDR videos are mastered for at least."""
PEAK = (PEAK_NITS / WHITE_NITS) ** (1 / SDR_GAMMA)
BAND_PX = 1 << 16
"""Pixels that are converted together: what is made of them stays in the processor's cache."""


def screen_bgr(codes: Floats, space: ColourSpace) -> Image:
    """Convert to what an SDR screen shows.

    Args:
        codes: (H, W, 3) float32, Y, Cb and Cr as codes.
        space: what they stand for.

    Returns:
        A new (H, W, 3) uint8 BGR image with BT.709's primaries.
    """
    convert = _plain if space.plain else _shown
    rows = max(1, BAND_PX // codes.shape[1])
    bands = [convert(codes[begin : begin + rows], space) for begin in range(0, codes.shape[0], rows)]
    return bands[0] if len(bands) == 1 else np.concatenate(bands)


def unbounded_bgr(codes: Floats, space: ColourSpace) -> Floats:
    """Convert as `screen_bgr` does, but with nothing rolled off or rounded.

    Returns:
        A new (H, W, 3) float32 BGR, 255 for white; what is brighter than white lies beyond.
    """
    if not space.plain:
        return _signal(codes, space) * np.float32(255)
    bgr: Floats = cv2.transform(codes, space.to_bgr)
    return bgr


def codes_of_screen(image: Image | Floats, space: ColourSpace) -> Floats:
    """Convert what an SDR screen shows: the inverse of `screen_bgr`, but for what was rolled off.

    Args:
        image: (H, W, 3) uint8 BGR, or as `unbounded_bgr` gives it. Its white becomes 203 cd/m² in an HDR space.
        space: what the codes are to stand for.

    Returns:
        A new (H, W, 3) float32: Y, Cb and Cr as codes, not rounded.
    """
    bgr = image.astype(np.float32)
    if not space.plain:
        signal = bgr / np.float32(255)
        light = light_of(signal, "sdr") if image.dtype == np.uint8 else np.power(np.maximum(signal, 0), SDR_GAMMA)
        light = cv2.transform(light.astype(np.float32, copy=False), between_primaries("bt709", space.primaries))
        bgr = signal_of(light, space.transfer) * np.float32(255)
    codes: Floats = cv2.transform(bgr, space.from_bgr)
    return codes


def rolled_off(signal: Floats) -> Floats:
    """Map signals of 0..PEAK, 1 for white, to 0..1: kept below KNEE, from there on Reinhard's extended operator.

    E. Reinhard et al., "Photographic Tone Reproduction for Digital Images", SIGGRAPH 2002, equation 4.
    """
    above = np.maximum(signal - KNEE, 0) / (1 - KNEE)
    peak = (PEAK - KNEE) / (1 - KNEE)
    squeezed = above * (1 + above / peak**2) / (1 + above)
    return np.minimum(np.minimum(signal, KNEE) + (1 - KNEE) * squeezed, 1).astype(np.float32)


def _plain(codes: Floats, space: ColourSpace) -> Image:
    return cv2.convertScaleAbs(np.maximum(cv2.transform(codes, space.to_bgr), 0))


def _shown(codes: Floats, space: ColourSpace) -> Image:
    """The same for other transfers and primaries than BT.709's."""
    signal = _signal(codes, space)
    if space.hdr:
        blue, green, red = cv2.split(signal)
        brightest = cv2.max(cv2.max(blue, green), red).ravel()
        bright = np.flatnonzero(brightest > KNEE)
        peaks = brightest[bright]
        signal.reshape(-1, 3)[bright] *= (rolled_off(peaks) / peaks)[:, np.newaxis]
    return cv2.convertScaleAbs(signal, alpha=255)


def _signal(codes: Floats, space: ColourSpace) -> Floats:
    """Codes as blue, green and red with BT.709's primaries and BT.1886's transfer, 1 for white."""
    light = light_of(cv2.transform(codes, space.to_bgr * np.float32(1 / 255)), space.transfer)
    if space.primaries != "bt709":
        light = cv2.transform(light, between_primaries(space.primaries, "bt709"))
    signal: Floats = cv2.pow(np.maximum(light, 0), 1 / SDR_GAMMA)
    return signal
