"""Which part of a source is taken, and at which size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from model_api.arrays import described
from model_api.errors import OptionError
from model_api.pictures.picture import Picture
from model_api.ranges import NATURAL, RATE, SECONDS, require_size
from model_api.resize import resize_picture
from model_api.types import Size

FOURCC = re.compile(r"([A-Za-z0-9 ]{4})?")

Timed = tuple[Picture, Fraction]
"""A picture and its time in seconds from the beginning of the file."""


@dataclass(frozen=True)
class Selection:
    """Which part of a source is taken, and at which size.

    Args:
        start_s: seconds from its beginning.
        end_s: the same, None for its end.
        skip: frames that are left out after `start_s`.
        rate: frames per second of images and raw pipes, or to request from a camera.
        size: frames are resized to this (width, height).
        raw_size: a pipe carries raw BGR frames of this (width, height).
        camera_size: the (width, height) to request from a camera, None for its own choice.
        camera_format: the four characters of the format to request from it, "" for its own choice.

    Raises:
        OptionError: another value.
    """

    start_s: Fraction = Fraction(0)
    end_s: Fraction | None = None
    skip: int = 0
    rate: Fraction | None = None
    size: Size | None = None
    raw_size: Size | None = None
    camera_size: Size | None = (1280, 720)
    camera_format: str = "MJPG"

    def __post_init__(self) -> None:
        SECONDS.require(start_s=self.start_s, end_s=self.end_s)
        NATURAL.require(skip=self.skip)
        RATE.require(rate=self.rate)
        require_size(size=self.size, raw_size=self.raw_size, camera_size=self.camera_size)
        if not isinstance(self.camera_format, str) or not FOURCC.fullmatch(self.camera_format):
            raise OptionError(
                f"{described(self.camera_format)}. Expected four characters, such as MJPG or YUYV", "camera_format"
            )
        if self.end_s is not None and self.end_s <= self.start_s:
            start_s, end_s = float(self.start_s), float(self.end_s)
            raise OptionError(f"{end_s:g} s, but it begins at {start_s:g} s. Expected a later end", "end_s")

    def of(self, timed: Iterator[Timed]) -> Iterator[Timed]:
        """Give the part of these pictures."""
        # Some files have frames before their own beginning.
        begun = (pair for pair in timed if not self.start_s or pair[1] >= self.start_s)
        for index, (picture, time_s) in enumerate(begun):
            if self.end_s is not None and time_s >= self.end_s:
                return
            if index >= self.skip:
                yield picture if self.size is None else resize_picture(picture, self.size), time_s

    def count(self, frames: int | None, rate: Fraction) -> int | None:
        """Return how many of `frames` are in this part, None if this is unknown."""
        if frames is None:
            return None
        first = -(-self.start_s * rate // 1)
        last = frames if self.end_s is None else min(frames, -(-self.end_s * rate // 1))
        return max(0, int(last - first) - self.skip)
