"""Sound, subtitles, chapters and metadata on their way from the input to an output.

Nothing here ends a run: a track that cannot go on is left out from there, and one line says so.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

from background_subtraction.sinks.formats import Container
from background_subtraction.sinks.sound.lane import FAULTS, Lane
from background_subtraction.sinks.sound.plan import Way, ways
from background_subtraction.sinks.sound.reader import timed_packets
from background_subtraction.sinks.sound.tags import chapters_between, open_beside, tags_of_file, tags_of_track
from background_subtraction.sources.demuxing.faults import reason_of

DISK_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EPIPE, errno.EROFS})
"""Faults of the output itself, which the picture meets too."""
LATER_S = 10
"""Sound that begins so long after the picture's end is not waited for."""

log = logging.getLogger(__name__)


def check_side_tracks(source: str, path: Path, container: Container) -> None:
    """Log what of an input's tracks an output cannot take, or not as it is.

    Args:
        source: the input.
        path: the output. Nothing is written there.
        container: what it can hold.
    """
    try:
        with open_beside(source) as beside:
            for way in ways(beside, path.suffix.lower(), container):
                if way.encoder is None:
                    log.warning("%s: the input's %s is left out: %s", path, way.name, way.why)
                elif way.why:
                    log.info("%s: %s: %s", path, way.name, way.why)
            if not container.chapters and beside.chapters():
                log.warning("%s: %s holds no chapters. They are left out", path, path.suffix)
    except FAULTS as error:
        log.warning("%s: without sound and subtitles, which cannot be read (%s)", path, reason_of(error))


def side_tracks(source: str, begin_s: Fraction, output: Any, container: Container) -> SideTracks | None:
    """Open what goes along beside the picture, see `SideTracks`; None, and a warning, if it cannot be read."""
    try:
        return SideTracks(source, begin_s, output, container)
    except FAULTS as error:
        log.warning("%s: without sound and subtitles, which cannot be read (%s)", output.name, reason_of(error))
        return None


class SideTracks:
    """What goes along beside the picture of one output."""

    def __init__(self, source: str, begin_s: Fraction, output: Any, container: Container) -> None:
        """Open the input, and add streams to the output.

        Args:
            source: the input.
            begin_s: where in it the output begins.
            output: an av.container.OutputContainer that has no packet yet.
            container: what that can hold.

        Raises:
            av.error.FFmpegError, ValueError: the input cannot be read. The output is as it was.
        """
        self._begin_s = begin_s
        self._output = output
        self._takes_chapters = container.chapters
        with open_beside(source) as beside:
            chosen = ways(beside, Path(output.name).suffix.lower(), container)
        self._input = open_beside(source)  # again from its beginning, whatever has been read of it
        output.metadata.update(tags_of_file(self._input.metadata))
        self._names: dict[int, str] = {}
        self._lanes: dict[int, Lane] = {}
        for way in chosen:
            if way.encoder is not None:
                self._add(way, container)
        self._packets = self._of_the_output()
        self._next = next(self._packets, None)

    def write_until(self, time_s: Fraction | None) -> None:
        """Write what begins before this second of the output; None for all that is left."""
        while (timed := self._next) is not None:
            packet, begins_s = timed
            if time_s is not None and begins_s >= time_s:
                break
            self._guarded(packet.stream.index, begins_s, lambda lane: lane.take(*timed))
            self._next = next(self._packets, None)
            self._write(begins_s)
        self._write(time_s)

    def close(self, end_s: Fraction, *, to_end: bool) -> None:
        """Write what is left, and the chapters.

        Args:
            end_s: where the picture ends in the output.
            to_end: whether that is the input's end, so that longer sound is played to its end.
        """
        with closing(self._input):
            until_s = end_s + LATER_S if to_end else end_s
            self.write_until(until_s)
            for index in list(self._lanes):
                self._guarded(index, end_s, lambda lane: self._mux(lane.rest(None if to_end else end_s)))
            if self._takes_chapters:
                self._write_chapters(until_s)
            for index, lane in self._lanes.items():
                if lane.damaged:
                    log.warning("%s: %d damaged packets of the input's %s were skipped", self._output.name,
                                lane.damaged, self._names[index])  # fmt: skip

    def _add(self, way: Way, container: Container) -> None:
        stream = self._input.streams[way.index]
        before = len(self._output.streams)
        lane = way.lane(stream, self._output, container)
        added = self._output.streams[before]
        added.metadata.update(tags_of_track(stream.metadata, self._output.format.name))
        added.disposition = stream.disposition
        self._lanes[way.index], self._names[way.index] = lane, way.name

    def _of_the_output(self) -> Iterator[tuple[Any, Fraction]]:
        kept = [self._input.streams[index] for index in self._lanes]
        for packet, time_s in timed_packets(self._input, kept) if kept else ():
            lane = self._lanes.get(packet.stream.index)
            if lane is not None and time_s - self._begin_s >= -lane.lead_s:
                yield packet, time_s - self._begin_s

    def _write(self, time_s: Fraction | None) -> None:
        for index in list(self._lanes):
            self._guarded(index, time_s, lambda lane: self._mux(lane.until(time_s)))

    def _mux(self, packets: Iterator[Any]) -> None:
        for packet in packets:
            self._output.mux(packet)

    def _guarded(self, index: int, time_s: Fraction | None, do: Callable[[Lane], None]) -> None:
        """A fault ends the track, not the run."""
        lane = self._lanes.get(index)
        if lane is None:
            return
        try:
            do(lane)
        except FAULTS as error:
            if getattr(error, "errno", None) in DISK_FAULTS:
                raise
            del self._lanes[index]
            at = "" if time_s is None else f" at {float(time_s):.1f} s"
            log.warning("%s: the input's %s ends%s: %s", self._output.name, self._names[index], at, reason_of(error))

    def _write_chapters(self, end_s: Fraction) -> None:
        try:
            self._output.set_chapters(chapters_between(self._input.chapters(), self._begin_s, self._begin_s + end_s))
        except FAULTS as error:
            log.warning("%s: without chapters (%s)", self._output.name, reason_of(error))
