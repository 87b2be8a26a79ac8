"""Where the numbers of a file format stand that say how much follows: sizes, lengths, counts, dimensions, durations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

Order = Literal["big", "little"]


@dataclass(frozen=True)
class Field:
    """`size` bytes from `start`: a number of this byte order."""

    start: int
    size: int
    order: Order = "big"


DEEPEST, MOST_FIELDS = 12, 20_000
"""Of files that are damaged already: parts in parts, and numbers that are looked at."""
PARENT_BOXES = frozenset((b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"udta", b"moof", b"traf"))
"""ISO/IEC 14496-12: boxes that hold boxes alone."""
PARENT_ELEMENTS = frozenset((
    0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0xE1, 0x1F43B675, 0x1549A966, 0x114D9B74, 0x1C53BB6B, 0xA0, 0xBB, 0xB7, 0x4DBB,
))  # fmt: skip
"""RFC 9559: Segment, Tracks, TrackEntry, Video, Audio, Cluster, Info, SeekHead, Cues and what is in them."""
PARENT_CHUNKS = (b"RIFF", b"LIST")
JPEG_WITHOUT_LENGTH = frozenset((0xD8, 0x01, *range(0xD0, 0xD8)))


def fields_of(data: bytes, suffix: str) -> list[Field]:
    """The numbers of a file, by the format that its suffix names. Empty for formats that are not known here."""
    find = FORMATS.get(suffix)
    found = list(islice(find(data), MOST_FIELDS)) if find else []
    return [field for field in found if field.start >= 0 and field.start + field.size <= len(data)]


def boxes(data: bytes, start: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Field]:
    """MP4 and MOV: the size of each box, and the 32-bit words of those that hold numbers."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        yield Field(start, 4)
        yield Field(start + 4, 4)  # its name
        inside = min(start + max(size, 8), end)
        if kind in PARENT_BOXES and depth < DEEPEST:
            yield from boxes(data, start + 8, inside, depth + 1)
        elif kind == b"stsd":
            yield Field(start + 16, 4)
            yield from (Field(place, 2) for place in range(start + 16, min(start + 110, inside), 2))
        elif kind != b"mdat":
            yield from (Field(place, 4) for place in range(start + 8, min(inside, start + 208), 4))
        start += size if size >= 8 else end


def elements(data: bytes, start: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Field]:
    """Matroska and WebM: the length of each element, and its value where that is a number."""
    end = len(data) if end is None else end
    while start + 2 <= end:
        identity, after = _variable(data, start, keep=True)
        size, inside = _variable(data, after, keep=False)
        if after <= start or inside <= after:
            return
        yield Field(after, inside - after)
        stop = min(inside + size, end)
        if identity in PARENT_ELEMENTS and depth < DEEPEST:
            yield from elements(data, inside, stop, depth + 1)
        elif 0 < size <= 8:
            yield Field(inside, size)
        start = stop


def chunks(data: bytes, start: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Field]:
    """AVI and WebP: the size of each chunk, and the numbers in the short ones."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        yield Field(start + 4, 4, "little")
        stop = min(start + 8 + size, end)
        if data[start : start + 4] in PARENT_CHUNKS and depth < DEEPEST:
            yield from chunks(data, start + 12, stop, depth + 1)
        else:
            yield from (Field(place, 4, "little") for place in range(start + 8, min(stop, start + 72), 4))
            yield from (Field(place, 3, "little") for place in (start + 12, start + 15))  # WebP's canvas
        start += 8 + size + size % 2


def png_chunks(data: bytes) -> Iterator[Field]:
    """PNG: the length of each chunk, the image's sides, depth and kind, and the numbers of animations."""
    for start, size, kind in png_parts(data):
        yield Field(start, 4)
        if kind in (b"IHDR", b"acTL", b"fcTL", b"pHYs"):
            yield from (Field(place, 4) for place in range(start + 8, start + 8 + size, 4))
            yield from (Field(place, 1) for place in range(start + 16, start + 8 + size))


