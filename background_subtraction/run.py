"""The story of one run, from the first frame to the report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Protocol

from background_subtraction.checks import check_background, check_clip, check_source, warn_of_unused
from background_subtraction.compositing.clean_plate import CleanPlate, open_clean_plate
from background_subtraction.jobs import Clip, plan
from background_subtraction.live.frames import FinishedFrame, finished_frames
from background_subtraction.live.keys import commands
from background_subtraction.live.plans import plans
from background_subtraction.live.session import Session
from background_subtraction.options import Options
from background_subtraction.preview.frame_log import raw_lines
from background_subtraction.preview.system_monitor import Monitors
from background_subtraction.preview.window import Window
from background_subtraction.progress import ClipProgress, Progress
from background_subtraction.protection import require_nothing_lost
from background_subtraction.report import Report
from background_subtraction.sinks.outputs import Outputs
from background_subtraction.sources.base import Closing, Source
from background_subtraction.sources.open import open_source, require_input
from background_subtraction.sources.reader_thread import Newest, Prefetched
from background_subtraction.thread_budget import shared_cores
from background_subtraction.unreadable import Unreadable
from model_api import MattingModel, create_model
from model_api.bundled import find_model
from model_api.graph.precision import AUTO
from model_api.interruptible import HeldInterruption

STAGES = 2
"""Of a recurrent network, where frames may wait for each other. More of them did not pay: benchmarks/RESULTS.md."""

log = logging.getLogger(__name__)


def run(options: Options, report: Report, model: MattingModel | None = None) -> None:
    """Put every frame of every input over its background, into the window and the outputs: one input after another.

    Whatever ends the run, an error or an interruption, what was written until then is closed and plays.

    Args:
        options: what to do.
        report: counts the frames, also where the run ends with an error.
        model: a loaded model, None to load the one that the options name.

    Raises:
        SourceError: some inputs cannot be read. The others were done.
        BackgroundSubtractionError: something cannot be computed, shown or written.
    """
    with prepare(options, report, model) as start:
        start()


@dataclass(frozen=True, eq=False)
class Start:
    """Starts a run when it is called; see `run`.

    Attributes:
        session: the door to it, for other threads: settings in, frames and figures out.
        total: how many frames there will be, None where nobody knows.
    """

    session: Session
    total: int | None
    _run: Callable[[], None]

    def __call__(self) -> None:
        """Run from the first frame to the last one."""
        self._run()


@contextmanager
def prepare(options: Options, report: Report, model: MattingModel | None = None) -> Iterator[Start]:
    """Check inputs, outputs and the display, then load the model. Yield what starts the run; see `run`."""
    clips = plan(options.inputs, options.outputs, options.encoding, options.selection)
    require_nothing_lost(clips, options)
    monitors = Monitors(set(options.monitors))
    with ExitStack() as stack:
        stack.enter_context(shared_cores())
        check_background(options)
        unreadable = Unreadable(len(clips))
        clips, first, totals = stack.enter_context(_checked(clips, options, unreadable))
        window = Window(options.window, monitors) if options.window else None
        stages = 1 if first.info.drops else STAGES
        if model is None:
            model = stack.enter_context(load_model(options, stages))
            model.compile_for(first.info.size)
        warn_of_unused(options, model)
        if window:
            stack.enter_context(window)
        progress = stack.enter_context(Progress(totals, show=options.progress))
        session = stack.enter_context(closing(session_of(options, model, report, stages)))
        if window:
            window.add(commands(session))
        run = Run(options, report, session, model, progress, monitors, window)
        total = None if None in totals else sum(frames or 0 for frames in totals)
        yield Start(session, total, partial(run.in_turn, clips, first, unreadable))


@contextmanager
def _checked(
    clips: list[Clip], options: Options, unreadable: Unreadable
) -> Iterator[tuple[list[Clip], Source, list[int | None]]]:
    """Yield the clips that can be read, the source of the first one, and how many frames each has."""
    for clip in clips:
        require_input(clip.address)
    readable: list[Clip] = []
    totals: list[int | None] = []
    with ExitStack() as stack:
        first: Source | None = None
        for clip in clips:
            with unreadable.passed_over():
                if first is None:
                    # A camera, a pipe or a stream is opened once: this source stays open for the first clip.
                    first = stack.enter_context(_open(clip, options))
                    totals.append(check_source(first, clip, options))
                else:
                    totals.append(check_clip(clip, options))
                readable.append(clip)
        if first is None:  # every one has its error
            unreadable.require_none()
        assert first is not None
        yield readable, first, totals


def load_model(options: Options, stages: int = STAGES) -> MattingModel:
    """Load the model that the options name. Raises what `create_model` raises.

    The precision is chosen for this processor, if the options name none.

    Args:
        options: what to do.
        stages: see `InferenceOptions`, if the options name none. 1 where each frame is wanted as soon as it can be.
    """
    inference = options.inference
    return create_model(
        options.model,
        options.device,
        inference=replace(inference, precision=inference.precision or AUTO, stages=inference.stages or stages),
        override=options.override,
        options=options.model_options,
        adapter=options.adapter,
    )


def session_of(options: Options, model: MattingModel, report: Report, stages: int = STAGES) -> Session:
    """The door to a run, with the settings that it begins with. It must be closed. stages: see `load_model`."""
    return Session(options.settings, model, partial(_another_model, options, stages), report, options.device)


def _another_model(options: Options, stages: int, name: str) -> MattingModel:
    """Load a model while the run goes on, on the same device. name: as `Settings.model` has it."""
    file = find_model(name or None, has_clean_plate=options.clean_plate is not None)
    adapter = "openvino" if Path(file).exists() else options.adapter
    return load_model(replace(options, model=file, adapter=adapter), stages)


class Stop(Protocol):
    """An event of threads or of processes."""

    def is_set(self) -> bool:
        """Whether clips are to end after the frame that is being written."""


@dataclass(frozen=True, eq=False)
class Run:
    """What the clips of a run share.

    Args:
        options: what to do.
        report: counts the frames.
        session: the settings, and the frames for those who watch.
        model: it, loaded.
        progress: shows them.
        monitors: measure how busy the machine is.
        window: None for none.
        stop: set from elsewhere, it ends a clip after the frame that is being written.
    """

    options: Options
    report: Report
    session: Session
    model: MattingModel
    progress: ClipProgress
    monitors: Monitors
    window: Window | None = None
    stop: Stop = field(default_factory=Event)

    def in_turn(self, clips: list[Clip], first: Source, unreadable: Unreadable) -> None:
        """One clip after another. first: the source of the first one."""
        try:
            for clip in clips:
                with unreadable.passed_over():
                    self.clip(clip, first if clip is clips[0] else None)
                if self.window and self.window.closed:
                    break
        finally:
            self.report.resources = self.monitors.means()
        unreadable.require_none()

    def clip(self, clip: Clip, opened: Source | None = None) -> None:
        """One input from its first frame to its last, or until the user or `stop` ends it.

        Args:
            clip: the input and its outputs.
            opened: its source, where it is open already. It is closed here.
        """
        options, model = self.options, self.model
        with HeldInterruption() as held, ExitStack() as stack:
            source = stack.enter_context(opened or _open(clip, options))
            self.progress.begin(clip.name)
            needed, interactive = model.needs_clean_plate, self.window is not None
            plate = open_clean_plate(options.clean_plate, source.info, needed=needed, interactive=interactive)
            model.compile_for(source.info.size)
            outputs = Outputs(clip.outputs, options.encoding, source.info, options.devices)
            stack.callback(lambda: self.report.kept.extend(outputs.kept()))
            stack.enter_context(outputs)
            drops, turn = source.info.drops, object()  # the report may live longer than the outputs
            reader = stack.enter_context(
                Newest(source, self._goes_on)
                if drops
                else Prefetched(source, options.ahead, self._goes_on, live=source.info.live)
            )
            if isinstance(source, Closing):
                source.rest_while(partial(self._nobody_watches, outputs))

            aspect = source.info.form.pixel_aspect
            elapsed_s = source.info.elapsed_s
            stage = stack.enter_context(
                self.session.stage(source.info.size, live=drops, pixel_aspect=aspect, elapsed_s=elapsed_s)
            )
            planned = plans(reader, stage.current, plate)
            shown = finished_frames(planned, newest=drops, scene_cuts=options.scene_cuts, pixel_aspect=aspect)
            finished = None
            try:
                for finished in shown:
                    received_s = perf_counter()
                    frame = finished.composite
                    outputs.render(frame)
                    rendering_s = perf_counter() - received_s
                    outputs.write(frame)
                    self.report.add(frame.result, rendering_s, outputs.busy_s, reader.dropped, turn)
                    self.session.hand_on(finished)
                    self._show(finished, plate, outputs, goes_on=drops or bool(options.devices))
                    stage.delivered(finished.plan.ready)
                    if (self.window.closed if self.window else outputs.full) or self.stop.is_set():
                        return
                outputs.finish()
                if self.window and finished and source.info.frames == 1:
                    self.window.hold(finished.composite, self.report)
            finally:
                held.begin()  # until all is closed

    def _show(self, finished: FinishedFrame, plate: CleanPlate, outputs: Outputs, *, goes_on: bool) -> None:
        """In the window, the progress bar and the log."""
        self.monitors.sample()
        capture = partial(plate.capture, finished.plan.frame)
        if self.session.captures_plate():
            capture()
        if self.window:
            self.window.show(finished.composite, self.report, capture, goes_on=goes_on)
        self.progress.update(outputs)
        for line in raw_lines(finished.computed) if self.options.raw_output else ():
            log.info(line)

    def _goes_on(self) -> bool:
        """While no frame comes, the window obeys."""
        if self.window:
            self.window.refresh()
        return not (self.stop.is_set() or (self.window and self.window.closed))

    def _nobody_watches(self, outputs: Outputs) -> bool:
        return self.window is None and not len(self.session.frames) and outputs.unwatched


def _open(clip: Clip, options: Options) -> Source:
    return open_source(clip.address, loop=options.loop, selection=options.selection)
