"""What parameters take, said once for the library and for the command line. Values check themselves with these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real

from model_api.arrays import described
from model_api.errors import OptionError


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included. words: for "expected …". whole: no fractions."""

    words: str
    low: float
    high: float
    whole: bool = False

    def holds(self, value: object) -> bool:
        kind = Integral if self.whole else Real
        return isinstance(value, kind) and not isinstance(value, bool) and bool(self.low <= value <= self.high)  # type: ignore[operator]

    def require(self, **values: object) -> None:
        """Values by the names of their parameters. Raises OptionError. None stands for a default, and passes."""
        for parameter, value in values.items():
            if value is not None and not self.holds(value):
                raise OptionError(f"{described(value)}. Expected {self.words}", parameter)


POSITIVE = Range("a whole number from 1", 1, 1 << 30, whole=True)
NATURAL = Range("a whole number from 0", 0, 1 << 30, whole=True)
PROBABILITY = Range("a number from 0 to 1", 0, 1)
RATIO = Range("a number above 0, 1 at most", 1e-3, 1)
POSITIVE_NUMBER = Range("a number above 0", 1e-3, 1e6)
SECONDS = Range("seconds, such as 12.5", 0, 1e9)
RATE = Range("frames per second, such as 25 or 30000/1001", 1e-6, 1000)
SIDE = Range("a whole number from 1 to 32767", 1, 32767, whole=True)
"""OpenCV takes no longer ones in every function."""
LEVEL = Range("levels from 0 to 255", 0, 255)
SCALE = Range("numbers above 0", 1e-6, 1e6)
QUALITY = Range("a whole number from 0 to 63, less being better", 0, 63, whole=True)
"""The widest scale of a codec; each has its own within."""


def require_each(range_: Range, count: int, **values: object) -> None:
    """Tuples of so many numbers. Raises OptionError. None passes."""
    for parameter, value in values.items():
        if value is None or (isinstance(value, tuple) and len(value) == count and all(map(range_.holds, value))):
            continue
        raise OptionError(f"{described(value)}. Expected a tuple of {count}: {range_.words}", parameter)


def require_size(**values: object) -> None:
    """Raises OptionError unless each is (width, height) in pixels, or None."""
    for parameter, value in values.items():
        if value is None or (isinstance(value, tuple) and len(value) == 2 and all(map(SIDE.holds, value))):
            continue
        raise OptionError(f"{described(value)}. Expected (width, height), each {SIDE.words}", parameter)


def require_choice(choices: Iterable[str], **values: object) -> None:
    """Raises OptionError unless each is one of `choices`, or None."""
    known = tuple(choices)
    for parameter, value in values.items():
        if value is not None and value not in known:
            raise OptionError(f"{described(value)}. Expected {' or '.join(filter(None, known))}", parameter)


def require_text(**values: object) -> None:
    """Raises OptionError unless each is text, or None."""
    for parameter, value in values.items():
        if value is not None and not isinstance(value, str):
            raise OptionError(f"{described(value)}. Expected text", parameter)
