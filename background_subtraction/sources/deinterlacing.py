"""Interlaced video as whole frames, so that no combs are taken for edges."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import av

FILTER = "bwdif", "mode=send_frame:deint=interlaced"
"""FFmpeg's best that needs no file of weights. One frame for each, and frames that are whole pass unchanged."""

log = logging.getLogger(__name__)


def deinterlaced(frames: Iterable[Any], address: str) -> Iterator[Any]:
    """Pass frames on, from the first interlaced one on through a filter.

    Args:
        frames: av.VideoFrames of one stream.
        address: named in the line that tells of it.
    """
    graph: Any = None
    form: object = None
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        if graph is None:
            log.info("%s: interlaced, and therefore deinterlaced. Each pair of fields makes one frame", address)
        if form != _form(frame):
            yield from _rest(graph)
            graph, form = _graph(frame), _form(frame)
        graph.push(frame)
        yield from _ready(graph)
    yield from _rest(graph)


def _form(frame: Any) -> tuple[object, ...]:
    return frame.width, frame.height, frame.format.name, frame.time_base


def _graph(frame: Any) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(template=frame, time_base=frame.time_base)
    deinterlacer, sink = graph.add(*FILTER), graph.add("buffersink")
    source.link_to(deinterlacer)
    deinterlacer.link_to(sink)
    graph.configure()
    return graph


def _rest(graph: Any) -> Iterator[Any]:
    if graph is not None:
        graph.push(None)
        yield from _ready(graph)


def _ready(graph: Any) -> Iterator[Any]:
    with suppress(av.error.BlockingIOError, av.error.EOFError):
        while True:
            yield graph.pull()
