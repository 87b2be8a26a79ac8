"""Clips of any length and size, made of one video."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sinks.open import open_sink
from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.open import open_source
from model_api.errors import SourceError
from model_api.pictures.picture import Picture
from model_api.resize import resize_picture
from model_tools.benchmark.floor import as_taken
from model_tools.benchmark.scale.design import Batch, width_of


@dataclass(frozen=True)
class Footage:
    """The first frames of a video. Clips run through them to and fro, so that no cut makes a model begin anew."""

    pictures: Sequence[Picture]
    info: SourceInfo

    @classmethod
    def of(cls, address: str, frames: int) -> Footage:
        """Read it. Raises SourceError."""
        with open_source(address) as source:
            pictures = [frame.picture for frame in islice(source, frames)]
            if not pictures:
                raise SourceError(f"{source.info.name}: has no frame")
            return cls(pictures, source.info)

    def write(self, path: Path, height: int, frames: int) -> None:
        """Write a clip of 16:9, with the video's sound. Raises SinkError."""
        size = (width_of(height), height)
        info = replace(self.info, size=size, frames=frames, to_end=False)
        turn = [*self.pictures, *self.pictures[-2:0:-1]]
        with open_sink(Output(path), Encoding(), info) as sink:
            for index in range(frames):
                picture = resize_picture(turn[index % len(turn)], size)
                sink.write(as_taken(picture, sink), index, Fraction(index) / info.rate)


def write_clips(footage: Footage, batch: Batch, folder: Path) -> Path:
    """Make the folder of a batch's clips, which are all the same. A clip that is needed again is made once.

    Returns:
        The folder with the clips in it.
    """
    one = folder / f"{batch.height}-{batch.frames}.mp4"
    if not one.exists():
        footage.write(one, batch.height, batch.frames)
    clips = folder / f"{batch.height}-{batch.frames}-{batch.clips}"
    with suppress(FileExistsError):
        clips.mkdir()
        for number in range(batch.clips):
            os.link(one, clips / f"{number}.mp4")
    return clips
