"""The loop of every run: frames in, mattes out, in order, while the device works."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter

from model_api.arrays import described
from model_api.errors import OptionError
from model_api.models.base import MattingModel
from model_api.models.tickets import Answer, Ticket
from model_api.pipelines.scene_cuts import Scene, follow, thumbnail_of
from model_api.results import Result, StageTimes
from model_api.types import Frame, Tensors


@dataclass(frozen=True, eq=False)
class _Prepared:
    frame: Frame
    tensors: Tensors
    max_requests: int
    started_s: float
    preprocessing_s: float


@dataclass(frozen=True, eq=False)
class _Pending:
    ticket: Ticket
    before: Tensors | Ticket
    started_s: float
    preprocessing_s: float


@dataclass(frozen=True, eq=False)
class _Finished:
    item: _Pending
    answer: Answer


class AsyncPipeline:
    """While one frame is computed, the next one is preprocessed and the one before is used by the caller."""

    def __init__(self, model: MattingModel, *, newest: bool = False, scene_cuts: bool = True) -> None:
        """Make a pipeline. It holds nothing of a run, and may run several times.

        Args:
            model: what `create_model` returned.
            newest: for live sources. Each result is returned before the next frame is taken, so that no frame waits.
            scene_cuts: whether a recurrent model also starts afresh at a hard cut: see `scene_cuts`.
        """
        self._model = model
        self._newest = newest
        self._scene_cuts = scene_cuts and model.recurrent

    def run(self, frames: Iterable[Frame | Result]) -> Iterator[Result]:
        """Compute the mattes of some frames.

        A recurrent model gets each frame with the state of the frame just before it in the same clip, which may still
        be computed where the model allows more than one request. It starts afresh when the clip or the frame's size
        changes, and at hard cuts.

        Args:
            frames: the frames, of any number of clips. A Result among them is of a frame whose matte is known: it is
                not computed, and comes out in its place.

        Yields:
            One result for each frame, in the frames' order.

        Raises:
            OptionError: something else than a frame among `frames`.
            InferenceError: the device failed.
            Exception: an error of the source, or of a frame that the model does not take, after the results of the
                frames before it.
        """
        pending: deque[_Pending | Result] = deque()
        max_requests = 0
        before: Tensors | Ticket = {}
        scene: Scene | None = None
        clip: object = None
        source = _UntilError(map(self._prepared, frames))
        for item in source:
            if isinstance(item, Result):
                pending.append(item)
                finished = self._finished(pending, max_requests)
                before = _state_after(finished, before)
                yield from map(self._result, finished)
                continue
            compared_s = perf_counter()
            new_clip = clip != (clip := (item.frame.clip, item.frame.size))
            cut, scene = self._compare(None if new_clip else scene, item.tensors)
            preprocessing_s = item.preprocessing_s + perf_counter() - compared_s
            max_requests = item.max_requests
            finished = self._finished(pending, max_requests - 1)
            before = {} if new_clip or cut else _state_after(finished, before)
            ticket = self._model.start(item.frame, before, item.tensors)
            pending.append(_Pending(ticket, before, item.started_s, preprocessing_s))
            before = ticket if self._model.recurrent else {}
            yield from map(self._result, finished)  # while the device works at the next one
            if self._newest:
                finished = self._finished(pending, 0)
                before = _state_after(finished, before)
                yield from map(self._result, finished)
        while pending:
            yield from map(self._result, self._finished(pending, len(pending) - 1))
        source.raise_error()

    def _prepared(self, frame: Frame | Result) -> _Prepared | Result:
        """What can go wrong with a frame before it is computed."""
        if isinstance(frame, Result):
            return frame
        started_s = perf_counter()
        _require_frame(frame)
        tensors = self._model.preprocess(frame)
        preprocessing_s = perf_counter() - started_s
        return _Prepared(frame, tensors, self._model.max_requests(tensors), started_s, preprocessing_s)

    def _finished(self, pending: deque[_Pending | Result], left: int) -> list[_Finished | Result]:
        """Wait for the first ones, until `left` at most are pending, and none at the front waits for nothing.

        After one that was computed afresh nothing is left: what is computed behind it has the state of before.
        """
        finished: list[_Finished | Result] = []
        while pending and (len(pending) > left or isinstance(pending[0], Result) or _last_afresh(finished)):
            finished.append(self._finish(pending.popleft(), _last_afresh(finished)))
        return finished

    def _compare(self, scene: Scene | None, tensors: Tensors) -> tuple[bool, Scene | None]:
        """Whether this frame begins another scene, and what the next frame is compared with."""
        if not self._scene_cuts:
            return False, None
        return follow(scene, thumbnail_of(self._model.seen(tensors)))

    def _finish(self, item: _Pending | Result, afresh: _Finished | None) -> _Finished | Result:
        if isinstance(item, Result):
            return item
        answer = self._model.finish(item.ticket)
        if afresh and item.before is afresh.item.ticket:
            again = self._model.finish(self._model.start(answer.frame, afresh.answer.state, answer.tensors))
            answer = replace(again, afresh=True)
        return _Finished(item, answer)

    def _result(self, finished: _Finished | Result) -> Result:
        if isinstance(finished, Result):
            return finished
        item, answer = finished.item, finished.answer
        started_s = perf_counter()
        matte = self._model.postprocess(answer)
        times = StageTimes(item.preprocessing_s, answer.inference_s, perf_counter() - started_s)
        return Result(answer.frame, matte, times, item.started_s)


def _state_after(finished: list[_Finished | Result], before: Tensors | Ticket) -> Tensors | Ticket:
    """The state that a frame leaves, once it has finished."""
    for done in finished:
        if isinstance(done, _Finished) and done.item.ticket is before:
            return done.answer.state
    return before


def _last_afresh(finished: list[_Finished | Result]) -> _Finished | None:
    """The last one that was computed, if it was computed afresh."""
    computed = [done for done in finished if isinstance(done, _Finished)]
    return computed[-1] if computed and computed[-1].answer.afresh else None


def _require_frame(frame: object) -> None:
    if not isinstance(frame, Frame):
        raise OptionError(
            f"{described(frame)} among them. Expected Frames, such as (Frame(n, image) for n, image in enumerate(…))",
            "frames",
        )


class _UntilError:
    """Frames until they end or fail. The error is kept until everything before it has been delivered."""

    def __init__(self, frames: Iterable[_Prepared | Result]) -> None:
        self._frames = frames
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[_Prepared | Result]:
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
