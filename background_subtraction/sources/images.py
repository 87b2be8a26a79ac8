"""Image files as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from background_subtraction.image_files import read_picture
from background_subtraction.sources.base import Closing, SourceInfo, numbered
from background_subtraction.sources.selection import Selection, Timed
from model_api.types import Frame

IMAGE_RATE = Fraction(30)
"""Frames per second of a folder of images."""


class ImageSource(Closing):
    """Image files, one frame each."""

    def __init__(self, paths: list[Path], name: str, *, loop: bool = False, selection: Selection = Selection()) -> None:
        """Read the first one.

        Args:
            paths: the files in their order.
            name: the address that the user gave.
            loop: start again at the end.
            selection: which part, and at which size.

        Raises:
            SourceError: the first one cannot be read.
        """
        rate = selection.rate or IMAGE_RATE
        height, width = read_picture(paths[0]).shape[:2]
        frames = None if loop else selection.count(len(paths), rate)
        self.info = SourceInfo(name, selection.size or (width, height), rate, frames)
        self._paths = paths
        self._loop = loop
        self._selection = selection

    def __enter__(self) -> ImageSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(lambda: self._selection.of(self._turn()), self.info.rate, lambda: self._loop)

    def _turn(self) -> Iterator[Timed]:
        for index, path in enumerate(self._paths):
            yield read_picture(path), index / self.info.rate
