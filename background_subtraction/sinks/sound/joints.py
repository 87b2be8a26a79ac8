"""Recordings joined end to end: their times jump where one ends and the next begins, and go on here.

Pure arithmetic on times. `timeline.continuous` has the same rule for frames; here it is that of packets, and
sound follows the picture.
"""

from __future__ import annotations

from fractions import Fraction

from background_subtraction.sources.demuxing.timeline import LONGEST_GAP_S

BACK_S = Fraction(1, 10)
"""A step back by more than this is one too; less is disorder, as in ffmpeg's ffmpeg_demux.c."""


class JoinedTime:
    """Times of pictures in the order of the file -> times that never go back.

    A step back by more than `BACK_S`, or forward by more than `LONGEST_GAP_S`, is a joint. After it time goes on
    from the largest end so far.
    """

    def __init__(self) -> None:
        """Begin before the first picture."""
        self._last_s: Fraction | None = None
        self._end_s = Fraction(0)
        self.offsets = [Fraction(0)]
        """Seconds to add in each part of the file. The last is that of the newest picture."""

    def at(self, order_s: Fraction, time_s: Fraction, duration_s: Fraction) -> Fraction:
        """Take the next picture.

        Args:
            order_s: the time that only grows within a recording: of a packet its dts, of a decoded frame its pts.
            time_s: when the picture is shown, its pts.
            duration_s: for how long.

        Returns:
            When it is shown on a timeline without jumps.
        """
        if self._last_s is not None and not -BACK_S <= order_s - self._last_s <= LONGEST_GAP_S:
            self.offsets.append(self._end_s - time_s)
        self._last_s = order_s
        joined_s = time_s + self.offsets[-1]
        self._end_s = max(self._end_s, joined_s + duration_s)
        return joined_s


def beside(time_s: Fraction, picture_s: Fraction, offsets: list[Fraction]) -> Fraction:
    """Return the time of a sound packet on the picture's timeline.

    Near a joint it may still belong to the part before: the part that brings it nearer to the picture is its own.

    Args:
        time_s: the packet's time in the file.
        picture_s: the joined time of the picture that follows it in the file.
        offsets: of a `JoinedTime` that has taken that picture.
    """
    return min((time_s + offset for offset in offsets[-2:]), key=lambda joined_s: abs(joined_s - picture_s))
