"""A private folder for files that come and go. Their names are made here: what an upload is called is no path."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock

from background_subtraction.web.access.errors import RequestError, no_room
from background_subtraction.web.access.limits import Limits

RESERVE_BYTES = 256 << 20
"""Of the disk, left for others."""
BUSY_S = 2


def new_id() -> str:
    """A name that nobody guesses."""
    return secrets.token_hex(16)


class Storage:
    """A folder with a folder for each upload."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        """folder: it exists, and nobody else may read it."""
        self._folder = folder
        self._limits = limits
        self._lock = Lock()
        self._coming: list[int] = []

    @asynccontextmanager
    async def receiving(self, size: int) -> AsyncIterator[Path]:
        """Make room for an upload while it comes. The loop of the server does not wait for the disk.

        Args:
            size: the bytes that it says it has, or the most that it may have.

        Yields:
            A new folder. It is removed if the block ends with an error.

        Raises:
            RequestError: there are too many, or there is no room.
        """
        folder = self._folder / new_id()
        await asyncio.to_thread(self._begin, size)
        try:
            await asyncio.to_thread(_make, folder)
            yield folder
        except BaseException:
            await asyncio.to_thread(discard, folder)
            raise
        finally:
            with self._lock:
                self._coming.remove(size)

    def _begin(self, size: int) -> None:
        with self._lock:
            if len(self._coming) >= self._limits.uploads:
                raise RequestError(
                    503, f"{len(self._coming)} uploads come already. Try again in a moment", "file", BUSY_S
                )
            self._require_room(size)
            self._coming.append(size)

    def _require_room(self, size: int) -> None:
        coming = sum(self._coming)
        kept = _bytes_in(self._folder)
        free = shutil.disk_usage(self._folder).free - RESERVE_BYTES
        if size + coming > min(self._limits.kept_bytes - kept, free):
            raise RequestError(
                507,
                f"There is no room for {size} bytes: the server keeps {kept} bytes until they are fetched or deleted. "
                "Try again later",
                "file",
                60,
            )


def discard(folder: Path) -> None:
    """Delete a folder with all in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise no_room(error) from error


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # deleted meanwhile
                total += os.stat(os.path.join(place, name)).st_size
    return total
