"""The door to a run that goes on: its settings are put and read here, its frames and figures are watched.

with prepare(options, report) as run:       # background_subtraction.run
    session = run.session
    session.change({"mask": {"grow_px": 2}})    # from any thread, while another one calls run()
    with session.frames.subscribe() as frames:
        delivered = frames.next(timeout_s=1)     # .composite, .index, .settings, .latency_s
    session.statistics()
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from threading import Event, RLock
from time import perf_counter
from typing import Any

from background_subtraction.compositing.backgrounds import open_background
from background_subtraction.live.frames import FinishedFrame
from background_subtraction.live.models import Models
from background_subtraction.live.settings import Settings, changed
from background_subtraction.live.stage import Stage
from background_subtraction.live.subscribers import Delivered, Subscribers
from background_subtraction.report import Report
from model_api import MattingModel
from model_api.bundled import find_model
from model_api.pictures.picture import format_of
from model_api.types import Size

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statistics:
    """What a run does at the moment.

    Attributes:
        frames: how many were delivered.
        dropped: how many came while another one was worked on.
        fps: frames per second over the last ones.
        latency_ms: from arrival to delivery, the mean over the last frames.
        median_ms: the median of all latencies.
        p99_ms: their 99th percentile.
        device: where the model runs.
        size: (width, height) of the frames, None before the first one.
        model: the one that runs.
        loading: the model that is being compiled, "" for none.
        problem: the last change that could not be made, "" for none.
        watching: how many viewers there are.
    """

    frames: int
    dropped: int
    fps: float
    latency_ms: float
    median_ms: float
    p99_ms: float
    device: str
    size: Size | None
    model: str
    loading: str
    problem: str
    watching: int


class Session:
    """What one run has for all its clips. Everything may be called from any thread.

    Attributes:
        frames: finished frames, for those who watch.
        report: what the run cost so far.
    """

    def __init__(
        self,
        settings: Settings,
        model: MattingModel,
        load: Callable[[str], MattingModel],
        report: Report | None = None,
        device: str = "CPU",
    ) -> None:
        """Begin with settings.

        Args:
            settings: the first ones.
            model: that of `settings.model`, loaded.
            load: opens another model by its name.
            report: counts the frames.
            device: where models run, for `statistics`.
        """
        self.frames = Subscribers()
        self.report = report or Report()
        self._device = device
        self._settings = settings
        self._running = (settings.model, model)
        self._models = Models(settings.model, model, load)
        self._stages: list[Stage] = []
        self._size: Size | None = None
        self._problem = ""
        self._capture = Event()
        self._putting = RLock()
        """One change at a time. What opens a background, in the thread of whoever puts, is within."""

    @property
    def settings(self) -> Settings:
        """What was put last. Its model may still be compiling: see `Statistics.loading`."""
        return self._settings

    def put(self, settings: Settings) -> None:
        """Use other settings from the next frame on.

        A background is opened before this call returns. A model is compiled beside the one that runs, and taken when
        it is ready; if it cannot be, the log and `statistics` say so, and the one that runs stays.

        Args:
            settings: all of them.

        Raises:
            OptionError: no such background or model. All stays as it was.
            SourceError: the background cannot be read. All stays as it was.
        """
        with self._putting:
            self._put(settings)

    def change(self, changes: Mapping[str, Any]) -> Settings:
        """Change some settings, and leave the others as they are.

        Args:
            changes: name -> value; see `settings.changed`.

        Returns:
            All settings.

        Raises:
            OptionError: see `put`; or a name that no setting has, or a value that it does not take.
            SourceError: see `put`.
        """
        return self.update(lambda settings: changed(settings, changes))

    def update(self, change: Callable[[Settings], Settings]) -> Settings:
        """Make settings of the present ones: no change of another thread comes between. Raises as `put` does."""
        with self._putting:
            self._put(change(self._settings))
            return self._settings

    def capture_plate(self) -> None:
        """Take the next frame for the empty scene, for models that compare with it."""
        self._capture.set()

    def captures_plate(self) -> bool:
        """Whether `capture_plate` was called, since this was asked last. The run asks."""
        wanted = self._capture.is_set()
        self._capture.clear()
        return wanted

    def hand_on(self, finished: FinishedFrame) -> None:
        """Give a frame to those who watch, if somebody wants one: the composite in the form that the source has."""
        now_s = perf_counter()
        if self.frames.is_due(now_s):
            frame, arrived_s = finished.composite, finished.plan.frame.arrived_s or finished.composite.result.started_s
            composite = frame.view("composite", format_of(frame.result.frame.picture))
            self.frames.put(Delivered(composite, finished.plan, perf_counter() - arrived_s), now_s)

    def statistics(self) -> Statistics:
        """The figures of this moment."""
        fps, latency_s = self.report.recent()
        median_s, p99_s = (self.report.latencies.percentile(share) for share in (0.5, 0.99))
        return Statistics(
            frames=self.report.frames,
            dropped=self.report.dropped,
            fps=fps,
            latency_ms=latency_s * 1000,
            median_ms=median_s * 1000,
            p99_ms=p99_s * 1000,
            device=self._device,
            size=self._size,
            model=self._running[0],
            loading="" if self._settings.model == self._running[0] else self._settings.model,
            problem=self._problem,
            watching=len(self.frames),
        )

    def stage(
        self,
        size: Size,
        *,
        live: bool = False,
        pixel_aspect: Fraction = Fraction(1),
        elapsed_s: Fraction = Fraction(0),
    ) -> Stage:
        """Open a stage: the settings of one clip, with what they need. It is a context manager.

        Args:
            size: (width, height) of its frames.
            live: see `open_background`.
            pixel_aspect: see `open_background`.
            elapsed_s: see `open_background`.

        Raises:
            OptionError: no such background.
            SourceError: the background cannot be read.
        """
        with self._putting:
            self._size = size
            name, model = self._running
            settings = replace(self._settings, model=name)
            stage = Stage(
                settings,
                model,
                live=live,
                pixel_aspect=pixel_aspect,
                elapsed_s=elapsed_s,
                delivered=self._sweep,
                left=self._leave,
            )
            self._stages.append(stage)
            return stage

    def close(self) -> None:
        """The run is over: nobody gets a frame any more, and models that were opened here are closed."""
        self.frames.end()
        self._models.close()

    def _put(self, settings: Settings) -> None:
        before, (name, model) = self._settings, self._running
        if settings.model not in (before.model, name):
            find_model(settings.model or None)  # raises for a name that no model has
        if not self._stages and settings.target_bgr != before.target_bgr:
            with open_background(settings.target_bgr):
                """It can be read, when the first frame comes."""
        self._use(replace(settings, model=name), model)
        self._settings, self._problem = settings, ""
        if settings.model not in (before.model, name):
            self._models.request(settings.model, self._size, self._take, self._refuse)

    def _use(self, settings: Settings, model: MattingModel) -> None:
        """On all stages, or, after an error, on none."""
        with ExitStack() as undo:
            prepared = []
            for stage in self._stages:
                prepared.append((stage, stage.prepared(settings, model)))
                undo.callback(stage.discard, prepared[-1][1])
            undo.pop_all()
        for stage, ready in prepared:
            stage.use(ready)

    def _take(self, name: str, model: MattingModel) -> None:
        """A model has been compiled. It is not used if other settings have come meanwhile."""
        with self._putting:
            if self._settings.model == name != self._running[0]:
                self._use(replace(self._settings, model=name), model)
                self._running = (name, model)
                log.info("Model %s runs now", name or "by default")
        self._sweep()

    def _refuse(self, name: str, reason: str) -> None:
        with self._putting:
            self._problem = f"Model {name} cannot be used: {reason}"
            log.warning("%s. The one before goes on", self._problem.rstrip("."))
            if self._settings.model == name:
                self._settings = replace(self._settings, model=self._running[0])

    def _sweep(self) -> None:
        """Close models that no frame needs. No frame waits for a change that is being made: the next one does it."""
        if self._models.opened and self._putting.acquire(blocking=False):
            try:
                used = [self._running[1], *(model for stage in self._stages for model in stage.models)]
                self._models.close_all_but(used)
            finally:
                self._putting.release()

    def _leave(self, stage: Stage) -> None:
        with self._putting:
            self._stages.remove(stage)
