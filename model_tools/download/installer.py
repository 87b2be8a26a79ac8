"""One published file from the cache, or from where it is published, to its destination."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from model_api.errors import BackgroundSubtractionError, ModelFileError, SinkError
from model_tools.download.cache import Cache, digest, install, kind_of, read_record, write_record, writing
from model_tools.download.catalogue import PublishedFile, PublishedModel
from model_tools.download.http import FetchError, RetryPolicy, fetch, forget_version, length
from model_tools.download.recognition import NoModelError, require_model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Destinations:
    """Where files go.

    Attributes:
        output_dir: The folder above public and intel.
        cache: Keeps what was downloaded.
        mirrors: Base addresses that are asked before the published ones.
    """

    output_dir: Path
    cache: Cache
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checksum:
    """The checksum that a file must have, and where that is written."""

    value: str
    origin: str

    def fault(self, computed: str) -> str:
        """Why a file with the checksum `computed` is refused."""
        return f"its {kind_of(self.value)} is {computed[:12]}…, not {self.value[:12]}… ({self.origin})"


@dataclass(frozen=True)
class DownloadTask:
    """One file to download.

    Attributes:
        name: Its name in the cache.
        file: What is published about it.
        destination: Where it goes.
        expected: Its checksum, None if that is not known.
    """

    name: PurePosixPath
    file: PublishedFile
    destination: Path
    expected: Checksum | None


def place(model: PublishedModel, file: PublishedFile, destinations: Destinations, retry: RetryPolicy) -> None:
    """Bring one file to its destination, unless it is there already.

    Where no checksum is known, the file has to be a model. Then that of the first download is recorded, beside the
    file and in the cache, and expected from then on.

    Raises:
        ModelFileError: no address gives the right file.
        SinkError: the disk refuses.
        BackgroundSubtractionError: interrupted. The message says what is kept.
    """
    name = PurePosixPath(model.name) / file.path
    destination = destinations.output_dir / model.folder / file.path
    records = (destination.with_name(f"{destination.name}.sha384"), destinations.cache.record(name))
    with destinations.cache.locked(name):
        task = DownloadTask(name, file, destination, _expected(file, records))
        checksum = _already_there(task) or _bring(task, destinations, retry)
        if file.checksum is None:
            _record(records, task, checksum)


def check_room(models: Sequence[PublishedModel], destinations: Destinations) -> None:
    """Raise SinkError if the disks have no room for what is missing in the cache and in the output folder."""
    missing: Counter[Path] = Counter()
    for model in models:
        for file in model.files:
            if not (destinations.output_dir / model.folder / file.path).exists():
                missing[destinations.output_dir] += file.size or 0
                if file.checksum and not destinations.cache.path(file.checksum).exists():
                    missing[destinations.cache.folder] += file.size or 0
    folders = {_existing(folder).stat().st_dev: folder for folder in missing}
    for device, folder in folders.items():
        needed = sum(size for other, size in missing.items() if _existing(other).stat().st_dev == device)
        free = shutil.disk_usage(_existing(folder)).free
        if free < needed:
            raise SinkError(
                f"{folder}: {free / 1e6:,.1f} MB free, {needed / 1e6:,.1f} MB needed. Make room, or choose other "
                "folders with --output_dir and --cache_dir"
            )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _expected(file: PublishedFile, records: Sequence[Path]) -> Checksum | None:
    if file.checksum:
        return Checksum(file.checksum, "published")
    known = {path: recorded for path in records if (recorded := read_record(path))}
    if not known:
        return None
    where = " and ".join(map(str, known))
    return Checksum(next(iter(known.values())), f"recorded in {where}; delete that to take what is offered now")


def _already_there(task: DownloadTask) -> str | None:
    """The checksum of the file at its destination, None if it is missing or wrong."""
    if not task.destination.is_file():
        return None
    if task.expected is None:
        return _recognized(task)
    checksum = digest(task.destination, task.expected.value)
    if checksum != task.expected.value:
        log.warning("%s: %s; to be replaced", task.destination, task.expected.fault(checksum))
        return None
    log.info("%s: there already, verified", task.destination)
    return checksum


def _recognized(task: DownloadTask) -> str:
    """The checksum of a file of which nothing is known. It is not replaced: whose it is, is not known either."""
    try:
        require_model(task.destination, task.file.path.suffix)
    except NoModelError as fault:
        raise ModelFileError(f"{task.destination}: there already, but {fault}. Move it away to download it") from None
    log.info("%s: there already, a model", task.destination)
    return digest(task.destination)


def _bring(task: DownloadTask, destinations: Destinations, retry: RetryPolicy) -> str:
    """Put the file into its place, and give its checksum."""
    checksum = _in_cache(task, destinations.cache) or _download(task, destinations, retry)
    kept = destinations.cache.path(checksum)
    with writing(task.destination):
        install(kept, task.destination)
    log.info("%s: %s bytes, %s %s…", task.destination, f"{length(kept):,}", kind_of(checksum), checksum[:12])
    return checksum


def _in_cache(task: DownloadTask, cache: Cache) -> str | None:
    if task.expected is None or not cache.find(task.expected.value):
        return None
    log.info("%s: from the cache, verified", task.name)
    return task.expected.value


def _download(task: DownloadTask, destinations: Destinations, retry: RetryPolicy) -> str:
    """Bring the file into the cache from the first address that gives it, and give its checksum."""
    part = destinations.cache.part(task.name)
    mirrors = (f"{mirror}/{task.name}" for mirror in destinations.mirrors)
    try:
        with writing(part):
            for address in (*filter(partial(_may_be_asked, task), mirrors), *task.file.addresses):
                if checksum := _from(address, part, task, retry):
                    destinations.cache.keep(part, checksum)
                    forget_version(part)
                    return checksum
        raise ModelFileError(
            f"{task.name}: no address gives it; {_kept(part, task)}. Name another one with --mirror, or put the "
            f"file at {task.destination} and run this again"
        )
    except KeyboardInterrupt:
        raise BackgroundSubtractionError(f"interrupted; {_kept(part, task)}. The same command goes on") from None
    finally:
        if task.expected is None:
            _discard(part)


def _may_be_asked(task: DownloadTask, mirror: str) -> bool:
    """Everybody on the way can change what comes over HTTP: without a checksum nobody would notice."""
    if task.expected is None and not mirror.startswith("https://"):
        log.warning("%s: not asked, because no checksum of %s is known. Use a mirror with https://", mirror, task.name)
        return False
    return True


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    forget_version(part)


def _kept(part: Path, task: DownloadTask) -> str:
    if task.expected is None:
        return "nothing is kept, because no checksum is known that could verify the resumed file"
    return f"{length(part):,} bytes are kept in {part}" if length(part) else "nothing has come yet"


def _from(address: str, part: Path, task: DownloadTask, retry: RetryPolicy) -> str | None:
    try:
        return _fetch_verified(address, part, task, retry)
    except FetchError as fault:
        log.warning("%s: %s", address, fault)
        return None


def _fetch_verified(address: str, part: Path, task: DownloadTask, retry: RetryPolicy) -> str:
    """Bring the file into `part` and give its checksum. A wrong one is deleted."""
    if task.expected is None:
        return _fetch_recognized(address, part, task, retry)
    left_over = length(part)
    fetch(address, part, task.file.size, retry, is_verified_later=True)
    checksum = digest(part, task.expected.value)
    if checksum == task.expected.value:
        return checksum
    _discard(part)
    if not left_over:
        raise FetchError(f"{task.expected.fault(checksum)}; deleted")
    log.warning("%s: %s, with what was kept from before; begun anew", address, task.expected.fault(checksum))
    return _fetch_verified(address, part, task, retry)


def _fetch_recognized(address: str, part: Path, task: DownloadTask, retry: RetryPolicy) -> str:
    """Bring a file of which no checksum is known into `part`: it has to be a model, not a page that asks to log in."""
    _discard(part)
    fetch(address, part, task.file.size, retry, is_verified_later=False)
    try:
        require_model(part, task.file.path.suffix)
    except NoModelError as fault:
        size = length(part)
        _discard(part)
        raise FetchError(f"gives {size:,} bytes that are no model: {fault}; deleted") from None
    return digest(part)


def _record(records: Sequence[Path], task: DownloadTask, checksum: str) -> None:
    if task.expected is None:
        log.info("%s: no checksum is known; this one is expected from now on: %s", task.destination, checksum)
    for path in records:
        if read_record(path) != checksum:
            with writing(path):
                write_record(path, checksum, task.destination.name)
