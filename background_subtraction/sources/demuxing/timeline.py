"""Rates and times of videos, where headers and packets are not to be believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any, TypeVar

import av

from background_subtraction.sources.base import UNKNOWN_RATE
from background_subtraction.sources.demuxing.packets import IN_ORDER

FASTEST = Fraction(240)
"""Frames per second that a header is believed without a look at the times of its frames."""
SLOWEST = Fraction(1)
HIGHEST = Fraction(1_000_000)
"""Frames per second beyond which times are damaged."""
USUAL_RATES = tuple(
    Fraction(rate)
    for rate in (5, 10, 12, 15, 20, "24000/1001", 24, 25, "30000/1001", 30, 48, 50, "60000/1001", 60, 120)
)
WHOLE_RATES = tuple(rate for rate in USUAL_RATES if rate.denominator == 1)
NEAR = Fraction(1, 50)
"""The share by which a measured rate may miss the usual one that is meant: times in WebM are whole milliseconds."""
DROPPED = Fraction(15, 100)
"""The share by which the mean rate is below the usual one where frames were left out."""
NO_TIMES, JOINTS = 0x80, 0x200
"""AVFMT_NOTIMESTAMPS and AVFMT_TS_DISCONT of libavformat/avformat.h: formats without times, and with joints."""
LONGEST_GAP_S = Fraction(10)
"""A longer one in a format that has joints is one. FFmpeg's -dts_delta_threshold."""
MOST_WAITING = 8
"""Frames without a time that are kept until one with a time comes."""
JITTER = 2
"""Frames by which times may go back without being those of another recording."""

Item = TypeVar("Item")


def has_times(container: Any) -> bool:
    """Whether the container stores the times of its frames: a bare .h264 does not."""
    return not container.format.flags & NO_TIMES


def longest_gap_s(container: Any) -> Fraction | None:
    """Seconds without a frame, of which longer ones join two recordings. None: no gap does."""
    return LONGEST_GAP_S if container.format.flags & JOINTS else None


def header_rate(container: Any, stream: Any) -> Fraction | None:
    """The rate that the header tells, None where it is missing or hard to believe.

    With a count of frames FFmpeg has their true mean. Without, its mean is that of the few frames that it has seen.
    Formats without times get its default there, and the guess is what the codec says.
    """
    mean, guess = stream.average_rate, stream.guessed_rate
    if not has_times(container) or container.format.name in (IN_ORDER, "dv"):
        rate = guess
    elif stream.frames or (mean and guess and abs(mean - guess) <= DROPPED * guess):
        rate = mean
    else:
        rate = None
    return Fraction(rate) if rate and SLOWEST <= rate <= FASTEST else None


def measured_rate(times_s: Sequence[Fraction], fallback: Fraction | None = None) -> Fraction:
    """The rate that follows from the times of frames.

    Args:
        times_s: of some frames, in any order.
        fallback: for less than three times.

    Returns:
        The usual rate that is near, else the mean of the times.
    """
    steps_s = [later - sooner for sooner, later in pairwise(sorted(set(times_s)))]
    if len(steps_s) < 2:
        return _possible(fallback or UNKNOWN_RATE)
    mean = 1 / Fraction(sum(steps_s), len(steps_s))
    typical = 1 / Fraction(median(steps_s))
    if abs(mean - typical) > DROPPED * typical:  # frames were left out: the usual distance tells more
        # Too coarse to tell 29.97 from 30.
        return _usual(typical, 2 * NEAR, WHOLE_RATES) or _possible(mean.limit_denominator(1001) or mean)
    return _usual(mean, NEAR) or _possible(mean.limit_denominator(1001) or mean)


def _possible(rate: Fraction) -> Fraction:
    """A rate that encoders count with: damaged headers tell millions of frames a second."""
    return Fraction(rate) if rate <= HIGHEST else UNKNOWN_RATE


def _usual(rate: Fraction, near: Fraction, rates: Sequence[Fraction] = USUAL_RATES) -> Fraction | None:
    nearest = min(rates, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest - rate) <= near * nearest else None


def continuous(
    timed: Iterable[tuple[Item, Fraction | None]], step_s: Fraction, gap_s: Fraction | None
) -> Iterator[tuple[Item, Fraction]]:
    """Let times only go forward.

    At a joint of two recordings, where time goes back or leaps, it goes on by one frame.

    Args:
        timed: frames, or what belongs to them, and their time in seconds, None where it is missing.
        step_s: seconds between frames.
        gap_s: a longer time without frames is a joint. None: none is.
    """
    shift_s, last_s = Fraction(0), None
    for item, file_s in _begun(timed, step_s):
        if last_s is None:
            time_s = file_s or Fraction(0)
        elif file_s is None:
            time_s = last_s + step_s
        else:
            ahead_s = file_s + shift_s - last_s
            if ahead_s < -JITTER * step_s or (gap_s is not None and ahead_s > gap_s):
                shift_s += step_s - ahead_s
                ahead_s = step_s
            time_s = last_s + (ahead_s if ahead_s > 0 else step_s / 2)
        last_s = time_s
        yield item, time_s


def _begun(timed: Iterable[tuple[Item, Fraction | None]], step_s: Fraction) -> Iterator[tuple[Item, Fraction | None]]:
    """Frames whose times are missing before the first time that is there, as RTSP sends one, come just before it."""
    frames, waiting = iter(timed), list[Item]()
    for item, file_s in frames:
        if file_s is None and len(waiting) < MOST_WAITING:
            waiting.append(item)
            continue
        begins_s = Fraction(0) if file_s is None else file_s - len(waiting) * step_s
        yield from ((sooner, begins_s + number * step_s) for number, sooner in enumerate(waiting))
        yield item, file_s
        yield from frames
        return
    yield from ((item, number * step_s) for number, item in enumerate(waiting))


def frame_count(container: Any, stream: Any, rate: Fraction) -> int | None:
    """The number of frames in the header, else the number that follows from the duration."""
    if stream.frames:
        return int(stream.frames)
    if container.duration is None:
        return None
    # In a file that begins late, the duration counts the time before the first frame too; in MPEG-TS it does not.
    begin = 0 if longest_gap_s(container) else container.start_time or 0
    return round((container.duration - begin) * rate / av.time_base)
