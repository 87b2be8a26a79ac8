"""256 colours for each frame of a GIF, the best ones for that frame."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av


class Palette:
    """FFmpeg's palettegen and paletteuse, frame by frame: nothing is held back for a palette of the whole film."""

    def __init__(self, width: int, height: int, tick_s: Fraction) -> None:
        """Build the filter graph. tick_s: the unit of the frames' time."""
        graph = av.filter.Graph()
        source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("bgra"), time_base=tick_s)
        split = graph.add("split")
        generate = graph.add("palettegen", "stats_mode=single:reserve_transparent=1")
        use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=3")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(generate, 1, 0)
        generate.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        self._graph = graph

    def apply(self, frame: Any) -> list[Any]:
        """Take a frame, and return those that are ready."""
        self._graph.push(frame)
        return self._ready()

    def rest(self) -> list[Any]:
        """Return the frames that are left."""
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> list[Any]:
        frames = []
        try:
            while True:
                frames.append(self._graph.pull())
        except (av.error.BlockingIOError, av.error.EOFError):
            return frames
