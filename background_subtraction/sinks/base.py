"""What every sink is, and the values that say what is written and how."""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from background_subtraction.compositing.composite import VIEWS
from background_subtraction.sinks.formats import CODECS, VideoFormat
from background_subtraction.sources.demuxing.faults import raised_as
from model_api.arrays import described
from model_api.errors import OptionError, SinkError
from model_api.pictures.picture import Picture
from model_api.pictures.yuv_image import YuvFormat
from model_api.ranges import NATURAL, POSITIVE_NUMBER, QUALITY, require_choice, require_size
from model_api.types import Size

LONGEST_NAME = 255
"""Bytes of a file's or a folder's name that file systems take."""
OUTPUT_TYPES = ("video", "png_sequence")


AnySink = TypeVar("AnySink", bound="Sink")


class Sink:
    """A context manager that takes images in the order of their time; leaving it makes the output whole.

    Its constructor raises SinkError where it can never write, and opens nothing.
    """

    def check(self, size: Size) -> None:
        """Try, without a trace, whether a first image of this (width, height) could be written. Raises SinkError."""

    def takes(self, format_: YuvFormat) -> bool:
        """Whether it takes planes in this format, and keeps their matrix and transfer."""
        return False

    @property
    def square_pixels(self) -> bool:
        """Whether its pixels are always square. Pictures with others are resized before they come here."""
        return False

    def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
        """Write one image.

        Args:
            picture: (H, W, 3) uint8 BGR, (H, W, 4) BGRA or (H, W) grey; planes, if it takes their format.
            index: the number of the frame in the run.
            timestamp_s: its time since the first frame.

        Raises:
            SinkError: it cannot be written. What was written before stays usable.
        """
        raise NotImplementedError

    @property
    def repeat_every_s(self) -> float | None:
        """After how many seconds without an image `repeat` is to be called. None: never."""
        return None

    def repeat(self) -> None:
        """Show the last image once more. Raises SinkError."""

    @property
    def watched(self) -> bool | None:
        """Whether somebody sees what is written. None: this is not known."""
        return None

    def finish(self) -> None:
        """Note that the source has come to its end, and that the run was not broken off."""

    def kept(self) -> str:
        """Return, when it is closed, the name of what was written if it can be played, else ""."""
        return ""

    def __enter__(self: AnySink) -> AnySink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class Output:
    """One file, or one sequence of image files.

    Args:
        path: its name; a pattern such as out_%05d.png, or a folder, for a sequence.
        folder: whether it is a folder, which may be missing yet.
        names: of the images in the folder, without their endings; () for 0000, 0001, …
        view: what of each frame is written, one of `compositing.composite.VIEWS`.

    Raises:
        OptionError: another value.
    """

    path: Path
    view: str = "composite"
    folder: bool = False
    names: tuple[str, ...] = ()

    @classmethod
    def named(cls, path: str | os.PathLike[str], view: str = "composite") -> Output:
        """Make an output of a name as users write it: one that ends in a slash is a folder."""
        return cls(Path(path), view, folder=os.fspath(path).endswith(("/", os.sep)))

    @property
    def place(self) -> Path:
        """The file, also where it is the only one in its folder; else the pattern, or the folder."""
        return self.path / f"{self.names[0]}.png" if len(self.names) == 1 else self.path

    def __post_init__(self) -> None:
        require_choice(VIEWS, view=self.view)
        if not isinstance(self.path, Path):
            raise OptionError(f"{described(self.path)}. Expected a pathlib.Path", "path")


@dataclass(frozen=True)
class DeviceOutput:
    """A device that shows composites to other programs.

    Args:
        kind: one of `sinks.open.DEVICES`.
        name: which device, "" for the first that is free.
        view: what of each frame is shown, one of `compositing.composite.VIEWS`.
    """

    kind: str
    name: str = ""
    view: str = "composite"


@dataclass(frozen=True)
class Quality:
    """How much is lost in encoding.

    Args:
        crf: the codec's constant quality, lower is better. None: the codec's default.
        mbps: a bit rate in Mbit/s instead.

    Raises:
        OptionError: a number that no codec takes, or both.
    """

    crf: int | None = None
    mbps: float | None = None

    def __post_init__(self) -> None:
        QUALITY.require(crf=self.crf)
        POSITIVE_NUMBER.require(mbps=self.mbps)
        if self.crf is not None and self.mbps is not None:
            raise OptionError(f"{self.crf}, and a bit rate of {self.mbps:g} Mbit/s. Expected one of both", "crf")

    def options(self, format_: VideoFormat, path: Path) -> dict[str, str]:
        """Return the encoder's options. Raises OptionError if it takes no `crf`, or not this one."""
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
    """How outputs are written.

    Args:
        type: one of OUTPUT_TYPES, "" to decide by the name of the output.
        codec: one of `formats.CODECS`, None for the container's default.
        quality: constant quality or bit rate.
        limit: how many frames are written, 0 for all.
        sound: whether composites get the input's sound.
        resolution: the (width, height) that the result is scaled up or down to fit into, None for the input's size.

    Raises:
        OptionError: another value.
    """

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


def require_writable(path: Path) -> None:
    """Raise SinkError unless a file can be made at `path`. Folders that are missing are made by `make_folder_of`."""
    for part in path.parts:
        length = len(os.fsencode(part))
        if length > LONGEST_NAME:
            raise SinkError(f"{part[:40]}…: a name of {length} bytes. Expected at most {LONGEST_NAME}")
    with explained(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = next(parent for parent in path.parents if parent.exists())
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def make_folder_of(path: Path) -> None:
    """Make the folder that `path` lies in, and those above it. Raises SinkError."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)


def identity_of(path: Path) -> tuple[int, int] | None:
    """Which file or folder has the name, by its device and its number there: None for none."""
    with suppress(OSError):
        status = os.stat(path)
        return status.st_dev, status.st_ino
    return None


def gone(path: Path) -> SinkError:
    """Make the error for an output that is not there any more."""
    return SinkError(f"{path}: is gone: it was deleted or replaced while it was written. Nothing is kept there")


def explained(path: Path) -> AbstractContextManager[None]:
    """Raise the errors of the system and of FFmpeg as SinkError."""
    return raised_as(SinkError, f"{path}: cannot be written")
