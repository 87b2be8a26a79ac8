"""Compiled networks from run to run, which are used only as they were written.

OpenVINO takes a file of its cache for what its name says. One that a disk, a copy or a person has changed can load and
compute other alphas. So here the name of a file has its SHA-256, and OpenVINO works in a folder of its own, with those
files in it whose content is still that of their names. What it adds is moved into the cache in one step: programs that
run at once need no lock. Each kind of network has a folder, so that those of others are not read to be checked.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from model_api.errors import OptionError

PRIVATE = ".compiling-"
STALE_S = 24 * 3600
"""Age of a folder that a killed program has left."""
NAME = re.compile(r"(?P<own>[\w-]+)\.(?P<digest>[0-9a-f]{64})(?P<suffix>\.\w+)")
"""Of a file in the cache: OpenVINO's own name of it, with the digest in between."""


def require_cache(folder: str) -> None:
    """Make the cache, if it is not there yet.

    Raises:
        OptionError: the folder cannot be made or written.
    """
    with _explained(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with _private(Path(folder)):
            pass


@contextmanager
def compiling(folder: str, kind: str) -> Iterator[str]:
    """A folder that OpenVINO may take for its cache while it compiles a network.

    Args:
        folder: the cache.
        kind: a name that networks may share, but that one network always has. OpenVINO tells those of one kind apart.

    Yields:
        A folder with the undamaged files of this kind. Damaged ones are deleted.

    Raises:
        OptionError: the cache cannot be read or written.
    """
    cache = Path(folder) / kind
    with _explained(folder):
        cache.mkdir(parents=True, exist_ok=True)
    with _explained(folder), _private(cache) as private:
        before = {_offered(path, private) for path in _kept(cache)}
        yield str(private)
        for path in private.iterdir():
            if path.is_file() and path.name not in before:
                _keep(path, cache)


@contextmanager
def _explained(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OptionError(
            f"{folder}: cannot be written ({error.strerror or error}). Expected a folder for compiled networks",
            "cache_dir",
        ) from error


@contextmanager
def _private(cache: Path) -> Iterator[Path]:
    for path in cache.glob(f"{PRIVATE}*"):
        with suppress(FileNotFoundError):  # another program was quicker to delete it
            if path.stat().st_mtime < time.time() - STALE_S:
                shutil.rmtree(path, ignore_errors=True)
    # On Windows a file that is in use stays: the next program to come by deletes it.
    with TemporaryDirectory(prefix=PRIVATE, dir=cache, ignore_cleanup_errors=True) as private:
        yield Path(private)


def _kept(cache: Path) -> Iterator[Path]:
    return (path for path in sorted(cache.iterdir()) if NAME.fullmatch(path.name) and path.is_file())


def _offered(path: Path, private: Path) -> str | None:
    """Put an undamaged file of the cache into OpenVINO's folder, under the name that OpenVINO gave it."""
    name = NAME.fullmatch(path.name)
    assert name
    try:
        if _digest(path) != name["digest"]:
            path.unlink()
            return None
        own = name["own"] + name["suffix"]
        if not (private / own).exists():
            _link(path, private / own)
        return own
    except FileNotFoundError:  # another program was quicker to delete it
        return None


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        shutil.copyfile(path, target)


def _keep(path: Path, cache: Path) -> None:
    target = cache / f"{path.stem}.{_digest(path)}{path.suffix}"
    if NAME.fullmatch(target.name):
        os.replace(path, target)


def _digest(path: Path) -> str:
    computed = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            computed.update(piece)
    return computed.hexdigest()
