"""Files that a tool writes: whole or not at all, and refused before the work when their folder is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from model_api.errors import OptionError, SinkError

Content = TypeVar("Content")


@contextmanager
def replacing(path: Path, companion: str = "") -> Iterator[Path]:
    """Give another name to write to; the file gets its own name when the block has ended without an error.

    So an interruption leaves no half of a file, and what was there before stays until the new one is whole.

    Args:
        path: Where the file is to be. Missing folders are made.
        companion: The suffix of a second file that is written beside it, as ".bin" beside an IR's .xml.

    Raises:
        OSError: the disk refuses.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    suffixes = [companion, path.suffix] if companion else [path.suffix]
    try:
        yield part
        for suffix in suffixes:
            os.replace(part.with_suffix(suffix), path.with_suffix(suffix))
    finally:
        for suffix in suffixes:
            with suppress(OSError):
                part.with_suffix(suffix).unlink()


def require_folders(paths: Iterable[Path | None]) -> None:
    """Raise OptionError for a file that cannot be written in its folder, before the work is done."""
    for path in filter(None, paths):
        folder = path.absolute().parent
        if not folder.is_dir():
            raise OptionError(f"{path}: there is no folder {folder}. Make it first")
        if path.is_dir():
            raise OptionError(f"{path}: is a folder. Expected a file")
        if not os.access(folder, os.W_OK):
            raise OptionError(f"{path}: {folder} may not be written. Name another folder")


def write_reports(
    paths: Mapping[str, Path | None], writers: Mapping[str, Callable[[Content], str]], content: Content
) -> list[Path]:
    """Write what a tool has measured into every file that was asked for.

    Args:
        paths: Kind -> file, None for kinds that were not asked for.
        writers: Kind -> the text of the file.
        content: What was measured.

    Returns:
        The files that were written.

    Raises:
        SinkError: a file cannot be written.
    """
    files = {kind: path for kind, path in paths.items() if path}
    for kind, path in files.items():
        write_text(path, writers[kind](content))
    return list(files.values())


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8. Raises SinkError."""
    try:
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror})") from error
