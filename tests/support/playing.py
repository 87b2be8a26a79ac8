"""A clip that is played in real time into a pipe, over and over, as a camera would give it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from threading import Event, Thread

import av
from av.video.frame import PictureType

RATE = 12


@dataclass(frozen=True)
class Playing:
    """A pipe, and what ends it."""

    address: str
    stop: Callable[[], None]


@contextmanager
def played(clip: Path, fifo: Path) -> Iterator[Playing]:
    """Make the pipe, and write into it as soon as somebody reads."""
    os.mkfifo(fifo)
    over = Event()
    thread = Thread(target=_play, args=(clip, fifo, over), name="playing")
    thread.start()
    try:
        yield Playing(str(fifo), over.set)
    finally:
        over.set()
        with suppress(OSError):  # nobody has read
            os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
        thread.join()


def _play(clip: Path, fifo: Path, over: Event) -> None:
    with av.open(str(clip)) as container:
        frames = list(container.decode(video=0))
    with suppress(OSError, av.error.FFmpegError), av.open(f"file:{fifo}", "w", format="mpegts") as pipe:
        stream = pipe.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for number, frame in enumerate(cycle(frames)):
            if over.wait(1 / RATE):
                return
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, RATE), PictureType.NONE
            pipe.mux(stream.encode(frame))
