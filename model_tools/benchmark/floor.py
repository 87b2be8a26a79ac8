"""The floor of the program: the same clip decoded and encoded with the same settings, and nothing in between.

Frames go from the source to the sinks as they were decoded: no network, no compositing. Faster than this the program
cannot be, whatever its network costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from time import perf_counter

from background_subtraction.compositing.composite import size_of_view
from background_subtraction.jobs import Clip, plan
from background_subtraction.options import Options
from background_subtraction.report import STAGES
from background_subtraction.sinks.base import Sink
from background_subtraction.sinks.open import open_sink
from background_subtraction.sinks.writer_thread import WriterThread
from background_subtraction.sources.open import open_source
from background_subtraction.sources.reader_thread import Prefetched
from background_subtraction.thread_budget import shared_cores
from model_api.pictures.picture import Picture, format_of, in_format
from model_api.resize import resize_picture
from model_tools.benchmark.demo import CLOSING, round_options
from model_tools.benchmark.rounds import Job, Play, Round, with_own_cost


@dataclass(frozen=True)
class Copied:
    """What copying a clip cost.

    Attributes:
        frames: how many there were.
        begun_s: when the first one had been decoded, by `perf_counter`.
        handed_over_s: when the writers had been handed the last one.
        decoding_s: the decoder's own work.
        writing_s: that of the slowest writer.
    """

    frames: int
    begun_s: float
    handed_over_s: float
    decoding_s: float
    writing_s: float


@contextmanager
def floor(job: Job) -> Iterator[Play]:
    """The program without a network as a side."""
    options = round_options(job)
    yield with_own_cost(lambda: _round(options))


def _round(options: Options) -> Round:
    """From the moment the first frame has been decoded until the files are whole, as the program's own rounds."""
    clips = plan(options.inputs, options.outputs, options.encoding, options.selection)
    with shared_cores(), ThreadPoolExecutor(options.jobs, "clip") as pool:
        copied = list(pool.map(lambda clip: copy_clip(clip, options), clips))
    ended_s = perf_counter()
    frames = sum(each.frames for each in copied)
    seconds = ended_s - min(each.begun_s for each in copied)
    spent_s = {
        **dict.fromkeys(STAGES, 0.0),
        "Decoding": sum(each.decoding_s for each in copied),
        "Writing": sum(each.writing_s for each in copied),
        CLOSING: ended_s - max(each.handed_over_s for each in copied),
    }
    stages_ms = {stage: stage_s / frames * 1000 for stage, stage_s in spent_s.items()}
    return Round(frames, frames / seconds, stages_ms=stages_ms)


def copy_clip(clip: Clip, options: Options) -> Copied:
    """Write the frames of a clip into its outputs as they are, each output in a thread of its own, as the program does.

    Args:
        clip: the input and its outputs.
        options: how they are read and written.

    Raises:
        SourceError: it cannot be read.
        SinkError: an output cannot be written.
    """
    with ExitStack() as stack:
        source = stack.enter_context(open_source(clip.address, selection=options.selection))
        opened = [
            (output.view, WriterThread(open_sink(output, options.encoding, source.info), source.info.rate))
            for output in clip.outputs
        ]
        sinks = [(view, stack.enter_context(sink)) for view, sink in opened]
        reader = stack.enter_context(Prefetched(source, options.ahead))
        begun_s, frames, decoding_s = 0.0, 0, 0.0
        for frame in islice(reader, options.encoding.limit or None if sinks else None):
            begun_s = begun_s or perf_counter()
            for view, sink in sinks:
                aspect = source.info.form.pixel_aspect if sink.square_pixels else Fraction(1)
                size = size_of_view(view, source.info.size, options.encoding.resolution, aspect)
                sink.write(as_taken(resize_picture(frame.picture, size), sink), frame.index, frame.timestamp_s)
            frames, decoding_s = frames + 1, decoding_s + frame.decoding_s
        handed_over_s = perf_counter()
    return Copied(frames, begun_s, handed_over_s, decoding_s, _slowest_s([sink for _, sink in sinks]))


def _slowest_s(sinks: Sequence[WriterThread]) -> float:
    return max((sink.busy_s for sink in sinks), default=0.0)


def as_taken(picture: Picture, sink: Sink) -> Picture:
    """The frame's own planes if the sink takes them, else BGR."""
    own = format_of(picture)
    return in_format(picture, own if own and sink.takes(own) else None)
