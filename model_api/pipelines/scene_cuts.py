"""Hard cuts in a film, found on thumbnails, so that a recurrent model does not carry a person into the next scene.

A frame is compared with the one just before it. The darker of both is first given the exposure of the brighter one;
where a flash left too little to compare, there is no cut.

- Structure: each tile of the thumbnail is looked for in the one before, nearby, by zero-normalized cross-correlation
  (Lewis, "Fast Normalized Cross-Correlation", 1995). What moved, or a pan, is found again.
- Colours: the histogram of chroma divided by luma, as PySceneDetect's detectors compare hue and saturation.
- Area: the share of pixels that changed.

New structure and new colours together tell another place. Another person before the same camera changes less: the area
must then exceed by far what changed in the last frames (as in PySceneDetect's AdaptiveDetector).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from model_api.resize import thumbnail
from model_api.types import Floats, Image, Size

THUMBNAIL_WH: Size = (32, 24)
TILE_PX = 8
SEARCH_PX = 4
"""How far a tile may have moved: an eighth of the picture's width between two frames."""
NOISE, TEXTURED = 3.0, 13.0
"""Standard deviations in levels: a tile of the first has no structure to look for, one of the second counts in full."""
LEAST_TILES = 2.0
"""Structure in fewer tiles than this says less."""
DARK = 24.0
"""Levels below which chroma is mostly noise."""
BINS = 16
CHROMA = 0.8
"""The largest ratio of chroma to luma that is told apart."""

LEAST_RISE = 8
"""Levels of the mean below which the exposure counts as unchanged."""
CLIPPED = 235
MEASURABLE = 0.03
"""Share of pixels that must be neither dark nor clipped, so that two exposures can be compared."""

ANOTHER_PLACE = 0.57
"""Change of structure and colours together. Measured on 21 clips: at most 0.44 by motion where four of five frames are
left out; at least 0.67 between clips of different places."""
ANOTHER_PERSON = 0.13
"""The same, where a large area changed at once; a bump of the camera stays below."""
LEAST_AREA = 0.25
"""Share of the picture that changes at every cut."""
TIMES_RECENT = 4.0
"""How many times what changed in the last frames is sudden."""
RECENT_FRAMES = 6
CHANGED_LEVELS = 24
"""Levels from which a pixel has changed."""
SAME_LIGHT = 1.3
"""Gain of the exposure up to which an area may tell another person."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What the next frame is compared with: the thumbnail of the frame before, and how much the last frames changed.

    thumbnail: as `thumbnail_of` gives it. areas: the share of the picture that changed in each of the last frames, the
    newest last, at most RECENT_FRAMES.
    """

    thumbnail: Image
    areas: tuple[float, ...] = ()


def thumbnail_of(image: Image) -> Image:
    """Shrink a picture to what scenes are compared by.

    Args:
        image: (H, W, 3) uint8 BGR of any size, such as the network's input.

    Returns:
        (24, 32, 3) uint8 BGR.
    """
    return thumbnail(image, THUMBNAIL_WH)


def follow(scene: Scene | None, small: Image) -> tuple[bool, Scene]:
    """Compare a frame with the one before it.

    Args:
        scene: what this function gave for the frame before; None for the first frame of a clip, which is no cut.
        small: the thumbnail of this frame.

    Returns:
        Whether this frame begins another scene, and what the next frame is to be compared with.
    """
    if scene is None:
        return False, Scene(small)
    gain = exposure_gain(scene.thumbnail, small)
    if gain is None:
        return False, Scene(small)
    before, now = _equally_exposed(scene.thumbnail, small, gain)
    area = _changed_area(before, now)
    if area > LEAST_AREA and _is_cut(before, now, gain, sudden=area > TIMES_RECENT * max(scene.areas, default=1.0)):
        return True, Scene(small)
    return False, Scene(small, (*scene.areas, area)[-RECENT_FRAMES:])


def _is_cut(before: Image, now: Image, gain: float, sudden: bool) -> bool:
    """Of equally exposed pictures. sudden: much more of the picture changed than in the frames before."""
    change = change_of_scene(before, now)
    if change > ANOTHER_PLACE:
        return True
    same_light = 1 / SAME_LIGHT < gain < SAME_LIGHT
    return sudden and same_light and change > ANOTHER_PERSON and _replaced(before, now)


