"""Outputs that get their names when they are whole.

Until then they lie beside their place, as NAME.part.mp4: the ending stays, because it tells the container to this
program and to players, so that what an interrupted run leaves opens with a double click. A folder of images is
NAME.part.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from background_subtraction.image_files import images_of, is_pattern
from background_subtraction.jobs import PART
from background_subtraction.sinks.base import Encoding, Output, explained, gone, identity_of, require_writable
from background_subtraction.sinks.open import file_of
from model_api.errors import SinkError, SourceError


@dataclass(frozen=True)
class Part:
    """An output before it is whole.

    Args:
        final: as it was planned.
        written: the same, beside it, for the sinks.
        folder: whether it is a folder of images, which gets its name at once.
    """

    final: Output
    written: Output
    folder: bool

    @classmethod
    def of(cls, output: Output, encoding: Encoding) -> Part:
        """Name what is written until `output` is whole."""
        path = output.path
        if len(output.names) == 1:
            return cls(output, replace(output, names=(output.names[0] + PART,)), folder=False)
        if output.names or file_of(output, encoding) != path:
            return cls(output, replace(output, path=path.with_name(path.name + PART)), folder=True)
        return cls(output, replace(output, path=_part_of(path)), folder=False)

    @property
    def place(self) -> Path:
        """The file, folder or pattern that the output will be."""
        return self.final.place

    @property
    def part(self) -> Path:
        """The same until it is whole."""
        return self.written.place

    def exists(self) -> bool:
        """Whether there is something at its place."""
        return bool(self.files())

    def files(self) -> list[Path]:
        """What there is at its place."""
        if self.folder:
            return sorted(self.place.iterdir()) if self.place.is_dir() else []
        return _files_of(self.place)

    def begin(self) -> tuple[int, int] | None:
        """Take away what an interrupted run left. Whoever still writes there loses its file, and notices it.

        Returns:
            What tells the folder from one of another run, None for files: `VideoSink` looks after its own.

        Raises:
            SinkError: nothing can be written there.
        """
        if not self.folder:
            require_writable(self.place)
            with explained(self.part):
                for path in _files_of(self.part):
                    path.unlink()
            return None
        require_writable(self.place / "0000.png")
        with explained(self.part):
            shutil.rmtree(self.part, ignore_errors=True)
            self.part.mkdir(parents=True)
        return identity_of(self.part)

    def publish(self, identity: tuple[int, int] | None) -> None:
        """Give it its name, for it is whole.

        Files get theirs one by one; so do those of a folder whose name another folder has already.

        Args:
            identity: what `begin` returned.

        Raises:
            SinkError: nothing was written, or it is gone.
        """
        if identity is not None and identity != identity_of(self.part):
            raise gone(self.part)
        with explained(self.place):
            if not self.folder:
                _move_files(self.part, self.place)
            elif self.place.is_dir():
                for path in sorted(self.part.iterdir()):
                    os.replace(path, self.place / path.name)
                self.part.rmdir()
            elif not any(self.part.iterdir()):
                raise SinkError(f"{self.place}: no frame was written")
            else:
                os.rename(self.part, self.place)

    def discard_empty(self) -> None:
        """Take away a folder into which nothing was written."""
        if self.folder:
            with suppress(OSError):  # it holds something
                self.part.rmdir()


def _part_of(path: Path) -> Path:
    return path.with_name(path.stem + PART + path.suffix)


def _move_files(part: Path, place: Path) -> None:
    paths = _files_of(part)
    if not paths:
        raise SinkError(f"{place}: no frame was written")
    for path in paths:
        _flush(path)
        os.replace(path, path.with_name("".join(path.name.rsplit(PART, 1))))


def _files_of(path: Path) -> list[Path]:
    """The file, or those of a pattern."""
    if is_pattern(str(path)):
        with suppress(OSError, SourceError):  # there are none
            return images_of(str(path))
        return []
    return [path] if path.is_file() else []


def _flush(path: Path) -> None:
    """To the disk, before the name: else a machine that loses its power could keep the name alone."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
