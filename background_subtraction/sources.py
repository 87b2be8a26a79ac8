"""Where frames come from: an image, a folder of images, a video, a pipe, a stream, a camera."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from time import perf_counter

import cv2

from background_subtraction.cut import Cut, Timed
from background_subtraction.frames import UNKNOWN_RATE, Closing, Source, SourceInfo, numbered
from background_subtraction.images import IMAGE_SUFFIXES, images_in, read_image, silent_opencv
from background_subtraction.video_source import PIPE, VideoSource
from model_api.errors import SourceError
from model_api.types import Frame

IMAGE_RATE = Fraction(30)
"""Frames per second of a folder of images."""


def open_source(address: str, loop: bool = False, cut: Cut = Cut()) -> Source:
    """address: a file, a folder, a camera's number, a stream's address such as rtsp://…, or "-" for a pipe.

    loop: begin again at the end, for ever; every turn is a clip of its own.
    """
    if address.isdecimal():
        return CameraSource(int(address), cut)
    if address == PIPE or re.match(r"[a-z][a-z0-9+.-]+://", address, re.IGNORECASE):
        return VideoSource(address, cut=cut, live=True)
    path = Path(address)
    if not path.exists():
        raise SourceError(f"{address}: no such input. Expected an image, a folder, a video, a camera number or a URL")
    if path.is_dir():
        return ImageSource(images_in(path), address, loop, cut)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource([path], address, loop, cut)
    return VideoSource(address, loop, cut)


class ImageSource(Closing):
    """Image files, one frame each."""

    def __init__(self, paths: list[Path], name: str, loop: bool = False, cut: Cut = Cut()) -> None:
        rate = cut.rate or IMAGE_RATE
        height, width = read_image(paths[0]).shape[:2]
        frames = None if loop else cut.count(len(paths), rate)
        self.info = SourceInfo(name, cut.size or (width, height), rate, frames)
        self._paths = paths
        self._loop = loop
        self._cut = cut

    def __enter__(self) -> ImageSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(lambda: self._cut.of(self._turn()), self.info.rate, lambda: self._loop)

    def _turn(self) -> Iterator[Timed]:
        for index, path in enumerate(self._paths):
            yield read_image(path), index / self.info.rate


class CameraSource(Closing):
    """A camera of this machine, by its number. A camera never ends: one that does is an error."""

    def __init__(self, number: int, cut: Cut = Cut()) -> None:
        self._number = number
        self._cut = cut
        with silent_opencv():
            self._capture = cv2.VideoCapture(number)
            if cut.rate:
                self._capture.set(cv2.CAP_PROP_FPS, float(cut.rate))
            opened, first = self._capture.read()
        if not opened:
            self.close()
            raise SourceError(f"Camera {number} gives no picture. Is it plugged in, and free? Another: -i <number>")
        height, width = first.shape[:2]
        rate = Fraction(self._capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001) or UNKNOWN_RATE
        self.info = SourceInfo(f"camera {number}", cut.size or (width, height), rate, live=True, drops=True)

    def __enter__(self) -> CameraSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(lambda: self._cut.of(self._turn()), self.info.rate)

    def close(self) -> None:
        self._capture.release()

    def _turn(self) -> Iterator[Timed]:
        started_s = perf_counter()
        for number in count():
            read, image = self._capture.read()
            if not read:
                raise SourceError(f"Camera {self._number} stopped after {number} frames. Is it still plugged in?")
            yield image, Fraction(round((perf_counter() - started_s) * 1_000_000), 1_000_000)
