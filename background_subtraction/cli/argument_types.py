"""Values on the command line, from their text. Each says what it expected."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from background_subtraction.sources.selection import FOURCC
from model_api.preprocessing import Triple
from model_api.preprocessing import triple as three
from model_api.ranges import (
    NATURAL,
    PIXELS,
    POSITIVE,
    POSITIVE_NUMBER,
    PROBABILITY,
    QUALITY,
    RATE,
    RATIO,
    SECONDS,
    SIDE,
    STEADINESS,
    ZOOM,
    Range,
)

LONGEST_SECRET = 1 << 16


def number(text: str, range_: Range) -> float:
    """Read a number. Raises ArgumentTypeError, with what was expected, if it is not within the range."""
    try:
        value = int(text) if range_.whole else float(text)
    except ValueError:
        value = math.nan
    if not range_.holds(value):
        raise argparse.ArgumentTypeError(f'"{text}": expected {range_.words}')
    return value


def positive(text: str) -> int:
    """Read a whole number from 1."""
    return int(number(text, POSITIVE))


def natural(text: str) -> int:
    """Read a whole number from 0."""
    return int(number(text, NATURAL))


def quality(text: str) -> int:
    """Read a constant quality of some codec."""
    return int(number(text, QUALITY))


def probability(text: str) -> float:
    """Read a number from 0 to 1."""
    return number(text, PROBABILITY)


def pixels(text: str) -> int:
    """Read a whole number of pixels, below 0 too."""
    return int(number(text, PIXELS))


def steadiness(text: str) -> float:
    """Read a number from 0 to 0.95."""
    return number(text, STEADINESS)


def zoom(text: str) -> float:
    """Read a number from 1 to 4."""
    return number(text, ZOOM)


def ratio(text: str) -> float:
    """Read a number above 0, at most 1."""
    return number(text, RATIO)


def positive_number(text: str) -> float:
    """Read a number above 0."""
    return number(text, POSITIVE_NUMBER)


def seconds(text: str) -> Fraction:
    """Read a time in seconds."""
    return _fraction(text, SECONDS)


def rate(text: str) -> Fraction:
    """Read frames per second, such as 30000/1001."""
    return _fraction(text, RATE)


def triple(text: str) -> Triple:
    """Read three numbers, or one for all three."""
    try:
        return three(tuple(float(number) for number in re.split(r"[\s,]+", text.strip())))
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}": expected one number or three, such as 127.5 or 1,2,3') from None


def secret(text: str) -> str:
    """Read a token from FILE or env:NAME. The command line is no place for it: every user of a machine can list those.

    Messages do not repeat `text`, which may be the token itself.
    """
    kind, _, name = text.partition(":")
    try:
        token = os.environ.get(name, "") if kind == "env" else Path(text).read_text(encoding="ascii")[:LONGEST_SECRET]
    except (OSError, ValueError):
        raise argparse.ArgumentTypeError(
            "cannot be read. Expected a file that holds the token, or env:NAME for an environment variable"
        ) from None
    if not token.strip():
        raise argparse.ArgumentTypeError("is empty or not set. Expected a file or env:NAME that holds the token")
    return token.strip()


def resolution(text: str) -> tuple[int, int]:
    """Read WxH as (width, height)."""
    sides = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    if not sides or not all(SIDE.holds(int(side)) for side in sides.groups()):
        raise argparse.ArgumentTypeError(f'"{text}": expected WIDTHxHEIGHT, such as 1280x720')
    return int(sides[1]), int(sides[2])


def camera_size(text: str) -> tuple[int, int] | None:
    """Read WxH, or auto as None."""
    return None if text == "auto" else resolution(text)


def camera_format(text: str) -> str:
    """Read four characters, or auto as ""."""
    if text == "auto":
        return ""
    if not text or not FOURCC.fullmatch(text):
        raise argparse.ArgumentTypeError(f'"{text}": expected four characters, such as MJPG or YUYV, or auto')
    return text.upper()


class SizeAction(argparse.Action):
    """Reads `WxH`, or `W H` in two words as RobustVideoMatting has it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store (width, height)."""
        try:
            setattr(namespace, self.dest, resolution("x".join(values or ())))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None


def limit(text: str) -> int:
    """Read a number of frames. 0 and, as in the Open Model Zoo's demo, numbers below it: no limit."""
    return 0 if re.fullmatch(r"-\d+", text) else natural(text)


def monitors(text: str) -> str:
    """Read some of the letters c, d and m. h hides all graphs in the Open Model Zoo's demo, and is left out."""
    if not set(text.lower()) <= set("cdmh"):
        raise argparse.ArgumentTypeError(f'"{text}": expected some of the letters c, d, m')
    return "".join(sorted(set(text.lower()) - {"h"}))


def classes(text: str) -> tuple[int, ...]:
    """Read the numbers of classes: 15, or 11,12."""
    if not re.fullmatch(r"\d{1,4}(,\d{1,4})*", text):
        raise argparse.ArgumentTypeError(f'"{text}": expected numbers of classes from 0, such as 15 or 11,12')
    return tuple(dict.fromkeys(map(int, text.split(","))))


def layouts(text: str) -> dict[str, str]:
    """Read input name -> layout. The name is "" for a layout without one."""
    pairs = [part.strip().rpartition(":")[::2] for part in text.split(",")]
    layouts = {name: layout.strip("[]").upper() for name, layout in pairs}
    if not all(re.fullmatch(r"[NCHW]{1,4}", layout) for layout in layouts.values()):
        raise argparse.ArgumentTypeError(f'"{text}": expected NCHW, or input0:NCHW,input1:NHWC')
    return layouts


def with_underscores(arguments: Sequence[str]) -> list[str]:
    """Allow --output-type for --output_type, as RobustVideoMatting spells its options."""
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