def change_of_scene(before: Image, now: Image) -> float:
    """The share of structure that is new, plus the share of colours that is: 0..2. Thumbnails of one exposure."""
    (luma_before, *chroma_before), (luma, *chroma) = _planes(before), _planes(now)
    colours = cv2.norm(_histogram(luma_before, *chroma_before), _histogram(luma, *chroma), cv2.NORM_L1)
    return _new_structure(luma_before, luma) + float(colours) / (2 * luma.size)


def exposure_gain(before: Image, now: Image) -> float | None:
    """How many times brighter the picture has become. None where one of them is too dark or too bright to tell, as in
    a flash: nothing can be compared then."""
    rise = sum(cv2.mean(now)) / 3 - sum(cv2.mean(before)) / 3
    if abs(rise) < LEAST_RISE:
        return 1.0
    darker, brighter = (before, now) if rise > 0 else (now, before)
    measurable = (brighter < CLIPPED) & (darker > DARK)
    ratios = brighter[measurable] / darker[measurable].astype(np.float32)
    if ratios.size < MEASURABLE * now.size:
        return None
    gain = max(float(np.median(ratios)), 1.0)
    return gain if rise > 0 else 1 / gain


def _equally_exposed(before: Image, now: Image, gain: float) -> tuple[Image, Image]:
    """The darker picture is multiplied, and clipped as the brighter one was: clipping makes structure of its own."""
    return cv2.convertScaleAbs(before, alpha=max(gain, 1.0)), cv2.convertScaleAbs(now, alpha=max(1 / gain, 1.0))


def _changed_area(before: Image, now: Image) -> float:
    """The share of the picture that has another colour now, in 0..1."""
    change = cv2.absdiff(before, now).max(axis=2)
    return cv2.countNonZero(cv2.compare(change, CHANGED_LEVELS, cv2.CMP_GT)) / change.size


def _replaced(before: Image, now: Image) -> bool:
    """Whether a large area differs even where the whole picture may have moved, as when somebody bumps the camera."""
    inner = now[SEARCH_PX:-SEARCH_PX, SEARCH_PX:-SEARCH_PX]
    _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(before, inner, cv2.TM_SQDIFF))
    height, width = inner.shape[:2]
    return _changed_area(before[y : y + height, x : x + width], inner) > LEAST_AREA


def _planes(image: Image) -> Sequence[Floats]:
    """Luma, Cr, Cb: (24, 32) float32 each, in 0..255."""
    return cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb).astype(np.float32))


def _new_structure(before: Floats, now: Floats) -> float:
    """The share of structure that is not found again near its place. 0 where one picture has none."""
    if float(before.std()) < NOISE:
        return 0.0
    around = cv2.copyMakeBorder(before, *(SEARCH_PX,) * 4, cv2.BORDER_REFLECT)
    height, width = now.shape
    reach = TILE_PX + 2 * SEARCH_PX
    changed = total = 0.0
    for y, x in product(range(0, height, TILE_PX), range(0, width, TILE_PX)):
        tile = now[y : y + TILE_PX, x : x + TILE_PX]
        weight = (float(tile.std()) - NOISE) / (TEXTURED - NOISE)
        if weight > 0:
            matches = cv2.matchTemplate(around[y : y + reach, x : x + reach], tile, cv2.TM_CCOEFF_NORMED)
            changed += min(weight, 1.0) * (1 - max(cv2.minMaxLoc(matches)[1], 0.0))
            total += min(weight, 1.0)
    return changed / max(total, LEAST_TILES)


def _histogram(luma: Floats, red: Floats, blue: Floats) -> Floats:
    """(16, 16) float32 counts of chroma for its brightness. Blurred: a colour at a bin's edge is not two colours."""
    brightness = np.maximum(luma, DARK)
    ratios = [np.clip((plane - 128) / brightness, -CHROMA, CHROMA) for plane in (red, blue)]
    # The upper limit of OpenCV's histograms is left out of them.
    counts = cv2.calcHist(ratios, [0, 1], None, [BINS, BINS], [-CHROMA, CHROMA + 1e-3] * 2)
    return cv2.GaussianBlur(counts, (5, 5), 1.0)
