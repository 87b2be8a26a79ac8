"""Files in object stores and on other machines: read from there, and written there whole or not at all.

Each clip is copied to a temporary folder of the worker, and its outputs are copied back when they are whole. fsspec
does it, an extra.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from background_subtraction.image_files import IMAGE_SUFFIXES, natural_key
from background_subtraction.jobs import PART, VIDEO_SUFFIXES, Clip, is_part
from background_subtraction.sources.demuxing.addresses import without_password
from model_api.errors import BackgroundSubtractionError, OptionError, SinkError, SourceError
from model_api.extras import install_command
from model_api.terminal.foreign_text import error_line

WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "hf", "memory", "http", "https"})
"""Schemes whose files appear when their last byte has come."""
RENAMED = frozenset({"sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs"})
"""Schemes whose files grow under their name: they get it when they are whole."""
MEDIA_SUFFIXES = VIDEO_SUFFIXES | IMAGE_SUFFIXES
READ_BY_FFMPEG = frozenset({"http", "https", "ftp"})
"""Schemes from which inputs are not copied: FFmpeg reads what it needs of them."""
IN_EXTRA = frozenset({"s3", "s3a", "http", "https"})
"""Schemes for which the extra brings all that fsspec needs."""
COLLAPSED = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE)
"""An address as pathlib leaves it: s3:/bucket/name."""
TALKATIVE = ("aiobotocore", "botocore", "fsspec")
"""Libraries that log where they found what."""
METHOD = {"http": {"method": "put"}, "https": {"method": "put"}}


def is_stored(address: str) -> bool:
    """Whether an input is copied from a storage before it is read."""
    return _scheme(address) in (WHOLE | RENAMED) - READ_BY_FFMPEG


def address_of(path: Path) -> str:
    """The address in a storage that an output's path stands for, "" for a file on this machine.

    Raises:
        OptionError: nothing can be written to such an address.
    """
    collapsed = COLLAPSED.fullmatch(path.as_posix())
    if not collapsed:
        return ""
    scheme, rest = collapsed.groups()
    if scheme.lower() not in WHOLE | RENAMED:
        known = ", ".join(sorted(WHOLE | RENAMED))
        raise OptionError(f"{scheme}://: nothing is written there. Expected a file, or one of {known}", "outputs")
    return f"{scheme}://{rest}"


def find_clips(address: str, *, recursive: bool) -> list[Clip]:
    """The clips that an address in a storage stands for: a file, a pattern, or a folder of files.

    Raises:
        SourceError: it cannot be read, or there is none.
    """
    if _names_media(address) and "*" not in address:
        return [Clip(address)]
    with _explained(address, SourceError):
        files, path = _system(address), _path(address)
        pattern = path if "*" in path else f"{path.rstrip('/')}/{'**' if recursive else '*'}"
        top = PurePosixPath(path.partition("*")[0] if "*" in path else path)
        names = sorted((name for name in files.glob(pattern) if _is_media(name)), key=natural_key)
        clips = [Clip(files.unstrip_protocol(name), folder=_place(name, top) if recursive else "") for name in names]
    if not clips:
        raise SourceError(f"{without_password(address)}: no video or image is there")
    return clips


def fetch(address: str, folder: Path) -> Path:
    """Copy a file into a folder on this machine. Raises SourceError, also where less comes than there is."""
    target = folder / PurePosixPath(urlsplit(address).path).name
    with _explained(address, SourceError):
        files, path = _system(address), _path(address)
        size = files.info(path).get("size")
        files.get_file(path, str(target))
    if size is not None and target.stat().st_size != size:
        raise SourceError(
            f"{without_password(address)}: broke off after {target.stat().st_size} of {size} bytes. Try again"
        )
    return target


def put(source: Path, address: str) -> None:
    """Copy a file to a storage, where it appears when it is whole. Raises SinkError."""
    with _explained(address, SinkError):
        files, path, scheme = _system(address), _path(address), _scheme(address)
        if scheme in RENAMED:
            files.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
            files.put_file(str(source), path + PART)
            files.mv(path + PART, path)
        else:
            files.put_file(str(source), path, **METHOD.get(scheme, {}))


def exists(address: str) -> bool:
    """Whether there is a file, or a folder with files. Raises SinkError where this cannot be asked."""
    with _explained(address, SinkError):
        return bool(_system(address).exists(_path(address)))


def has_stamp(address: str) -> bool:
    """Whether `stamp` may be asked. Of what a web server sends only files: cameras may not answer."""
    return is_stored(address) or (_scheme(address) in READ_BY_FFMPEG and _names_media(address))


def stamp(address: str) -> str:
    """What changes when the file changes: its size and its time or its checksum. Raises SourceError."""
    with _explained(address, SourceError):
        facts = _system(address).info(_path(address))
    known = (facts.get(name) for name in ("size", "ETag", "etag", "md5Hash", "LastModified", "mtime", "updated"))
    return " ".join(str(fact) for fact in known if fact)


def read_text(address: str) -> str:
    """The text of a small file, "" where there is none. Raises SinkError."""
    with _explained(address, SinkError):
        try:
            return str(_system(address).cat_file(_path(address)).decode(errors="replace"))
        except FileNotFoundError:
            return ""


def siblings(stem: str, ending: str) -> list[str]:
    """The addresses of the files whose names begin and end so. Raises SinkError."""
    with _explained(stem, SinkError):
        files = _system(stem)
        folder, name = stem.rpartition("/")[::2]
        paths = files.ls(_path(folder), detail=False) if files.exists(_path(folder)) else []
        return sorted(
            str(files.unstrip_protocol(path))
            for path in paths
            if PurePosixPath(path).name.startswith(name) and path.endswith(ending)
        )


def _scheme(address: str) -> str:
    return address.partition("://")[0].lower() if "://" in address else ""


@cache
def _system_of(scheme: str) -> Any:
    try:
        import fsspec

        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        return fsspec.filesystem(scheme)
    except ImportError as error:
        # For schemes that the extra does not bring, fsspec says which package does.
        remedy = f". {install_command('storage')}" if error.name or scheme in IN_EXTRA else ""
        raise OptionError(f"{scheme}:// needs fsspec ({error}){remedy}") from error


def _system(address: str) -> Any:
    return _system_of(_scheme(address))


def _path(address: str) -> str:
    return str(_system(address)._strip_protocol(address))


def _is_media(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = path.name.startswith(".") or is_part(path.name)
    return path.suffix.lower() in MEDIA_SUFFIXES and not hidden


def _names_media(address: str) -> bool:
    """Whether an address is that of one file, by its ending."""
    return Path(urlsplit(address).path).suffix.lower() in MEDIA_SUFFIXES


def _place(name: str, top: PurePosixPath) -> str:
    folder = PurePosixPath(name).parent
    return "" if folder == top or top not in folder.parents else folder.relative_to(top).as_posix()


@contextmanager
def _explained(address: str, kind: type[BackgroundSubtractionError]) -> Iterator[None]:
    """Raise the errors of the storage, which are of many kinds, as one of ours."""
    try:
        yield
    except BackgroundSubtractionError:
        raise
    except Exception as error:
        action = "read" if kind is SourceError else "written"
        raise kind(f"{without_password(address)}: cannot be {action} ({error_line(error)})") from error
