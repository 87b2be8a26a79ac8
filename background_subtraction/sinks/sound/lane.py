"""One track on its way into the output."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

FAULTS = (av.error.FFmpegError, ValueError, ArithmeticError, LookupError)
"""What FFmpeg and PyAV raise at tracks and packets that they cannot take."""


class Lane:
    """Takes packets of one track, and gives those of the output.

    Attributes:
        damaged: packets that were skipped.
        lead_s: packets are wanted from so long before the output's beginning.
    """

    lead_s = Fraction(0)

    def __init__(self) -> None:
        """Nothing has been damaged."""
        self.damaged = 0

    def take(self, packet: Any, time_s: Fraction) -> None:
        """Take the next packet; time_s: when it begins in the output."""
        raise NotImplementedError

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """Give the packets that begin before this second of the output; None for all of them."""
        raise NotImplementedError

    def rest(self, end_s: Fraction | None) -> Iterator[Any]:
        """Give what is left, cut at the output's end; None for all of it."""
        yield from self.until(end_s)
