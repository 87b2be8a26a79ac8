"""The folder that keeps downloaded files, from one download to the next and for several at once."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from model_api.errors import ModelFileError, SinkError
from model_tools.reporting.files import replacing

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

PROGRAM = "background_subtraction_demo"
LAYOUT = "1"
POLL_S = 0.1


def default_cache_dir(environment: Mapping[str, str], home: Path, platform: str) -> Path:
    """The platform's folder for caches: XDG_CACHE_HOME or ~/.cache, ~/Library/Caches, LOCALAPPDATA."""
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / PROGRAM / "cache"
    if platform == "darwin":
        return home / "Library" / "Caches" / PROGRAM
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / PROGRAM


@dataclass(frozen=True)
class Cache:
    """Files by their checksum, laid out as `omz_downloader --cache_dir` does it, so that both can share a folder.

    Beside them, in folders of its own, what is not yet whole (partial) and the checksums of files for which none is
    known, as they first came (recorded).
    """

    folder: Path

    def path(self, checksum: str) -> Path:
        """Where the file with this checksum is kept."""
        return self.folder / LAYOUT / checksum[:2] / checksum[2:]

    def part(self, name: PurePosixPath) -> Path:
        """Where the file `name` grows until it is whole."""
        return self.folder / "partial" / f"{name}.part"

    def record(self, name: PurePosixPath) -> Path:
        """Where the checksum of the file `name` is recorded."""
        return self.folder / "recorded" / f"{name}.sha384"

    def find(self, checksum: str) -> Path | None:
        """The file with this checksum, verified. A damaged one is deleted."""
        path = self.path(checksum)
        if not path.is_file():
            return None
        if digest(path, checksum) == checksum:
            return path
        log.warning("%s: damaged, its %s is no longer that of its name; deleted", path, kind_of(checksum))
        path.unlink()
        return None

    def keep(self, part: Path, checksum: str) -> Path:
        """Move a verified part to its path in the cache, at once and as a whole."""
        path = self.path(checksum)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, path)
        return path

    @contextmanager
    def locked(self, name: PurePosixPath) -> Iterator[None]:
        """One download of the file `name` at a time, over all processes; the others wait here.

        The lock is the system's: it goes with the process that held it, however that ended.
        """
        # A file of its own, never deleted: a lock on the part itself would move with the part when that is renamed.
        path = self.part(name).with_suffix(".lock")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                if not _try_lock(file):
                    log.info("%s: waiting for another download of it", name)
                    while not _try_lock(file):
                        time.sleep(POLL_S)
                yield


def kind_of(checksum: str) -> str:
    """SHA-384 or SHA-256, which their lengths tell apart."""
    return f"SHA-{len(checksum) * 4}"


def digest(path: Path, like: str | None = None) -> str:
    """The checksum of a file, in hexadecimal. like: one of the same kind. Default: SHA-384."""
    computed = hashlib.new(kind_of(like).replace("-", "")) if like else hashlib.sha384()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            computed.update(piece)
    return computed.hexdigest()


def install(source: Path, destination: Path) -> None:
    """Copy a file of the cache to its destination, where it is whole or not at all."""
    with replacing(destination) as part:
        shutil.copyfile(source, part)


def write_record(path: Path, sha384: str, name: str) -> None:
    """A line that `sha384sum --check` reads too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{sha384}  {name}\n", encoding="ascii")


def read_record(path: Path) -> str | None:
    """The SHA-384 that `write_record` wrote, None if there is no such file. Raises ModelFileError if it is damaged."""
    if not path.exists():
        return None
    words = path.read_bytes().decode("ascii", "replace").split()
    if not words or len(words[0]) != 96 or not set(words[0]) <= set("0123456789abcdef"):
        raise ModelFileError(f"{path}: damaged; expected a SHA-384 and a file name. Delete it to record it anew")
    return words[0]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise SinkError about `path` where the disk refuses."""
    try:
        yield
    except OSError as error:
        refused = error.filename2 or error.filename or path
        raise SinkError(f"cannot write {refused}: {error.strerror or error}") from None


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
