"""Folders of clips, good and bad ones, and what became of them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.media import barcode, indexed, read_barcode, read_video, write_video

FRAMES = 12
NAME = "background_subtraction.jsonl"


def write_clips(folder: Path, count: int, frames: int = FRAMES) -> list[Path]:
    """Clips named 0.mp4, 1.mp4, …: the bars of clip n count from n on."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_video(folder / f"{number}.mp4", (barcode(number + n, 64, 48) for n in range(frames)))
        for number in range(count)
    ]


def write_bad_clips(folder: Path) -> dict[str, str]:
    """Five clips that cannot be read -> what the message must say of each."""
    whole = write_video(folder / "whole.mp4", (indexed(n) for n in range(FRAMES))).read_bytes()
    (folder / "whole.mp4").unlink()
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "text.mp4").write_text("This is no video.\n" * 20)
    (folder / "no_frames.mp4").write_bytes(b"")
    (folder / "garbage.mp4").write_bytes(whole[:40] + random.Random(1).randbytes(2000))
    # Its sample entry's four letters: a codec that nobody has.
    (folder / "codec.mp4").write_bytes(whole.replace(b"avc1", b"zzz1").replace(b"avcC", b"zzzC"))
    return {
        "truncated.mp4": "cannot be decoded",
        "text.mp4": "cannot be decoded",
        "no_frames.mp4": "cannot be decoded",
        "garbage.mp4": "cannot be decoded",
        "codec.mp4": "FFmpeg knows no decoder",
    }


def contents(folder: Path) -> Mapping[str, bytes]:
    """All files below a folder but manifests, by their names in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jsonl")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def last_events(folder: Path, name: str = NAME) -> dict[str, dict[str, Any]]:
    """The last event of each input in a manifest, by the name of the input's file."""
    events = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    return {Path(event["input"]).name: event for event in events}


def is_whole(path: Path, number: int, frames: int) -> bool:
    """Whether a video that shows the frames of clip `number` has all of them."""
    return [read_barcode(image) for image in read_video(path)] == [*range(number, number + frames)]
