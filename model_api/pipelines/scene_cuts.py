"""Hard cuts in a film, found on thumbnails, so that a recurrent model does not carry a person into the next scene.

Each frame is compared with the one just before it. First the darker of both gets the exposure of the brighter one.
Where a flash leaves too little to compare, there is no cut.

- Structure: each patch of the thumbnail is searched for near its place in the one before, by zero-normalized
  cross-correlation (Lewis, "Fast Normalized Cross-Correlation", 1995). Motion and pans are not new structure.
- Colours: the histogram of chroma divided by luma, as PySceneDetect's detectors compare hue and saturation.
- Area: the share of pixels that changed.

New structure and new colours together mean another place. Another person before the same camera changes less: the area
must then be much larger than in the last frames (as in PySceneDetect's AdaptiveDetector).
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
PATCH_PX = 8
SEARCH_PX = 4
"""How far a patch may have moved between two frames: an eighth of the image's width."""
NOISE, TEXTURED = 3.0, 13.0
"""Standard deviations in levels: a patch of the first has no structure to search for, one of the second counts full."""
LEAST_PATCHES = 2.0
"""Structure in fewer patches than this counts less."""
DARK = 24.0
"""Levels below which chroma is mostly noise."""
BINS = 16
CHROMA = 0.8
"""The largest ratio of chroma to luma that is distinguished."""

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
"""Share of the image that changes at every cut."""
TIMES_RECENT = 4.0
"""A change this many times as large as in the last frames is sudden."""
RECENT_FRAMES = 6
CHANGED_LEVELS = 24
"""A pixel has changed if it differs by more than this many levels."""
SAME_LIGHT = 1.3
"""Gain of the exposure up to which a changed area may mean another person."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What the next frame is compared with.

    Attributes:
        thumbnail: of the frame before, as `thumbnail_of` makes it.
        areas: the share of the image that changed in each of the last frames, the newest last, at most RECENT_FRAMES.
    """

    thumbnail: Image
    areas: tuple[float, ...] = ()


def thumbnail_of(image: Image) -> Image:
    """Shrink an image to the thumbnail by which scenes are compared.

    Args:
        image: (H, W, 3) uint8 BGR of any size, such as the network's input.

    Returns:
        (24, 32, 3) uint8 BGR.
    """
    return thumbnail(image, THUMBNAIL_WH)


def follow(scene: Scene | None, small: Image) -> tuple[bool, Scene]:
    """Compare a frame with the one before it.

    Args:
        scene: what this function returned for the frame before; None for the first frame of a clip, which is not a cut.
        small: the thumbnail of this frame.

    Returns:
        Whether this frame begins another scene, and what to compare the next frame with.
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


def _is_cut(before: Image, now: Image, gain: float, *, sudden: bool) -> bool:
    """Of equally exposed thumbnails. sudden: much more of the image changed than in the frames before."""
    change = change_of_scene(before, now)
    if change > ANOTHER_PLACE:
        return True
    same_light = 1 / SAME_LIGHT < gain < SAME_LIGHT
    return sudden and same_light and change > ANOTHER_PERSON and _replaced(before, now)


def change_of_scene(before: Image, now: Image) -> float:
    """How much of a scene is new.

    Args:
        before: (24, 32, 3) uint8 BGR, a thumbnail.
        now: the same, of the same exposure.

    Returns:
        The share of structure that is new, plus the share of colours that is new: in 0..2.
    """
    (luma_before, *chroma_before), (luma, *chroma) = _planes(before), _planes(now)
    colours = cv2.norm(_histogram(luma_before, *chroma_before), _histogram(luma, *chroma), cv2.NORM_L1)
    return _new_structure(luma_before, luma) + float(colours) / (2 * luma.size)


def exposure_gain(before: Image, now: Image) -> float | None:
    """How many times brighter the image has become.

    Args:
        before: (24, 32, 3) uint8 BGR, a thumbnail.
        now: the same.

    Returns:
        The gain, or None where one of them is too dark or too bright to compare, as in a flash.
    """
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
    """Multiply the darker thumbnail. It is clipped as the brighter one was, because clipping makes structure."""
    return cv2.convertScaleAbs(before, alpha=max(gain, 1.0)), cv2.convertScaleAbs(now, alpha=max(1 / gain, 1.0))


def _changed_area(before: Image, now: Image) -> float:
    """The share of the image that has another colour now, in 0..1."""
    change = cv2.absdiff(before, now).max(axis=2)
    return cv2.countNonZero(cv2.compare(change, CHANGED_LEVELS, cv2.CMP_GT)) / change.size


def _replaced(before: Image, now: Image) -> bool:
    """Whether a large area differs even if the whole image may have moved, as after a bump of the camera."""
    inner = now[SEARCH_PX:-SEARCH_PX, SEARCH_PX:-SEARCH_PX]
    _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(before, inner, cv2.TM_SQDIFF))
    height, width = inner.shape[:2]
    return _changed_area(before[y : y + height, x : x + width], inner) > LEAST_AREA


def _planes(image: Image) -> Sequence[Floats]:
    """Luma, Cr, Cb: (24, 32) float32 each, in 0..255."""
    return cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb).astype(np.float32))


def _new_structure(before: Floats, now: Floats) -> float:
    """The share of structure that is not found again near its place; 0 if there was none before."""
    if float(before.std()) < NOISE:
        return 0.0
    around = cv2.copyMakeBorder(before, *(SEARCH_PX,) * 4, cv2.BORDER_REFLECT)
    height, width = now.shape
    reach = PATCH_PX + 2 * SEARCH_PX
    changed = total = 0.0
    for y, x in product(range(0, height, PATCH_PX), range(0, width, PATCH_PX)):
        patch = now[y : y + PATCH_PX, x : x + PATCH_PX]
        weight = (float(patch.std()) - NOISE) / (TEXTURED - NOISE)
        if weight > 0:
            matches = cv2.matchTemplate(around[y : y + reach, x : x + reach], patch, cv2.TM_CCOEFF_NORMED)
            changed += min(weight, 1.0) * (1 - max(cv2.minMaxLoc(matches)[1], 0.0))
            total += min(weight, 1.0)
    return changed / max(total, LEAST_PATCHES)


def _histogram(luma: Floats, red: Floats, blue: Floats) -> Floats:
    """(16, 16) float32 counts of chroma for its brightness. Blurred: a colour at a bin's edge is not two colours."""
    brightness = np.maximum(luma, DARK)
    ratios = [np.clip((plane - 128) / brightness, -CHROMA, CHROMA) for plane in (red, blue)]
    # OpenCV's histograms do not count values at the upper limit.
    counts = cv2.calcHist(ratios, [0, 1], None, [BINS, BINS], [-CHROMA, CHROMA + 1e-3] * 2)
    return cv2.GaussianBlur(counts, (5, 5), 1.0)
