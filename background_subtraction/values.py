"""Values on the command line, from their text. Each says what it expected."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from fractions import Fraction

from model_api.preprocessing import Triple
from model_api.preprocessing import triple as three


def number(text: str, kind: type[int] | type[float], low: float, high: float, words: str) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = kind(low) - 1
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f'"{text}": expected {words}')
    return value


def positive(text: str) -> int:
    return int(number(text, int, 1, 1 << 30, "a whole number from 1"))


def natural(text: str) -> int:
    return int(number(text, int, 0, 1 << 30, "a whole number from 0"))


def probability(text: str) -> float:
    return number(text, float, 0, 1, "a number from 0 to 1")


def ratio(text: str) -> float:
    return number(text, float, 1e-3, 1, "a number above 0, 1 at most")


def positive_number(text: str) -> float:
    return number(text, float, 1e-3, 1e6, "a number above 0")


def seconds(text: str) -> Fraction:
    try:
        seconds = Fraction(text)
    except (ValueError, ZeroDivisionError):
        seconds = Fraction(-1)
    if seconds < 0:
        raise argparse.ArgumentTypeError(f'"{text}": expected seconds, such as 12.5')
    return seconds


def rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(f'"{text}": expected frames per second, such as 25 or 30000/1001')
    return rate


def triple(text: str) -> Triple:
    try:
        return three(tuple(float(number) for number in re.split(r"[\s,]+", text.strip())))
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}": expected one number or three, such as 127.5 or 1,2,3') from None


def resolution(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", text)
    if not found:
        raise argparse.ArgumentTypeError(f'"{text}": expected WIDTHxHEIGHT, such as 1280x720')
    return int(found[1]), int(found[2])


def monitors(text: str) -> str:
    if not set(text.lower()) <= set("cdmh"):
        raise argparse.ArgumentTypeError(f'"{text}": expected some of the letters c, d, m')
    return "".join(sorted(set(text.lower()) - {"h"}))


def layouts(text: str) -> dict[str, str]:
    """Input name -> layout; "" for a layout without a name."""
    pairs = [part.strip().rpartition(":")[::2] for part in text.split(",")]
    layouts = {name: layout.strip("[]").upper() for name, layout in pairs}
    if not all(re.fullmatch(r"[NCHW]{1,4}", layout) for layout in layouts.values()):
        raise argparse.ArgumentTypeError(f'"{text}": expected NCHW, or input0:NCHW,input1:NHWC')
    return layouts


def with_underscores(arguments: Sequence[str]) -> list[str]:
    """RobustVideoMatting spells --output-type what is --output_type here: both are taken."""
    return [
        re.sub(r"^--[a-z-]+", lambda name: "--" + name[0][2:].replace("-", "_"), text)
        if re.match(r"--[a-z]", text) and not text.startswith("--no-")
        else text
        for text in arguments
    ]
