"""A compiled network, at once or in stages, and the frames that it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Protocol

from model_api.adapters.base import InferenceOutputs
from model_api.adapters.compiled_stage import Array, CompiledStage
from model_api.arrays import described
from model_api.errors import ShapeError
from model_api.interruptible import next_of
from model_api.types import Tensors


class Passage(Protocol):
    """A frame on its way through a network."""

    @property
    def done(self) -> bool:
        """Whether `wait` would return at once."""

    def wait(self) -> InferenceOutputs:
        """Wait for the outputs. Raises RuntimeError: the device failed, or the frame was cancelled."""

    def cancel(self) -> None:
        """Compute no more, as far as that can be stopped."""


class Program:
    """A network compiled for one set of input shapes, whose requests know nothing of each other."""

    def __init__(self, stages: Sequence[CompiledStage], zeros: Tensors, max_requests: int) -> None:
        """Put it together.

        Args:
            stages: one, the whole network.
            zeros: what its states begin with.
            max_requests: see `Adapter`.
        """
        self.max_requests = max_requests
        self._stages = stages
        self._zeros = zeros
        self._names = frozenset[str]().union(*(stage.names for stage in stages))

    def start(self, tensors: Tensors, after: Passage | None) -> Passage:
        """See `Adapter`."""
        assert after is None  # one request at a time has the state of the frame before
        return self._stages[0].start(self._inputs(tensors))

    def close(self) -> None:
        """Release what it holds."""

    def _inputs(self, tensors: Tensors) -> Tensors:
        """All inputs. Raises ShapeError: a state of another model or another size, or what is no input."""
        for name, value in tensors.items():
            zero = self._zeros.get(name)
            if zero is not None and (value.shape, value.dtype) != (zero.shape, zero.dtype):
                raise ShapeError(
                    f"{name} is {described(value)}, expected {described(zero)}. A state belongs to one model and one "
                    "frame size: begin again with None",
                    "state",
                )
            if name not in self._names:
                raise ShapeError(f"{name} is no input of the network")
        return {**self._zeros, **tensors}


class StagedProgram(Program):
    """A recurrent network in stages, each with a thread that computes one frame after the other.

    One frame more than there are stages is in flight, so that a stage finds its next frame when it has ended one.
    """

    def __init__(self, stages: Sequence[CompiledStage], zeros: Tensors, states: Mapping[str, str]) -> None:
        """Start the threads.

        Args:
            stages: in their order.
            zeros: what the states begin with.
            states: input -> the output that feeds it in the next frame.
        """
        super().__init__(stages, zeros, len(stages) + 1)
        self._states = states
        self._carried = self._names - {*states}
        self._workers = [ThreadPoolExecutor(1, f"stage {number}") for number in range(1, len(stages) + 1)]

    def start(self, tensors: Tensors, after: Passage | None) -> Passage:
        """See `Adapter`. Errors of the device come from `wait`."""
        before = after if isinstance(after, StagedPassage) else None
        passage = StagedPassage(self._inputs(tensors))
        for number, worker in enumerate(self._workers):
            passage.ended.append(worker.submit(self._compute, number, passage, before))
        passage.ended[-1].add_done_callback(passage.end.put)
        return passage

    def close(self) -> None:
        """End the threads, after the stages that they compute."""
        for worker in self._workers:
            worker.shutdown(cancel_futures=True)

    def _compute(self, number: int, passage: StagedPassage, before: StagedPassage | None) -> float:
        """A stage of a frame, once the stage before it has ended, and the same stage of the frame before.

        Returns:
            Seconds that the device has computed the frame.
        """
        stage, spent_s = self._stages[number], passage.ended[number - 1].result() if number else 0.0
        values = {**passage.inputs, **passage.outputs}
        if before:
            before.ended[number].result()
            values |= {name: before.outputs[output] for name, output in self._states.items() if name in stage.names}
        answered = stage.start({name: value for name, value in values.items() if name in stage.names}).wait()
        passage.outputs.update(answered.tensors)
        if stage is self._stages[-1]:
            for name in self._carried & passage.outputs.keys():
                del passage.outputs[name]  # or they would wait in memory for the frame's end
        return spent_s + answered.inference_s


@dataclass(frozen=True, eq=False)
class StagedPassage:
    """A frame on its way through stages.

    Attributes:
        inputs: of the network. States among them are what the frame begins with where there is none before it.
        outputs: of the stages that have ended.
        ended: for each stage the seconds that it and those before it have computed.
        end: the last of them. See `interruptible.next_of` for why it is a queue.
    """

    inputs: Tensors
    outputs: dict[str, Array] = field(default_factory=dict)
    ended: list[Future[float]] = field(default_factory=list)
    end: SimpleQueue[Future[float]] = field(default_factory=SimpleQueue)

    @property
    def done(self) -> bool:
        """See `Passage`."""
        return not self.end.empty()

    def wait(self) -> InferenceOutputs:
        """See `Passage`."""
        try:
            inference_s = next_of(self.end).result()
        except CancelledError as error:
            raise RuntimeError("the frame was cancelled") from error
        return InferenceOutputs(self.outputs, inference_s)

    def cancel(self) -> None:
        """See `Passage`."""
        for stage in self.ended:
            stage.cancel()
