"""The way of every frame: planned, computed, masked, framed; with the settings that it was submitted with."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

from background_subtraction.compositing.composite import CompositeFrame
from background_subtraction.compositing.framing import WHOLE, Framing, followed, seen_through
from background_subtraction.compositing.masks import SteadyMask, reshaped, steadied
from background_subtraction.live.plans import Plan, Work
from model_api import AsyncPipeline, MattingModel, Result
from model_api.mattes.levels_matte import LevelsMatte, WholeMatte


@dataclass(frozen=True, eq=False)
class FinishedFrame:
    """A frame over its background.

    Attributes:
        plan: its settings, and what was decided.
        computed: the network's own answer, or that of the frame whose picture is shown.
        composite: what is shown and written.
    """

    plan: Plan
    computed: Result
    composite: CompositeFrame


@dataclass(frozen=True, eq=False)
class _Carried:
    """What a frame leaves to the next one."""

    plan: Plan | None = None
    computed: Result | None = None
    mask: SteadyMask | None = None
    framing: Framing | None = None


def finished_frames(
    plans: Iterable[Plan], *, newest: bool = False, scene_cuts: bool = True, pixel_aspect: Fraction = Fraction(1)
) -> Iterator[FinishedFrame]:
    """Compute and composite frames, in order. Where the model changes, the new one begins with a fresh state.

    Args:
        plans: as `plans.plans` gives them.
        newest: see `AsyncPipeline`.
        scene_cuts: see `AsyncPipeline`.
        pixel_aspect: the width of the frames' pixels by their height.

    Raises:
        InferenceError: the device failed.
        Exception: an error of the source, after the frames before it.
    """
    before = _Carried()
    for model, group in groupby(plans, lambda plan: plan.ready.model):
        for plan, result in _computed(model, group, newest=newest, scene_cuts=scene_cuts):
            shown, before = _shown(plan, result, before)
            assert before.computed is not None
            yield FinishedFrame(plan, before.computed, CompositeFrame(shown, plan.ready.background, pixel_aspect))


def _computed(
    model: MattingModel, group: Iterator[Plan], *, newest: bool, scene_cuts: bool
) -> Iterator[tuple[Plan, Result]]:
    computing: deque[Plan] = deque()  # itertools.tee would keep 57 of them
    pipeline = AsyncPipeline(model, newest=newest, scene_cuts=scene_cuts)
    for result in pipeline.run(plan.item for plan in _noted(group, computing)):
        yield computing.popleft(), result


def _noted(group: Iterator[Plan], computing: deque[Plan]) -> Iterator[Plan]:
    for plan in group:
        computing.append(plan)
        yield plan


def _shown(plan: Plan, result: Result, before: _Carried) -> tuple[Result, _Carried]:
    """The frame as it is shown, and what the next one needs."""
    if plan.work is Work.KEEP and before.computed is not None:
        result = replace(result, matte=before.computed.matte)
    settings, is_new_clip = plan.ready.settings, before.plan is None or plan.frame.clip != before.plan.frame.clip
    masked, mask = (result, None) if not plan.has_matte else _masked(plan, result, None if is_new_clip else before.mask)
    framing = _framing(plan, masked, before)
    whole = masked if settings.effect else replace(masked, matte=WholeMatte(masked.frame.picture))
    view = framing.view if framing else WHOLE
    return seen_through(whole, view, mirror=settings.mirror), _Carried(plan, result, mask, framing)


def _masked(plan: Plan, result: Result, before: SteadyMask | None) -> tuple[Result, SteadyMask | None]:
    options, picture = plan.ready.settings.mask, result.frame.picture
    if not options.changes:
        return result, None
    steady = steadied(result.matte.levels, picture, before, options.steadiness)
    return replace(result, matte=LevelsMatte(picture, reshaped(steady.levels, options))), steady


def _framing(plan: Plan, result: Result, before: _Carried) -> Framing | None:
    """None where the whole frame is seen, and nothing moves."""
    settings = plan.ready.settings
    if before.plan is None:
        return followed(None, result.matte.levels, settings.zoom) if settings.framing else None
    if not settings.framing and before.framing is None:
        return None
    seconds = float(plan.frame.timestamp_s - before.plan.frame.timestamp_s)
    framing = followed(before.framing or Framing(), result.matte.levels, settings.zoom, seconds)
    return framing if settings.framing or framing.view != WHOLE else None
