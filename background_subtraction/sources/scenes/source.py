"""One scene of a film as a source: exactly its frames, wherever the film can be entered."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

from background_subtraction.sources.base import Closing
from background_subtraction.sources.scenes.description import checksum_of, read_scene
from background_subtraction.sources.selection import Selection
from background_subtraction.sources.video import VideoSource
from model_api.errors import SourceError
from model_api.resize import resize_picture
from model_api.types import Frame

LEAD_S = Fraction(1)
"""The film is entered so long before the scene: deinterlacing needs the frames before."""

log = logging.getLogger(__name__)


class SceneSource(Closing):
    """The frames of a scene. Each is the frame that the film read from its beginning has there.

    The film is entered by its times. Frames whose checksum is another one, as in files whose times jump or whose key
    frames do not say all that a decoder must know, are read once more from the film's beginning.
    """

    def __init__(self, path: Path, *, loop: bool = False, selection: Selection = Selection()) -> None:
        """Open the film.

        Args:
            path: the scene's description.
            loop: not for scenes.
            selection: all of the scene.

        Raises:
            SourceError: it is none, or the film cannot be read; or a part or a loop of it is asked for.
        """
        if loop or selection != Selection():
            raise SourceError(f"{path}: a scene is taken as it is. Leave out loop, start, end, skip and sizes")
        self._scene = read_scene(path)
        self._film = VideoSource(self._scene.film, selection=self._scene.selection)
        self._entered: VideoSource | None = None
        self.info = replace(
            self._film.info,
            frames=self._scene.frames,
            sound=None,
            elapsed_s=self._scene.times_s[0],
        )

    def __enter__(self) -> SceneSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        """Frames have their number in the film, and times from the scene's beginning."""
        scene = self._scene
        for number, frame in enumerate(self._frames()):
            time_s = scene.times_s[number] - scene.times_s[0]
            yield replace(frame, index=scene.first + number, timestamp_s=time_s, clip=0)

    def close(self) -> None:
        """Close the film."""
        self._film.close()
        if self._entered is not None:
            self._entered.close()

    def _frames(self) -> Iterator[Frame]:
        done = 0
        for frame, checksum in zip(self._from_near(), self._scene.checksums, strict=False):
            if checksum_of(frame) != checksum:
                break
            yield frame
            done += 1
        if done < self._scene.frames:
            yield from self._from_beginning(done)

    def _from_near(self) -> Iterator[Frame]:
        """From the scene's first frame on, as far as times tell where that is."""
        scene, film = self._scene, self._film
        target_s = film.first_s + scene.times_s[0] - LEAD_S
        if target_s <= scene.selection.start_s:
            return
        try:
            selection = replace(scene.selection, start_s=target_s, end_s=None, skip=0)
            self._entered = VideoSource(scene.film, selection=selection)
        except SourceError:  # nothing can be decoded from there
            return
        ahead_s = self._entered.first_s - film.first_s
        for frame in self._entered:
            if frame.timestamp_s + ahead_s >= scene.times_s[0]:
                yield replace(frame, picture=resize_picture(frame.picture, film.info.size))

    def _from_beginning(self, done: int) -> Iterator[Frame]:
        """Without the first frames, which are done."""
        scene = self._scene
        if scene.times_s[0] > LEAD_S:
            log.info("%s: cannot be entered at %.1f s: read from its beginning", scene.film, scene.times_s[0])
        missing = scene.frames - done
        for frame in islice(self._film, scene.first + done, scene.first + scene.frames):
            missing -= 1
            yield frame
        if missing:
            raise SourceError(f"{scene.film}: has fewer frames than when its cuts were looked for. Was it changed?")
