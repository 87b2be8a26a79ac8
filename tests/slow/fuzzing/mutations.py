"""Ways to damage a file. All that is random comes from the generator that is given."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence

from tests.slow.fuzzing.fields import TEXT, fields_of, png_parts

NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 4095, 16000, 32767, 32768, 65535, 65536, 1 << 24, (1 << 31) - 1, 1 << 31, -1)
WORDS = (
    b"", b"0", b"-1", b"1", b"3", b"7", b"65535", b"16000", b"99999999999", b"1e309", b"nan", b"0,0,0,0", b"1,3,-1,-1",
    b"f16", b"u8", b"string", b"../../../etc/passwd", b"%s%n", b"\xff\xfe", b"\x1b[2J", b"Parameter", b"Result",
    b"ReadValue", b"Convolution", "\u202e\u00e9".encode(), b"A" * 5000,
)  # fmt: skip
"""What takes the place of a number or an attribute in a text."""


def mutate(data: bytes, suffix: str, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Damage a file in one to four ways.

    Args:
        data: the whole file.
        suffix: its format, such as ".mp4".
        others: whole files to take parts from.
        rng: decides how and where.
    """
    limit = 2 * len(data) + 100_000  # repeats of repeats
    structured = bool(fields_of(data, suffix))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        if structured and rng.random() < 0.6:
            data = change_field(data, suffix, rng)
        else:
            data = rng.choice(DAMAGES)(data, others, rng)[:limit]
    # Half of the damaged PNGs get right checksums: the damage is then past the first check.
    return with_checksums(data) if suffix in (".png", ".apng") and rng.random() < 0.5 else data


def change_field(data: bytes, suffix: str, rng: random.Random) -> bytes:
    """Give one of the file's numbers another value."""
    fields = fields_of(data, suffix)
    if not fields:
        return data
    field = rng.choice(fields)
    before, after = data[: field.start], data[field.start + field.size :]
    if suffix in TEXT:
        text = rng.choice(WORDS)
        return before + (b'"' + text + b'"' if data[field.start : field.start + 1] == b'"' else text) + after
    old = int.from_bytes(data[field.start : field.start + field.size], field.order)
    value = rng.choice((rng.choice(NUMBERS), old + 1, old - 1, old * 2, old ^ 1 << rng.randrange(8 * field.size)))
    return before + (value % (1 << 8 * field.size)).to_bytes(field.size, field.order) + after


def flip_bits(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 64)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def set_bytes(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    fill = rng.choice((b"\0", b"\xff", b"\x7f", b" ", rng.randbytes(1)))
    return data[:start] + fill * (end - start) + data[end:]


def cut_off(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def cut_out(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def repeat(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 2, 20)) + data[end:]


def splice(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    other = rng.choice(others) if others else data
    start, end = _span(other, rng)
    place = rng.randrange(len(data) + 1)
    return data[:place] + other[start:end] + data[place + rng.choice((0, end - start)) :]


def join(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    other = rng.choice(others) if others else data
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def shuffle(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    a, b, c, d = sorted(rng.randrange(len(data) + 1) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


DAMAGES: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    flip_bits, flip_bits, set_bytes, cut_off, cut_out, repeat, splice, join, shuffle,
)  # fmt: skip


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what they hold now (W3C, PNG, 5.3)."""
    changed = bytearray(data)
    for start, size, _ in png_parts(data):
        end = start + 8 + size
        if end + 4 <= len(changed):
            changed[end : end + 4] = zlib.crc32(changed[start + 4 : end]).to_bytes(4, "big")
    return bytes(changed)


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 2, 4, 16, 100, 1000, len(data) // 4)))