def png_parts(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each chunk of a PNG starts, how long its content is, and its name."""
    start = 8
    while start + 12 <= len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        yield start, size, data[start + 4 : start + 8]
        start += 12 + size


def jpeg_segments(data: bytes) -> Iterator[Field]:
    """JPEG: the length of each segment, and the bytes of headers (sides, components, tables, EXIF)."""
    start = 2
    while start + 4 <= len(data) and data[start] == 0xFF:
        if data[start + 1] in JPEG_WITHOUT_LENGTH:
            start += 2
            continue
        size = int.from_bytes(data[start + 2 : start + 4], "big")
        yield Field(start + 2, 2)
        yield from (Field(place, 2) for place in range(start + 5, start + 2 + min(size, 60), 2))
        if data[start + 1] == 0xDA:
            return
        start += 2 + size


def tiff_tags(data: bytes) -> Iterator[Field]:
    """TIFF: the type, count and value of each tag of the first directory."""
    order: Order = "little" if data[:2] == b"II" else "big"
    yield Field(4, 4, order)
    start = int.from_bytes(data[4:8], order)
    count = int.from_bytes(data[start : start + 2], order)
    yield Field(start, 2, order)
    for place in range(start + 2, start + 2 + 12 * min(count, 64), 12):
        yield from (Field(place, 2, order), Field(place + 2, 2, order))
        yield from (Field(place + 4, 4, order), Field(place + 8, 4, order), Field(place + 8, 2, order))


def messages(data: bytes, start: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Field]:
    """Protobuf (ONNX): the lengths of messages and texts, and numbers; looks into what reads as a message."""
    end = len(data) if end is None else end
    while start < end:
        key, after = _varint(data, start)
        kind = key & 7
        if kind == 0:
            _, start = _varint(data, after)
            yield Field(after, start - after, "little")
        elif kind == 2:
            size, inside = _varint(data, after)
            yield Field(after, inside - after, "little")
            if depth < 6 and 2 < size < 5000:
                yield from messages(data, inside, min(inside + size, end), depth + 1)
            elif size:
                yield Field(inside, min(size, 8), "little")
            start = inside + size
        elif kind in (1, 5):
            yield Field(after, 8 if kind == 1 else 4, "little")
            start = after + (8 if kind == 1 else 4)
        else:
            return


def words(data: bytes) -> Iterator[Field]:
    """Formats whose header is a row of numbers: BMP, GIF, FLV, TS, TFLite and others."""
    for order in ("little", "big"):
        for size in (1, 2, 4):
            yield from (Field(place, size, order) for place in range(4, min(len(data), 160), size))


def decimals(data: bytes) -> Iterator[Field]:
    """Text: numbers in digits, and the values of XML's attributes."""
    for match in re.finditer(rb'\d+|"[^"<>]*"', data[:200_000]):
        yield Field(match.start(), match.end() - match.start())


TEXT = frozenset((".xml", ".txt", ".toml", ".json", ".jsonl", ".csv", ".ppm", ".pgm", ".y4m", ".srt"))
"""Formats whose numbers are written in digits. The pixels of three of them are not text."""
FORMATS: dict[str, Callable[[bytes], Iterator[Field]]] = {
    **dict.fromkeys((".mp4", ".mov", ".m4v"), boxes),
    **dict.fromkeys((".mkv", ".webm"), elements),
    **dict.fromkeys((".avi", ".webp"), chunks),
    **dict.fromkeys((".png", ".apng"), png_chunks),
    **dict.fromkeys((".jpg", ".jpeg"), jpeg_segments),
    **dict.fromkeys((".tif", ".tiff"), tiff_tags),
    **dict.fromkeys((".bmp", ".gif", ".flv", ".ts", ".mxf", ".wmv", ".ogv", ".jp2", ".tflite", ".mpg"), words),
    **dict.fromkeys(TEXT, decimals),
    ".onnx": messages,
}
"""Suffix -> what finds the numbers of that format."""


def _variable(data: bytes, start: int, *, keep: bool) -> tuple[int, int]:
    """EBML's number at `start` and where it ends. keep: with its marker, as identities are written."""
    first = data[start] if start < len(data) else 0
    if not first:
        return 0, start
    size = 9 - first.bit_length()
    value = int.from_bytes(data[start : start + size], "big")
    return (value if keep else value & ~(1 << 7 * size)), start + size


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Protobuf's number at `start` and where it ends."""
    value = 0
    for index, byte in enumerate(data[start : start + 10]):
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, start + index + 1
    return value, start + 10
