"""Values on the command line, from their text. Each says what it expected."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from fractions import Fraction

from model_api.preprocessing import Triple
from model_api.preprocessing import triple as three
from model_api.ranges import NATURAL, POSITIVE, POSITIVE_NUMBER, PROBABILITY, QUALITY, RATE, RATIO, SECONDS, SIDE, Range


def number(text: str, range_: Range) -> float:
    try:
        value = int(text) if range_.whole else float(text)
    except ValueError:
        value = math.nan
    if not range_.holds(value):
        raise argparse.ArgumentTypeError(f'"{text}": expected {range_.words}')
    return value


def positive(text: str) -> int:
    return int(number(text, POSITIVE))


def natural(text: str) -> int:
    return int(number(text, NATURAL))


def quality(text: str) -> int:
    return int(number(text, QUALITY))


def probability(text: str) -> float:
    return number(text, PROBABILITY)


def ratio(text: str) -> float:
    return number(text, RATIO)


def positive_number(text: str) -> float:
    return number(text, POSITIVE_NUMBER)


def seconds(text: str) -> Fraction:
    return _fraction(text, SECONDS)


def rate(text: str) -> Fraction:
    return _fraction(text, RATE)


def triple(text: str) -> Triple:
    try:
        return three(tuple(float(number) for number in re.split(r"[\s,]+", text.strip())))
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}": expected one number or three, such as 127.5 or 1,2,3') from None


def resolution(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    if not found or not all(SIDE.holds(int(side)) for side in found.groups()):
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


def _fraction(text: str, range_: Range) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if not range_.holds(value):
        raise argparse.ArgumentTypeError(f'"{text}": expected {range_.words}')
    return value
