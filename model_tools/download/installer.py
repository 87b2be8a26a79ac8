"""One published file from the cache, or from where it is published, to where it is wanted."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model_api.errors import BackgroundSubtractionError, ModelFileError, SinkError
from model_tools.download.cache import Cache, digest, install, read_record, write_record, writing
from model_tools.download.catalogue import PublishedFile, PublishedModel
from model_tools.download.http import FetchError, Patience, fetch, length

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Places:
    """output_dir: above public and intel. mirrors: base addresses that are asked before the published ones."""

    output_dir: Path
    cache: Cache
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checksum:
    """A SHA-384 that a file has to have, and who says so."""

    sha384: str
    origin: str

    def fault(self, found: str) -> str:
        return f"its SHA-384 is {found[:12]}…, not {self.sha384[:12]}… ({self.origin})"


@dataclass(frozen=True)
class Errand:
    """One file: its name in the cache, what is published of it, where it goes, and what it has to be, if known."""

    name: PurePosixPath
    file: PublishedFile
    destination: Path
    expected: Checksum | None


def place(model: PublishedModel, file: PublishedFile, places: Places, patience: Patience) -> None:
    """Bring one file to its place, unless it is there already.

    Where no checksum is published, that of the first download is recorded, beside the file and in the cache, and
    expected from then on. Raises ModelFileError if no address gives the right file, SinkError if the disk refuses,
    BackgroundSubtractionError if interrupted, with what is kept.
    """
    name = PurePosixPath(model.name) / file.path
    destination = places.output_dir / model.folder / file.path
    records = (destination.with_name(f"{destination.name}.sha384"), places.cache.record(name))
    with places.cache.locked(name):
        errand = Errand(name, file, destination, _expected(file, records))
        sha384 = _already_there(errand) or _bring(errand, places, patience)
        if file.sha384 is None:
            _record(records, errand, sha384)


def check_room(models: Sequence[PublishedModel], places: Places) -> None:
    """Raises SinkError if the disks have no room for what is missing in the cache and in the output folder."""
    missing: Counter[Path] = Counter()
    for model in models:
        for file in model.files:
            if not (places.output_dir / model.folder / file.path).exists():
                missing[places.output_dir] += file.size or 0
                if file.sha384 and not places.cache.path(file.sha384).exists():
                    missing[places.cache.folder] += file.size or 0
    folders = {_existing(folder).stat().st_dev: folder for folder in missing}
    for device, folder in folders.items():
        needed = sum(size for other, size in missing.items() if _existing(other).stat().st_dev == device)
        free = shutil.disk_usage(_existing(folder)).free
        if free < needed:
            raise SinkError(
                f"{folder}: {free / 1e6:,.1f} MB free, {needed / 1e6:,.1f} MB needed. Make room, or choose another "
                "place: --output_dir, --cache_dir"
            )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _expected(file: PublishedFile, records: Sequence[Path]) -> Checksum | None:
    if file.sha384:
        return Checksum(file.sha384, "published")
    known = {path: sha384 for path in records if (sha384 := read_record(path))}
    if not known:
        return None
    where = " and ".join(map(str, known))
    return Checksum(next(iter(known.values())), f"recorded in {where}; delete that to take what is offered now")


def _already_there(errand: Errand) -> str | None:
    """The SHA-384 of the file in its place, None if there is none or the wrong one."""
    if not errand.destination.is_file():
        return None
    found = digest(errand.destination)
    if errand.expected and found != errand.expected.sha384:
        log.warning("%s: %s; to be replaced", errand.destination, errand.expected.fault(found))
        return None
    log.info("%s: there already%s", errand.destination, ", verified" if errand.expected else "")
    return found


def _bring(errand: Errand, places: Places, patience: Patience) -> str:
    """Put the file into its place, and give its SHA-384."""
    sha384 = _in_cache(errand, places.cache) or _download(errand, places, patience)
    kept = places.cache.path(sha384)
    with writing(errand.destination):
        install(kept, errand.destination)
    log.info("%s: %s bytes, SHA-384 %s…", errand.destination, f"{length(kept):,}", sha384[:12])
    return sha384


def _in_cache(errand: Errand, cache: Cache) -> str | None:
    if errand.expected is None or not cache.find(errand.expected.sha384):
        return None
    log.info("%s: from the cache, verified", errand.name)
    return errand.expected.sha384


def _download(errand: Errand, places: Places, patience: Patience) -> str:
    """Bring the file into the cache from the first address that gives it, and give its SHA-384."""
    part = places.cache.part(errand.name)
    addresses = (*(f"{mirror}/{errand.name}" for mirror in places.mirrors), *errand.file.addresses)
    try:
        with writing(part):
            for address in addresses:
                if sha384 := _from(address, part, errand, patience):
                    places.cache.keep(part, sha384)
                    return sha384
        raise ModelFileError(
            f"{errand.name}: no address gives it; {_kept(part, errand)}. Name another one with --mirror, or put the "
            f"file to {errand.destination} by hand and ask again"
        )
    except KeyboardInterrupt:
        raise BackgroundSubtractionError(f"interrupted; {_kept(part, errand)}. The same command goes on") from None
    finally:
        if errand.expected is None:
            part.unlink(missing_ok=True)


def _kept(part: Path, errand: Errand) -> str:
    if errand.expected is None:
        return "nothing is kept, for no checksum is published that would tell a wrong seam"
    return f"{length(part):,} bytes are kept in {part}" if length(part) else "nothing has come yet"


def _from(address: str, part: Path, errand: Errand, patience: Patience) -> str | None:
    try:
        return _fetch_verified(address, part, errand, patience)
    except FetchError as fault:
        log.warning("%s: %s", address, fault)
        return None


def _fetch_verified(address: str, part: Path, errand: Errand, patience: Patience) -> str:
    """Bring the file into `part` and give its SHA-384. A wrong one is deleted."""
    if errand.expected is None:
        part.unlink(missing_ok=True)
    left_over = length(part)
    fetch(address, part, errand.file.size, patience)
    found = digest(part)
    if errand.expected is None or found == errand.expected.sha384:
        return found
    part.unlink()
    if not left_over:
        raise FetchError(f"{errand.expected.fault(found)}; deleted")
    log.warning("%s: %s, with what was kept from before; begun anew", address, errand.expected.fault(found))
    return _fetch_verified(address, part, errand, patience)


def _record(records: Sequence[Path], errand: Errand, sha384: str) -> None:
    if errand.expected is None:
        log.info("%s: no checksum is published; this one is expected from now on: %s", errand.destination, sha384)
    for path in records:
        if read_record(path) != sha384:
            with writing(path):
                write_record(path, sha384, errand.destination.name)
