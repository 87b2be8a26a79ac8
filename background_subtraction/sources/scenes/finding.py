"""Where a film is cut: PySceneDetect says it, and the test that recurrent models start afresh by says it too."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

from background_subtraction.sources.scenes.description import Scene, checksum_of
from background_subtraction.sources.selection import Selection
from background_subtraction.sources.video import VideoSource
from model_api.errors import OptionError
from model_api.extras import install_command
from model_api.pictures.picture import bgr_of
from model_api.pipelines.scene_cuts import Scene as LastFrame
from model_api.pipelines.scene_cuts import follow, thumbnail_of
from model_api.resize import resize_picture, scaled_inside
from model_api.types import Frame, Image, Size

LOOKED_AT_WH: Size = (256, 256)
"""Frames are shrunk to fit into it, as PySceneDetect does it."""

SHORTEST = 15
"""Frames. A scene that is shorter stays with the next one, in which the model's state begins anew all the same."""


def find_scenes(film: str, selection: Selection, limit: int, seen: Callable[[int], object]) -> list[Scene]:
    """Read a film, and cut it.

    A model's state begins anew at a cut. Where both tests agree it does so in the film in one piece as well, so that
    cutting there changes no frame.

    Args:
        film: an absolute path.
        selection: which part of it.
        limit: how many frames of that part, 0 for all.
        seen: called with each frame's number.

    Returns:
        Its scenes, which hold every frame once and in order; one where there is no cut.

    Raises:
        SourceError: it cannot be read.
        OptionError: PySceneDetect is missing.
    """
    times_s: list[Fraction] = []
    checksums: list[int] = []
    with VideoSource(film, selection=selection) as source:
        cuts = _Cuts(source.info.rate)
        for frame in islice(source, limit or None):
            cuts.take(frame)
            times_s.append(frame.timestamp_s)
            checksums.append(checksum_of(frame))
            seen(frame.index)
    borders = [*cuts.agreed(), len(times_s)]
    return [
        Scene(film, selection, first, tuple(times_s[first:end]), tuple(checksums[first:end]))
        for first, end in pairwise(borders)
    ]


class _Cuts:
    """The first frames of scenes: the film's first one, and those at which both tests see a cut."""

    def __init__(self, rate: Fraction) -> None:
        try:
            from scenedetect import AdaptiveDetector, FrameTimecode
        except ImportError as error:
            raise OptionError(f"scenes: needs PySceneDetect ({error}). {install_command('split')}", "split") from error
        # Without a shortest scene of its own: what it takes wrongly for a cut would hide the right one behind it.
        self._detector: Any = AdaptiveDetector(min_scene_len=0)
        self._timecode: Any = FrameTimecode
        self._rate = float(rate)
        self._theirs: set[int] = set()
        self._ours: set[int] = set()
        self._before: LastFrame | None = None

    def take(self, frame: Frame) -> None:
        image = self._small(frame)
        found = self._detector.process_frame(self._timecode(frame.index, self._rate), image)
        self._theirs.update(cut.frame_num for cut in found)
        is_cut, self._before = follow(self._before, thumbnail_of(image))
        if is_cut:
            self._ours.add(frame.index)

    def agreed(self) -> list[int]:
        cuts = [0]
        for cut in sorted(self._theirs & self._ours):
            if cut - cuts[-1] >= SHORTEST:
                cuts.append(cut)
        return cuts

    def _small(self, frame: Frame) -> Image:
        return bgr_of(resize_picture(frame.picture, scaled_inside(frame.size, LOOKED_AT_WH)))
