"""Animated WebP images as sources of frames. FFmpeg does not decode them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from background_subtraction.sources.base import Closing, SourceInfo, numbered
from background_subtraction.sources.demuxing.timeline import measured_rate
from background_subtraction.sources.selection import Selection, Timed
from model_api.errors import SourceError
from model_api.pictures.encoded import decode_animation
from model_api.pictures.picture import size_of
from model_api.types import Frame, Image

ANIMATED_FLAG = 0x02
"""In the first byte of the VP8X chunk (Google, WebP Container Specification, "Extended File Format")."""
SHOWN_MS = 100
"""How long browsers show a frame whose duration is 10 ms or less."""
SHORTEST_MS = 10


def is_animated_webp(path: Path) -> bool:
    """Whether a file is a WebP image with frames."""
    with path.open("rb") as file:
        head = file.read(21)
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20] & ANIMATED_FLAG)


def is_animated_png(path: Path) -> bool:
    """Whether a file is a PNG image with frames: its acTL chunk comes before the pixels (W3C, PNG, 11.3.3.1)."""
    with path.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"\x89PNG") and b"acTL" in head.partition(b"IDAT")[0]


class WebpSource(Closing):
    """An animated WebP image."""

    def __init__(self, path: Path, *, loop: bool = False, selection: Selection = Selection()) -> None:
        """Decode all of its frames, as OpenCV does it.

        Raises:
            SourceError: it cannot be decoded.
        """
        self._loop = loop
        self._selection = selection
        images, durations_s = _read(path)
        ends_s = np.cumsum([0, *durations_s])
        self._timed = list(zip(images, map(Fraction, ends_s[:-1]), strict=True))
        rate = selection.rate or measured_rate([Fraction(end_s) for end_s in ends_s])
        first = next(selection.of(iter(self._timed)), None)
        if first is None:
            raise SourceError(f"{path}: a video without a single frame in this part")
        width, height = size_of(first[0])
        frames = None if loop else sum(1 for _ in selection.of(iter(self._timed)))
        self.info = SourceInfo(str(path), (width, height), rate, frames)

    def __enter__(self) -> WebpSource:
        return self

    def __iter__(self) -> Iterator[Frame]:
        return numbered(self._turn, self.info.rate, lambda: self._loop)

    def _turn(self) -> Iterator[Timed]:
        return self._selection.of(iter(self._timed))


def _read(path: Path) -> tuple[list[Image], list[Fraction]]:
    """Images, BGR, and how long each is shown in seconds."""
    if not hasattr(cv2, "imdecodeanimation"):
        raise SourceError(f"{path}: an animated image. OpenCV {cv2.__version__} reads none, 4.11 does")
    animation = decode_animation(np.fromfile(path, np.uint8), str(path))
    if animation is None:
        raise SourceError(f"{path}: cannot be decoded. Expected a whole WebP image")
    images = [np.ascontiguousarray(image[..., :3]) for image in animation.frames]
    shown_ms = [int(ms) if ms > SHORTEST_MS else SHOWN_MS for ms in animation.durations]
    return images, [Fraction(ms, 1000) for ms in shown_ms]
