"""What every sink is, and the values that say what is written and how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av

from background_subtraction.compositing.composite import VIEWS
from background_subtraction.sinks.formats import CODECS, VideoFormat
from model_api.arrays import described
from model_api.errors import OptionError, SinkError
from model_api.ranges import NATURAL, POSITIVE_NUMBER, QUALITY, require_choice, require_size
from model_api.types import Image, Size

OUTPUT_TYPES = ("video", "png_sequence")


class Sink(Protocol):
    """A context manager that takes images in the order of their time; leaving it makes the output whole.

    full: it wants no more.
    """

    @property
    def full(self) -> bool: ...

    def write(self, image: Image, index: int, timestamp_s: Fraction) -> None:
        """image: (H, W, 3) uint8 BGR, (H, W, 4) BGRA or (H, W) grey. Raises SinkError; what was written before
        stays usable."""

    def finish(self) -> None:
        """Called when the source has come to its end, not when the run was broken off."""

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True)
class Output:
    """One file, or one sequence of files. view: what of the picture, one of `pictures.VIEWS`. Raises OptionError."""

    path: Path
    view: str = "composite"

    def __post_init__(self) -> None:
        require_choice(VIEWS, view=self.view)
        if not isinstance(self.path, Path):
            raise OptionError(f"{described(self.path)}. Expected a pathlib.Path", "path")


@dataclass(frozen=True)
class Quality:
    """crf: the codec's constant quality. mbps: a bit rate in place of it. None: the codec's default.

    Raises OptionError for numbers that no codec takes, or both.
    """

    crf: int | None = None
    mbps: float | None = None

    def __post_init__(self) -> None:
        QUALITY.require(crf=self.crf)
        POSITIVE_NUMBER.require(mbps=self.mbps)
        if self.crf is not None and self.mbps is not None:
            raise OptionError(f"{self.crf}, and a bit rate of {self.mbps:g} Mbit/s. Expected one of both", "crf")

    def options(self, format_: VideoFormat, path: Path) -> dict[str, str]:
        """The encoder's. Raises OptionError if it takes no `crf`, or not this one."""
        codec = format_.codec
        options = dict(codec.options)
        if self.mbps is not None:
            options.pop(codec.quality, None)
            return {**options, "b": str(round(self.mbps * 1_000_000))}
        if self.crf is not None:
            if not codec.quality:
                raise OptionError(f"{path}: {codec.encoder} takes none. Leave it out", "crf")
            if self.crf > codec.worst:
                raise OptionError(f"{self.crf}. Expected 0 to {codec.worst} for {codec.encoder}, less is better", "crf")
            options[codec.quality] = str(self.crf)
        return options


@dataclass(frozen=True)
class Encoding:
    """How outputs are written. type: one of OUTPUT_TYPES, "" to take it from the name. codec: one of CODECS.
    limit: pictures that are written, 0 for all. sound: whether composites get the input's sound.
    resolution: the largest (width, height). Raises OptionError for other values."""

    type: str = ""
    codec: str | None = None
    quality: Quality = Quality()
    limit: int = 0
    sound: bool = True
    resolution: Size | None = None

    def __post_init__(self) -> None:
        require_choice(("", *OUTPUT_TYPES), type=self.type)
        require_choice(CODECS, codec=self.codec)
        NATURAL.require(limit=self.limit)
        require_size(resolution=self.resolution)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """The system's and FFmpeg's errors as SinkError."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise SinkError(f"{path}: cannot be written ({text}). What was written before is kept") from error
