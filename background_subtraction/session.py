"""The story of one run, from the first frame to the report."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from time import perf_counter

import numpy as np
from tqdm import tqdm

from background_subtraction.backgrounds import open_background
from background_subtraction.clean_plate import open_clean_plate
from background_subtraction.options import Options
from background_subtraction.pictures import Picture, laid_out
from background_subtraction.prefetch import Prefetched
from background_subtraction.report import Report
from background_subtraction.sinks import open_sink
from background_subtraction.sources import open_source
from background_subtraction.window import Window
from model_api import AsyncPipeline, Result, create_model

log = logging.getLogger(__name__)


def run(options: Options, report: Report) -> None:
    """Every frame of the input, over its own background, to the window and to the output.

    Whatever ends the run, an error or an interruption, what was written until then is made whole.
    """
    for note in options.notes:
        log.warning(note)
    with ExitStack() as stack:
        source = stack.enter_context(open_source(options.input, options.loop))
        model = stack.enter_context(
            create_model(options.model, options.device, options.inference, options.override, options.model_options)
        )
        background = stack.enter_context(open_background(options.target_bgr, options.blur_bgr))
        plate = open_clean_plate(options.clean_plate, source.info, model.needs_clean_plate, bool(options.window))
        window = stack.enter_context(Window(options.window, plate.capture)) if options.window else None
        sink = stack.enter_context(open_sink(options.output, source.info, options.output_limit))
        model.prepare(source.info.size)
        frames = plate.attach(stack.enter_context(Prefetched(source)))
        progress = stack.enter_context(tqdm(total=source.info.frames, unit="frame", disable=None))

        for result in AsyncPipeline(model).run(frames):
            received_s = perf_counter()
            picture = Picture(result, background.at(result))
            shown = laid_out(picture, options.view, options.resolution)
            rendered_s = perf_counter()
            sink.write(shown, picture.index, picture.timestamp_s)
            report.add(result, rendered_s - received_s, perf_counter() - rendered_s)
            if window:
                window.show(picture, report)
            progress.update()
            if options.raw_output:
                log.info(alpha_histogram(result))
            if window.closed if window else sink.full:
                return
        if window and source.info.frames == 1:
            window.hold(picture, report)


def alpha_histogram(result: Result) -> str:
    """How much of the frame is background, edge and person, in ten steps of alpha."""
    counts, _ = np.histogram(result.matte.alpha, bins=10, range=(0, 1))
    shares = " ".join(f"{share:5.1%}" for share in counts / counts.sum())
    return f"Frame {result.frame.index}: alpha 0..1 in tenths: {shares}"
