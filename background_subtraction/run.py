"""The story of one run, from the first frame to the report."""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Event
from time import perf_counter

from tqdm import tqdm

from background_subtraction.compositing.backgrounds import open_background
from background_subtraction.compositing.clean_plate import open_clean_plate
from background_subtraction.compositing.composite import Picture
from background_subtraction.frame_log import raw_lines
from background_subtraction.jobs import Clip, plan
from background_subtraction.options import Options
from background_subtraction.preview.window import Window
from background_subtraction.report import Report
from background_subtraction.sinks.outputs import Outputs
from background_subtraction.sources.open import open_source
from background_subtraction.sources.reader_thread import Newest, Prefetched
from background_subtraction.thread_budget import shared_cores
from model_api import AsyncPipeline, MattingModel, create_model
from model_api.interruptible import SLICE_S

log = logging.getLogger(__name__)


def run(options: Options, report: Report, model: MattingModel | None = None) -> None:
    """Every frame of every input, over its own background, to the window and to the outputs.

    model: a loaded one, else the one that the options name. Whatever ends the run, an error or an interruption,
    what was written until then is made whole.
    """
    clips = plan(options.inputs, options.outputs, options.encoding)
    with ExitStack() as stack:
        stack.enter_context(shared_cores())
        if model is None:
            model = stack.enter_context(
                create_model(
                    options.model,
                    options.device,
                    inference=options.inference,
                    override=options.override,
                    options=options.model_options,
                    adapter=options.adapter,
                )
            )
        for name in () if model.detects else options.for_detection:
            log.warning(f"{name} is for instance segmentation: a matting model has no use for it")
        window = stack.enter_context(Window(options.window)) if options.window else None
        if options.jobs > 1:
            _run_together(clips, options, report, model)
            return
        for clip in clips:
            report.next_clip()
            run_clip(clip, options, report, model, window)
            if window and window.closed:
                return


def run_clip(
    clip: Clip,
    options: Options,
    report: Report,
    model: MattingModel,
    window: Window | None = None,
    stop: Event | None = None,
) -> None:
    """One input from its first frame to its last, or until the user or `stop` ends it."""
    with ExitStack() as stack:
        source = stack.enter_context(open_source(clip.address, options.loop, options.selection))
        background = stack.enter_context(open_background(options.target_bgr, options.blur_bgr))
        plate = open_clean_plate(options.clean_plate, source.info, model.needs_clean_plate, window is not None)
        model.compile_for(source.info.size)
        outputs = stack.enter_context(Outputs(clip.outputs, options.encoding, source.info, options.virtual_camera))
        drops = source.info.drops
        reader = stack.enter_context(Newest(source) if drops else Prefetched(source, options.ahead))
        frames = plate.attach(reader)
        disabled = None if options.progress is None else not options.progress
        progress = stack.enter_context(tqdm(total=source.info.frames, unit="frame", disable=disabled))

        for result in AsyncPipeline(model, newest=drops, scene_cuts=options.scene_cuts).run(frames):
            received_s = perf_counter()
            picture = Picture(result, background.at(result))
            picture.render(outputs.views)
            rendered_s = perf_counter()
            outputs.write(picture)
            report.add(result, rendered_s - received_s, outputs.busy_s)
            report.dropped = reader.dropped
            if window:
                window.show(picture, report, plate.capture)
            progress.update()
            if not progress.disable:
                progress.set_postfix_str(outputs.size, refresh=False)
            if options.raw_output:
                for line in raw_lines(result):
                    log.info(line)
            if (window.closed if window else outputs.full) or (stop and stop.is_set()):
                return
        outputs.finish()
        if window and source.info.frames == 1:
            window.hold(picture, report)


def _run_together(clips: list[Clip], options: Options, report: Report, model: MattingModel) -> None:
    """`options.jobs` clips at once on one model. The first error ends all of them."""
    stop = Event()
    reports = [Report() for _ in clips]
    with ThreadPoolExecutor(options.jobs, "clip") as pool:
        runs: list[Future[None]] = []
        try:
            for clip, own in zip(clips, reports, strict=True):
                runs.append(pool.submit(run_clip, clip, options, own, model, None, stop))
            _until_the_end_or_an_error(runs)
        finally:
            stop.set()
            for waiting in runs:
                waiting.cancel()
            wait(runs)
            for own in reports:
                report.merge(own)
    for ended in runs:
        ended.result()


def _until_the_end_or_an_error(runs: list[Future[None]]) -> None:
    """In slices of time, so that Ctrl-C is noticed at once: see `model_api.interruptible`."""
    running: set[Future[None]] = set(runs)
    while running:
        done, running = wait(runs, SLICE_S, FIRST_EXCEPTION)
        if any(run.exception() for run in done):
            return
