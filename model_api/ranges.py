"""The ranges of parameters, for the library and the command line alike. Value objects check themselves with these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real

from model_api.arrays import described
from model_api.errors import OptionError


@dataclass(frozen=True)
class Range:
    """Numbers from low to high.

    Attributes:
        words: for messages, after "Expected".
        low: the lowest, included.
        high: the highest, included.
        whole: whether only whole numbers count.
    """

    words: str
    low: float
    high: float
    whole: bool = False

    def holds(self, value: object) -> bool:
        """Whether `value` is a number in the range."""
        kind = Integral if self.whole else Real
        return isinstance(value, kind) and not isinstance(value, bool) and bool(self.low <= value <= self.high)  # type: ignore[operator]

    def require(self, **values: object) -> None:
        """Check values.

        Args:
            values: parameter -> value. None stands for a default, and passes.

        Raises:
            OptionError: a value outside of the range.
        """
        for parameter, value in values.items():
            if value is not None and not self.holds(value):
                raise OptionError(f"{described(value)}. Expected {self.words}", parameter)


POSITIVE = Range("a whole number from 1", 1, 1 << 30, whole=True)
NATURAL = Range("a whole number from 0", 0, 1 << 30, whole=True)
PIXELS = Range("a whole number of pixels from -100 to 100", -100, 100, whole=True)
PROBABILITY = Range("a number from 0 to 1", 0, 1)
STEADINESS = Range("a number from 0 to 0.95", 0, 0.95)
ZOOM = Range("a number from 1 to 4", 1, 4)
RATIO = Range("a number above 0, 1 at most", 1e-3, 1)
POSITIVE_NUMBER = Range("a number above 0", 1e-3, 1e6)
SECONDS = Range("seconds, such as 12.5", 0, 1e9)
RATE = Range("frames per second, such as 25 or 30000/1001", 1e-6, 1000)
SIDE = Range("a whole number from 1 to 32767", 1, 32767, whole=True)
"""Not all functions of OpenCV take longer sides."""
LEVEL = Range("levels from 0 to 255", 0, 255)
SCALE = Range("numbers above 0", 1e-6, 1e6)
QUALITY = Range("a whole number from 0 to 63, lower is better", 0, 63, whole=True)
"""The widest scale of all codecs. Each codec has its own within it."""


def require_each(range_: Range, count: int | None, **values: object) -> None:
    """Check tuples of numbers.

    Args:
        range_: of each number.
        count: how many numbers a tuple has. None: one or more.
        values: parameter -> value. None passes.

    Raises:
        OptionError: a value is not such a tuple.
    """
    for parameter, value in values.items():
        numbers = value if isinstance(value, tuple) else ()
        if value is None or (numbers and count in (None, len(numbers)) and all(map(range_.holds, numbers))):
            continue
        raise OptionError(
            f"{described(value)}. Expected a tuple of {count or 'one or more'}: {range_.words}", parameter
        )


def require_size(**values: object) -> None:
    """Check sizes.

    Args:
        values: parameter -> (width, height) in pixels. None passes.

    Raises:
        OptionError: a value is not a size.
    """
    for parameter, value in values.items():
        if value is None or (isinstance(value, tuple) and len(value) == 2 and all(map(SIDE.holds, value))):
            continue
        raise OptionError(f"{described(value)}. Expected (width, height), each {SIDE.words}", parameter)


def require_choice(choices: Iterable[str], **values: object) -> None:
    """Check choices.

    Args:
        choices: what the parameters take.
        values: parameter -> value. None passes.

    Raises:
        OptionError: a value is not among the choices.
    """
    known = tuple(choices)
    for parameter, value in values.items():
        if value is not None and value not in known:
            raise OptionError(f"{described(value)}. Expected {' or '.join(filter(None, known))}", parameter)


def require_text(**values: object) -> None:
    """Check text.

    Args:
        values: parameter -> value. None passes.

    Raises:
        OptionError: a value is not text.
    """
    for parameter, value in values.items():
        if value is not None and not isinstance(value, str):
            raise OptionError(f"{described(value)}. Expected text", parameter)
