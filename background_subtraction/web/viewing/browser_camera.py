"""The camera of a browser as a run of its own: its frames come by WebRTC, and go back over another background."""

from __future__ import annotations

import logging
from itertools import groupby
from time import perf_counter
from typing import Any

from background_subtraction.compositing.clean_plate import CleanPlate
from background_subtraction.live.frames import FinishedFrame, finished_frames
from background_subtraction.live.plans import plans
from background_subtraction.native_thread import NativeThread
from background_subtraction.options import Options
from background_subtraction.report import Report
from background_subtraction.run import load_model, session_of
from background_subtraction.web.viewing.arriving import Arriving
from model_api.bundled import find_model
from model_api.pictures.picture import format_of
from model_api.terminal.foreign_text import error_line

END_S = 10.0

log = logging.getLogger(__name__)


class BrowserCamera:
    """A run of the frames that are put into it, in a thread of its own.

    Attributes:
        session: the door to the run.
        problem: why it ended by itself, "" if it did not.
    """

    def __init__(self, device: str) -> None:
        """Load the model, which takes a second or more. device: where it runs.

        Raises:
            BackgroundSubtractionError: the model cannot be loaded.
        """
        options = Options(model=find_model(None), inputs=("a browser's camera",), device=device)
        self._model = load_model(options, stages=1)
        self.session = session_of(options, self._model, Report(), stages=1)
        self.problem = ""
        self._arriving = Arriving()
        self._plate = CleanPlate(needed=False)
        self._thread = NativeThread(self._run, name="browser's camera")
        self._thread.start()

    def put(self, frame: Any) -> None:
        """Take the next frame, an av.VideoFrame. Those that come too fast are dropped."""
        self._arriving.put(frame)

    def close(self) -> None:
        """End the run, and free its models."""
        self._arriving.end()
        self._thread.joined(END_S)
        self.session.close()
        self._model.close()

    def _run(self) -> None:
        try:
            # Browsers change the size of their frames with the network.
            for size, frames in groupby(self._arriving, lambda frame: frame.size):
                with self.session.stage(size, live=True) as stage:
                    planned = plans(frames, stage.current, self._plate)
                    for finished in finished_frames(planned, newest=True):
                        self._hand_on(finished)
                        stage.delivered(finished.plan.ready)
        except Exception as error:  # whatever it is, the server goes on
            self.problem = error_line(error)
            log.warning("A browser's camera has ended: %s", self.problem)
        finally:
            self.session.frames.end()

    def _hand_on(self, finished: FinishedFrame) -> None:
        received_s = perf_counter()
        frame = finished.composite
        frame.view("composite", format_of(frame.result.frame.picture))
        rendering_s = perf_counter() - received_s
        self.session.report.add(frame.result, rendering_s, 0.0, self._arriving.dropped, self)
        self.session.hand_on(finished)
        if self.session.captures_plate():
            self._plate.capture(finished.plan.frame)
