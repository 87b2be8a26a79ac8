"""What becomes of each frame: decided when it comes, by the settings of that moment.

A matte is shown with the picture that it was computed from, and with no other. Where a frame is not computed (every
n-th one is, or those in which something moved, or a still is held), picture and matte of the frame before stay, and the
background goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from time import perf_counter

from background_subtraction.compositing.backgrounds import Background
from background_subtraction.compositing.clean_plate import CleanPlate
from background_subtraction.compositing.similarity import is_similar, seen_of
from background_subtraction.live.settings import Settings
from model_api import Frame, MattingModel, Result
from model_api.mattes.levels_matte import WholeMatte
from model_api.results import StageTimes
from model_api.types import Image

NO_TIMES = StageTimes(0.0, 0.0, 0.0)


class Work(Enum):
    """What is done for a frame."""

    COMPUTE = "compute its matte"
    KEEP = "take the matte of the frame before: the picture is the same"
    PASS = "take all of it for the foreground"


@dataclass(frozen=True, eq=False)
class Ready:
    """Settings, with what they need to be used at once.

    Attributes:
        settings: what is in force.
        background: of `settings.target_bgr`.
        model: of `settings.model`.
    """

    settings: Settings
    background: Background
    model: MattingModel


@dataclass(frozen=True, eq=False)
class Plan:
    """A frame with the settings that it was submitted with.

    Attributes:
        ready: the settings.
        work: what is done.
        source: the frame that came.
        frame: what is shown: its picture, or that of a frame before, with its own number and time.
        age: how many frames ago that picture came.
        seen: what `seen_of` gave of that picture, None where it was not asked for.
    """

    ready: Ready
    work: Work
    source: Frame
    frame: Frame
    age: int = 0
    seen: Image | None = None

    @property
    def has_matte(self) -> bool:
        """Whether a matte of this picture was computed, for this frame or one before."""
        return self.work is not Work.PASS

    @property
    def item(self) -> Frame | Result:
        """What the pipeline gets: the frame to compute, or a result in its place."""
        if self.work is Work.COMPUTE:
            return self.frame
        return Result(self.frame, WholeMatte(self.frame.picture), NO_TIMES, perf_counter())


def plans(frames: Iterable[Frame], current: Callable[[], Ready], plate: CleanPlate) -> Iterator[Plan]:
    """Plan each frame when it comes.

    Args:
        frames: the source's.
        current: the settings of the moment.
        plate: the empty scene, for models that compare with it.
    """
    before: Plan | None = None
    for frame in frames:
        before = planned(frame, current(), before, plate)
        yield before


def planned(frame: Frame, ready: Ready, before: Plan | None, plate: CleanPlate) -> Plan:
    """Plan a frame. before: the plan of the frame before, None for the first one."""
    settings = ready.settings
    seen = seen_of(frame.picture) if settings.skip_similar and not settings.hold else None
    kept = before if before is not None and _keeps_picture(frame, seen, settings, before) else None
    work = _work(ready, kept)
    clip = 0 if before is None else before.frame.clip + _begins_afresh(frame, work, before)
    if kept is None:
        shown = plate.attached(frame, needed=ready.model.needs_clean_plate)
        return Plan(ready, work, frame, replace(shown, clip=clip), 0, seen)
    shown = replace(
        plate.attached(kept.frame, needed=ready.model.needs_clean_plate) if work is Work.COMPUTE else kept.frame,
        index=frame.index,
        timestamp_s=frame.timestamp_s,
        arrived_s=frame.arrived_s,
        decoding_s=frame.decoding_s,
        clip=clip,
    )
    return Plan(ready, work, frame, shown, kept.age + 1, kept.seen)


def _keeps_picture(frame: Frame, seen: Image | None, settings: Settings, before: Plan) -> bool:
    """Whether the picture of the frame before stays."""
    if frame.size != before.frame.size:
        return False
    if settings.hold:
        return True
    if not settings.needs_matte or not before.has_matte or frame.clip != before.source.clip:
        return False
    if before.ready.settings.hold:  # the still is over
        return False
    similar = seen is not None and before.seen is not None and is_similar(seen, before.seen)
    return before.age + 1 < settings.mask_every or similar


def _work(ready: Ready, kept: Plan | None) -> Work:
    if kept is not None and kept.has_matte and kept.ready.model is ready.model:
        return Work.KEEP
    return Work.COMPUTE if ready.settings.needs_matte else Work.PASS


def _begins_afresh(frame: Frame, work: Work, before: Plan) -> bool:
    """Whether a recurrent model must not go on with the state that it has: it is of another time."""
    paused = work is Work.COMPUTE and (before.work is Work.PASS or before.ready.settings.hold)
    return paused or frame.clip != before.source.clip
