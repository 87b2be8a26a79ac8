"""What a pipeline yields for each frame."""

from __future__ import annotations

from dataclasses import dataclass

from model_api.mattes.matte import Matte
from model_api.types import Frame


@dataclass(frozen=True)
class StageTimes:
    """Seconds that one frame spent in each stage, without the time in which it waited for other frames."""

    preprocessing_s: float
    inference_s: float
    postprocessing_s: float


@dataclass(frozen=True, eq=False)
class Result:
    """A frame and its matte.

    Attributes:
        frame: the frame.
        matte: its matte.
        times: seconds in each stage.
        started_s: `time.perf_counter()` when the pipeline took the frame.
    """

    frame: Frame
    matte: Matte
    times: StageTimes
    started_s: float
