"""Backgrounds that visitors uploaded, each under an id. Those of a folder are there again at the next start."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from background_subtraction.web.access.errors import RequestError, no_room
from background_subtraction.web.access.limits import Limits
from background_subtraction.web.keeping.storage import discard, new_id
from background_subtraction.web.worker.task import THUMBNAIL, UPLOAD
from model_api.terminal.foreign_text import one_line

PREFIX = "background:"
"""Before an id, where a setting names a background."""
CARD = "background.json"
ID = re.compile(r"[0-9a-f]{32}")
LONGEST_NAME = 80


@dataclass(frozen=True)
class Kept:
    """A background.

    Attributes:
        name: for people.
        folder: with its file and its thumbnail. Its name is the background's id.
        file: the name of its file.
    """

    name: str
    folder: Path
    file: str

    @property
    def id(self) -> str:
        """Its own."""
        return self.folder.name

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / self.file

    @property
    def thumbnail(self) -> Path:
        """A JPEG."""
        return self.folder / THUMBNAIL

    @property
    def card(self) -> dict[str, str]:
        """What a page gets."""
        return {"id": self.id, "name": self.name, "kind": "video" if self.file == UPLOAD else "image"}


class Backgrounds:
    """Those of one folder. They may be used from any thread."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        """Find those that are there. folder: made with the first one."""
        self._folder = folder.absolute()
        self._limits = limits
        self._lock = Lock()
        folders = [path.parent for path in self._folder.glob(f"*/{CARD}") if ID.fullmatch(path.parent.name)]
        self._kept = {kept.id: kept for folder in sorted(folders, key=_age) if (kept := _read(folder)) is not None}

    def all(self) -> list[Kept]:
        """All of them, the oldest first."""
        return list(self._kept.values())

    def get(self, background_id: str) -> Kept:
        """The one of this id. Raises RequestError."""
        kept = self._kept.get(background_id)
        if kept is None:
            raise RequestError(404, "There is no such background", "id")
        return kept

    def require_place(self) -> None:
        """Raise RequestError if there are as many as there may be."""
        if len(self._kept) >= self._limits.backgrounds:
            raise RequestError(409, f"{len(self._kept)} backgrounds are kept. Delete one first", "file")

    def keep(self, made: Path, file: str, name: str) -> Kept:
        """Keep what the worker made of an upload.

        Args:
            made: the folder with it.
            file: the name of its file.
            name: what the upload was called.

        Raises:
            RequestError: there are too many, or the disk does not take it. Nothing of it stays.
        """
        with self._lock:
            self.require_place()
            kept = Kept(shown_name(name), self._folder / new_id(), file)
            try:
                _move(made, kept)
            except OSError as error:
                discard(kept.folder)
                raise no_room(error, "The background") from error
            self._kept[kept.id] = kept
        return kept

    def delete(self, background_id: str) -> None:
        """Delete one. Raises RequestError. A run that shows it has it open, and goes on with it."""
        with self._lock:
            discard(self.get(background_id).folder)
            del self._kept[background_id]

    def path_of(self, name: str) -> str:
        """The file of PREFIX and an id. Raises RequestError."""
        return str(self.get(name.removeprefix(PREFIX)).path)

    def name_of(self, path: str) -> str | None:
        """PREFIX and the id of the background with this file. None: it is none of them."""
        return next((f"{PREFIX}{kept.id}" for kept in self.all() if str(kept.path) == path), None)


def shown_name(name: str) -> str:
    """What an upload is called, for people: one line, without folders."""
    return one_line(re.split(r"[\\/]", name)[-1]).strip()[:LONGEST_NAME] or "background"


def _move(made: Path, kept: Kept) -> None:
    kept.folder.parent.mkdir(parents=True, exist_ok=True)
    kept.folder.mkdir(mode=0o700)
    for part in (kept.file, THUMBNAIL):
        shutil.move(made / part, kept.folder / part)  # folders may be on different disks
    (kept.folder / CARD).write_text(json.dumps({"name": kept.name, "file": kept.file}), encoding="utf-8")


def _age(folder: Path) -> float:
    return folder.stat().st_mtime


def _read(folder: Path) -> Kept | None:
    """The background of a folder, None for what is damaged."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        kept = Kept(shown_name(str(card["name"])), folder, Path(str(card["file"])).name)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kept if kept.path.is_file() and kept.thumbnail.is_file() else None
