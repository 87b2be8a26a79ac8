"""When frames are shown: their times in the unit of a container, which are key frames, and how long encoders wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Protocol

from model_api.adapters.cores import cores

KEY_FRAME_EVERY_S = 2
HELD_S = Fraction(5, 6)
"""Seconds of video that wait inside an encoder at most: a run that is killed loses them."""
FINEST_TICK_S = Fraction(1, 20_000)
ON_TIME_S = Fraction(1, 900)
"""Times in Matroska files are whole milliseconds: this near to an even rate they are meant to be on it."""
UNEVEN_BY = Fraction(3, 4)
"""Frames of an even rate may come this much of their distance too early or too late before one is left out or repeated:
times that tremble repeat none."""
GIF_TICK_S = Fraction(1, 100)
GIF_SHORTEST = 2
"""Ticks. Players show shorter ones for a tenth of a second."""


@dataclass(frozen=True)
class Shown:
    """When a frame is shown.

    Attributes:
        pts: in ticks. None: it is left out, because the frames before it take its time.
        repeated: ticks before it at which the frame before is shown again.
    """

    pts: int | None
    repeated: range = range(0)


class Timing(Protocol):
    """Gives each frame of a video its time.

    Attributes:
        tick_s: the unit.
        fastest: the highest number of frames per second, None where there is no such limit.
    """

    tick_s: Fraction
    fastest: Fraction | None

    def place(self, timestamp_s: Fraction) -> Shown:
        """Place the next frame, which the source shows at `timestamp_s`."""


class OwnTimes:
    """Each frame at its own time."""

    fastest: Fraction | None = None

    def __init__(self, rate: Fraction) -> None:
        """Frames at the even `rate` fall on a tick exactly, others within 25 microseconds."""
        self.tick_s = Fraction(1, rate.numerator * max(1, -(-FINEST_TICK_S.denominator // rate.numerator)))
        self._rate = rate
        self._next = 0

    def place(self, timestamp_s: Fraction) -> Shown:
        """Place a frame at its time."""
        on_time_s = round(timestamp_s * self._rate) / self._rate
        time_s = on_time_s if abs(on_time_s - timestamp_s) <= ON_TIME_S else timestamp_s
        pts = max(self._next, round(time_s / self.tick_s))
        self._next = pts + 1
        return Shown(pts)


class EvenTimes:
    """Frames at even times: one that comes late is preceded by repeats, one that comes early is left out."""

    def __init__(self, rate: Fraction) -> None:
        """Show `rate` frames per second."""
        self.tick_s = 1 / rate
        self.fastest: Fraction | None = rate
        self._next = 0

    def place(self, timestamp_s: Fraction) -> Shown:
        """Place a frame at the even time that is nearest."""
        late = timestamp_s / self.tick_s - self._next
        if late < -UNEVEN_BY:
            return Shown(None)
        pts = self._next + (round(late) if late > UNEVEN_BY else 0)
        repeated = range(self._next, pts)
        self._next = pts + 1
        return Shown(pts, repeated)


class GifTimes:
    """Frames at their own time in hundredths of a second, with at least two of them for each."""

    def __init__(self, rate: Fraction) -> None:
        """The rate does not matter."""
        self.tick_s = GIF_TICK_S
        self.fastest: Fraction | None = 1 / (GIF_TICK_S * GIF_SHORTEST)
        self._next = 0

    def place(self, timestamp_s: Fraction) -> Shown:
        """Place a frame at most a tick after its time, or leave it out."""
        pts = max(self._next, round(timestamp_s / self.tick_s))
        if pts - timestamp_s / self.tick_s > 1:
            return Shown(None)
        self._next = pts + GIF_SHORTEST
        return Shown(pts)


TIMINGS: Mapping[str, Callable[[Fraction], Timing]] = {"own": OwnTimes, "even": EvenTimes, "gif": GifTimes}
"""`Container.timing` -> what it stands for."""


class KeyFrames:
    """Key frames by time: whatever ends a run, what was written plays up to the last one."""

    def __init__(self) -> None:
        """The first frame is one."""
        self._due_s = Fraction(0)

    def is_due(self, time_s: Fraction) -> bool:
        """Whether the frame at `time_s` has to be one."""
        if time_s < self._due_s:
            return False
        self._due_s = time_s + KEY_FRAME_EVERY_S
        return True


@dataclass(frozen=True)
class Delay:
    """How an encoder holds at most some frames back.

    Attributes:
        frames: how many, as `CodecContext.encode` shows it.
        options: the encoder's.
        threads_per_core: of an encoder whose every thread holds one frame more.
    """

    frames: int
    options: Mapping[str, str] = field(default_factory=dict)
    threads_per_core: float = 0

    def within(self, frames: int) -> dict[str, str] | None:
        """Options with which no more than so many frames are held; None where there are none."""
        room = frames - self.frames
        if not self.threads_per_core:
            return dict(self.options) if room >= 0 else None
        threads = min(room, ceil(cores() * self.threads_per_core))
        return {**self.options, "threads": str(threads)} if threads > 0 else None


DELAYS: Mapping[str, tuple[Delay, ...]] = {
    "libx264": (
        Delay(7, threads_per_core=1.5),
        Delay(4, {"x264-params": "sliced-threads=1"}),
        Delay(1, {"x264-params": "sliced-threads=1:bframes=0"}),
    ),
    "libx265": (
        Delay(16, {"x265-params": "rc-lookahead=10:bframes=4"}, threads_per_core=0.5),
        Delay(12, {"x265-params": "rc-lookahead=5:bframes=4", "threads": "1"}),
        Delay(8, {"x265-params": "rc-lookahead=3:bframes=2", "threads": "1"}),
        Delay(4, {"x265-params": "rc-lookahead=1:bframes=0", "threads": "1"}),
        Delay(0, {"x265-params": "rc-lookahead=0:bframes=0:cutree=0:scenecut=0", "threads": "1"}),
    ),
    "libsvtav1": (
        Delay(20, {"svtav1-params": "hierarchical-levels=3"}),
        Delay(12, {"svtav1-params": "hierarchical-levels=2"}),
        Delay(0, {"svtav1-params": "hierarchical-levels=3:pred-struct=1"}),
    ),
}
"""Encoder -> what holds more frames and compresses better first. Others hold a frame or two, whatever their options."""


def prompt_options(encoder: str, rate: Fraction) -> dict[str, str]:
    """Options with which an encoder holds back HELD_S of a video at this rate, or as little as it can."""
    delays = DELAYS.get(encoder, (Delay(0),))
    fitting = (options for delay in delays if (options := delay.within(round(rate * HELD_S))) is not None)
    return next(fitting, dict(delays[-1].options))
