"""The loop that every run goes through: frames in, mattes out, in order, while the device works."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from model_api.adapters.base import Outputs
from model_api.arrays import described
from model_api.errors import OptionError
from model_api.models.base import MattingModel
from model_api.pipelines.scene_cuts import Scene, follow, thumbnail_of
from model_api.results import Result, StageTimes
from model_api.types import Frame, Tensors


@dataclass(frozen=True, eq=False)
class _Pending:
    frame: Frame
    tensors: Tensors
    ticket: Any
    started_s: float
    preprocessing_s: float


@dataclass(frozen=True, eq=False)
class _Answered:
    item: _Pending
    outputs: Outputs


class AsyncPipeline:
    """While one frame is computed, the next one is prepared and the one before is used by the caller.

    newest: for sources that go on by themselves. What was found in a frame is given at once, and the next one is taken
    after that: nothing is overlapped, and no frame grows old while it waits.
    scene_cuts: whether a recurrent model starts afresh at a hard cut too; see `scene_cuts`.
    """

    def __init__(self, model: MattingModel, newest: bool = False, *, scene_cuts: bool = True) -> None:
        self._model = model
        self._newest = newest
        self._scene_cuts = scene_cuts and model.recurrent

    def run(self, frames: Iterable[Frame]) -> Iterator[Result]:
        """One result for each frame, in the frames' order.

        A recurrent model gets each frame with the state of the frame just before it in the same clip, and
        starts afresh when the clip or the frame's size changes, and at hard cuts. Errors of the device are raised
        here, and those of the source too, after the results of the frames that it gave before.
        """
        pending: deque[_Pending] = deque()
        state: Tensors = {}
        scene: Scene | None = None
        clip: object = None
        source = _UntilError(frames)
        for frame in source:
            started_s = perf_counter()
            _require_frame(frame)
            tensors = self._model.encode(frame)
            new_clip = clip != (clip := (frame.clip, frame.size))
            cut, scene = self._compare(None if new_clip else scene, tensors)
            preprocessing_s = perf_counter() - started_s
            depth = self._model.depth(tensors)
            answered = []
            while len(pending) >= depth:
                answered.append(self._answered(pending.popleft()))
                state = self._model.state(answered[-1].outputs.tensors)
            if new_clip or cut:
                state = {}
            ticket = self._model.adapter.start({**tensors, **state})
            pending.append(_Pending(frame, tensors, ticket, started_s, preprocessing_s))
            yield from map(self._result, answered)  # while the device works at the next one
            while self._newest and pending:
                last = self._answered(pending.popleft())
                state = self._model.state(last.outputs.tensors)
                yield self._result(last)
        while pending:
            yield self._result(self._answered(pending.popleft()))
        source.raise_error()

    def _compare(self, scene: Scene | None, tensors: Tensors) -> tuple[bool, Scene | None]:
        """Whether this frame begins another scene, and what the next frame is compared with."""
        if not self._scene_cuts:
            return False, None
        return follow(scene, thumbnail_of(tensors[self._model.binding.images[0]][0]))

    def _answered(self, item: _Pending) -> _Answered:
        return _Answered(item, self._model.adapter.wait(item.ticket))

    def _result(self, answered: _Answered) -> Result:
        item, outputs = answered.item, answered.outputs
        started_s = perf_counter()
        matte = self._model.decode(outputs.tensors, item.tensors, item.frame)
        times = StageTimes(item.preprocessing_s, outputs.inference_s, perf_counter() - started_s)
        return Result(item.frame, matte, times, item.started_s)


def _require_frame(frame: object) -> None:
    if not isinstance(frame, Frame):
        raise OptionError(
            f"{described(frame)} among them. Expected Frames, such as (Frame(n, image) for n, image in enumerate(…))",
            "frames",
        )


class _UntilError:
    """Frames until they end or fail. The error is kept until everything before it has been delivered."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = frames
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Frame]:
        frames = iter(self._frames)
        while True:
            try:
                frame = next(frames)
            except StopIteration:
                return
            except Exception as error:
                self._error = error
                return
            yield frame

    def raise_error(self) -> None:
        if self._error is not None:
            raise self._error
