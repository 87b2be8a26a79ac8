"""Opening an input for what is beside its picture; its titles, languages and chapters."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av

from background_subtraction.sources.demuxing.container import options_of_network

TECHNICAL = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})
"""Metadata that tells about the file, not about what is in it."""
OF_TRACKS = frozenset({"language", "title", "comment"})
"""Metadata of a track that stays true in another file."""
QUICKTIME_LANGUAGES = {
    "fre": "fra", "deu": "ger", "nld": "dut", "ell": "gre", "isl": "ice", "zho": "chi", "rum": "ron", "cze": "ces",
    "slo": "slk", "sqi": "alb", "swe": "sve",
}  # fmt: skip
"""ISO 639-2 has two codes for some languages. FFmpeg's .mov knows this one: mov_mdhd_language_map of isom.c."""
TICK_S = Fraction(1, 1000)


def open_beside(path: str) -> Any:
    """Open an input. Bytes of its tags that are not UTF-8 are kept, for `readable`."""
    return av.open(path, metadata_errors="surrogateescape", **options_of_network(path))


def readable(text: str) -> str:
    """Return a tag as text. Old files have tags in Windows-1252, of which Latin-1 is a part."""
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def tags_of_file(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what is true of the output too."""
    return {readable(key): readable(text) for key, text in metadata.items() if key.lower() not in TECHNICAL}


def tags_of_track(metadata: Mapping[str, str], format_name: str) -> dict[str, str]:
    """Return language, title and comment. format_name: the output's, such as "mov"."""
    tags = {key.lower(): readable(text) for key, text in metadata.items() if key.lower() in OF_TRACKS}
    if format_name == "mov" and "language" in tags:
        tags["language"] = QUICKTIME_LANGUAGES.get(tags["language"], tags["language"])
    return tags


def chapters_between(chapters: list[Any], begin_s: Fraction, end_s: Fraction) -> list[Any]:
    """Return the chapters of a part, with times from its beginning.

    Args:
        chapters: what `av.container.Container.chapters` returned.
        begin_s: where the part begins.
        end_s: where it ends.
    """
    shifted = (_shifted(chapter, begin_s, end_s) for chapter in chapters if chapter["time_base"])
    return [chapter for chapter in shifted if chapter["end"] > chapter["start"]]


def _shifted(chapter: Any, begin_s: Fraction, end_s: Fraction) -> Any:
    start_s = max(chapter["start"] * chapter["time_base"], begin_s) - begin_s
    stop_s = min(chapter["end"] * chapter["time_base"], end_s) - begin_s
    return {
        **chapter,
        "start": round(start_s / TICK_S),
        "end": round(stop_s / TICK_S),
        "time_base": TICK_S,
        "metadata": {readable(key): readable(text) for key, text in chapter["metadata"].items()},
    }
