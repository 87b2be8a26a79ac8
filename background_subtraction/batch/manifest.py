"""What was done to which clip, as JSON lines: for `--resume`, and for people with jq.

Each line is one event: a clip was "planned", "done", "failed" or "interrupted". The last one of a clip counts. A line
that a crash cut short is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from background_subtraction.batch import storage
from background_subtraction.batch.clip_report import DONE, ClipReport
from background_subtraction.sinks.base import explained, make_folder_of
from model_api.errors import SinkError

NAME = "background_subtraction.jsonl"
PLANNED = "planned"

Event = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What was asked for: the same again is not done again.

    Args:
        input: the clip, by its absolute path or its address.
        stamp: what changes when the input changes.
        options: the digest of all options that change the result.
        outputs: absolute paths or addresses.
    """

    input: str
    stamp: str
    options: str
    outputs: tuple[str, ...]

    def planned(self) -> Event:
        """Make the event that tells whose outputs these are, before the first frame."""
        return {
            "time": _now(), "status": PLANNED, "input": self.input, "outputs": list(self.outputs), "stamp": self.stamp,
            "options": self.options,
        }  # fmt: skip

    def ended(self, report: ClipReport) -> Event:
        """Make the event that tells what became of it."""
        return {
            **self.planned(), "status": report.status, "frames": report.frames, "seconds": round(report.seconds, 3),
            "fps": round(report.fps, 2), "error": report.error or None, "kept": list(report.kept),
            "attempts": report.attempts, "worker": report.worker,
        }  # fmt: skip

    def is_done(self, event: Event | None) -> bool:
        """Whether the last event of the input says that exactly this was done."""
        known = self.planned() | {"status": DONE}
        return (
            event is not None
            and bool(self.stamp)
            and all(event.get(name) == known[name] for name in known if name != "time")
        )


class Manifest:
    """A file of events, in a folder or a storage. Only one process writes it; each shard has its own."""

    def __init__(self, place: str, shard: tuple[int, int] | None = None) -> None:
        """Write nothing yet.

        Args:
            place: the file's path or address.
            shard: (which part, of how many): its file is NAME.0-of-8.jsonl.
        """
        stem, ending = os.path.splitext(place)
        self.place = place if shard is None else f"{stem}.{shard[0]}-of-{shard[1]}{ending}"
        self._stem = stem
        self._ending = ending
        self._stored = "://" in place
        self._text = ""

    def read(self) -> dict[str, Event]:
        """Return the last event of each input, of all shards.

        Raises:
            SinkError: a file cannot be read, or is no manifest.
        """
        events = [event for name in self._names() for event in self._events_in(name)]
        return {str(event["input"]): event for event in sorted(events, key=lambda event: str(event.get("time")))}

    def append(self, events: Iterable[Event]) -> None:
        """Add events, and have them on the disk before this returns. Raises SinkError."""
        text = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        if self._stored:
            self._append_stored(text)
            return
        path = Path(self.place)
        make_folder_of(path)
        with explained(path), path.open("ab+") as file:
            file.write(_end_of_half_line(file).encode() + text.encode())
            file.flush()
            os.fsync(file.fileno())

    def _append_stored(self, text: str) -> None:
        """An object store appends nothing: the whole file is written anew."""
        if not self._text:
            before = storage.read_text(self.place)
            self._text = before if before.endswith("\n") or not before else before + "\n"
        self._text += text
        with TemporaryDirectory() as folder:
            path = Path(folder) / NAME
            path.write_text(self._text, encoding="utf-8")
            storage.put(path, self.place)

    def _names(self) -> list[str]:
        if self._stored:
            return sorted({self.place, *storage.siblings(self._stem, self._ending)})
        folder, stem = os.path.split(self._stem)
        names = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
        return [os.path.join(folder, name) for name in sorted(names) if _is_shard_of(name, stem, self._ending)]

    def _events_in(self, name: str) -> Iterator[Event]:
        text = storage.read_text(name) if self._stored else _text_of(Path(name))
        events = [event for line in text.splitlines() if (event := _event_in(line))]
        if text.strip() and not events:
            raise SinkError(f"{name}: is not a manifest of this program. Choose another file", "manifest")
        return iter(events)


def place_of(named: str | None, outputs: Sequence[str]) -> str:
    """Where the manifest of a batch lies.

    Args:
        named: as the user said it, None for the folder of the first output.
        outputs: the outputs as the user named them: folders, or files.
    """
    if named is not None or not outputs:
        return named or ""
    first = outputs[0].rstrip("/")
    is_file = bool(os.path.splitext(first)[1]) and not os.path.isdir(first)
    folder = first.rpartition("/")[0] if is_file and "://" in first else os.path.dirname(first) if is_file else first
    return f"{folder}/{NAME}" if "://" in folder else os.path.join(folder, NAME)


def _is_shard_of(name: str, stem: str, ending: str) -> bool:
    own = name.removeprefix(stem).removesuffix(ending)
    return name.startswith(stem) and name.endswith(ending) and (own == "" or "-of-" in own)


def _text_of(path: Path) -> str:
    with explained(path):
        return path.read_text(encoding="utf-8", errors="replace")


def _event_in(line: str) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and {"input", "status", "outputs"} <= event.keys() else None


def _end_of_half_line(file: Any) -> str:
    """A newline, if the file's last line has none."""
    if not file.seek(0, os.SEEK_END):
        return ""
    file.seek(-1, os.SEEK_END)
    return "" if file.read(1) == b"\n" else "\n"


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
