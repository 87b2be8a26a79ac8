"""The same cases under harder conditions: in other light, or right after another image."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from model_api.pictures.picture import bgr_of
from model_api.resize import cover
from model_api.types import Frame, Image
from model_tools.evaluate.datasets import Case, Still, Truth
from model_tools.evaluate.degradations import DEGRADATIONS
from model_tools.evaluate.results import CLEAN

CUT = "cut"


@dataclass(frozen=True)
class Degraded:
    """A case whose frames and plates are degraded. It is compared with the truth of the clean one.

    The noise follows from the case's name, the degradation and the frame's index: it is the same for every model.
    """

    case: Case
    degradation: str

    @property
    def name(self) -> str:
        return self.case.name

    def frames(self, *, plates: bool) -> Iterator[Frame]:
        for frame in self.case.frames(plates=plates):
            plate = frame.clean_plate
            worse_plate = None if plate is None else self._degraded(bgr_of(plate), "plate")
            yield replace(frame, picture=self._degraded(frame.image, str(frame.index)), clean_plate=worse_plate)

    def truths(self) -> Iterator[Truth | None]:
        """Those of the clean frames, without the foreground, whose colours have changed."""
        for frame, truth in zip(self.case.frames(plates=False), self.case.truths(), strict=True):
            yield truth and replace(truth, foreground=None, image=frame.image)

    def _degraded(self, image: Image, which: str) -> Image:
        seed = zlib.crc32(f"{self.name}/{self.degradation}/{which}".encode())
        return DEGRADATIONS[self.degradation](image, np.random.default_rng(seed))


@dataclass(frozen=True)
class AfterCut:
    """A still that comes right after another one, as a cut in a film: the state is not fresh. Each has its passes."""

    still: Still
    before: Still

    @property
    def name(self) -> str:
        return self.still.name

    def frames(self, *, plates: bool) -> Iterator[Frame]:
        """The one before covers the still's size: with another size the state would begin afresh."""
        own = list(self.still.frames(plates=plates))
        earlier = [
            replace(frame, picture=cover(frame.picture, own[0].size)) for frame in self.before.frames(plates=plates)
        ]
        return (replace(frame, index=index) for index, frame in enumerate([*earlier, *own]))

    def truths(self) -> Iterator[Truth | None]:
        yield from [None] * self.before.passes
        yield from self.still.truths()


def under_conditions(
    cases: Sequence[Case], degradations: Sequence[str], cuts: Sequence[AfterCut]
) -> dict[str, Sequence[Case]]:
    """Condition -> the cases under it, the clean ones first."""
    degraded = {name: [Degraded(case, name) for case in cases] for name in degradations}
    return {CLEAN: cases, **degraded, **({CUT: cuts} if cuts else {})}


def after_cuts(stills: Sequence[Still]) -> list[AfterCut]:
    """Each after the one before it in the list, the first after the last."""
    return [AfterCut(still, before) for still, before in zip(stills, [stills[-1], *stills[:-1]], strict=True)]
