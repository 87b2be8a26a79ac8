"""A network, or one stage of it, compiled for one set of input shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

from model_api.adapters.base import InferenceOutputs
from model_api.errors import ShapeError
from model_api.graph import loading
from model_api.types import Tensors

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Output:
    """An output of a compiled network.

    Attributes:
        port: it.
        names: that it goes by.
        shape: None: it is only known once the network has run.
        dtype: of its numbers.
    """

    port: Any
    names: tuple[str, ...]
    shape: tuple[int, ...] | None
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, port: Any) -> Output:
        """Ask OpenVINO once: that takes longer than all else that is done for an output."""
        shape = tuple(port.shape) if port.partial_shape.is_static else None
        return cls(port, tuple(port.names), shape, np.dtype(port.element_type.to_dtype()))


@dataclass(frozen=True, eq=False)
class Running:
    """A stage that computes a frame.

    Attributes:
        stage: it.
        request: of OpenVINO.
        inputs: kept alive, because the request reads their memory.
        outputs: kept alive too, in the order of the network's outputs. None: they are in OpenVINO's own memory.
    """

    stage: CompiledStage
    request: ov.InferRequest
    inputs: list[ov.Tensor]
    outputs: list[Array | None]

    @property
    def done(self) -> bool:
        """See `program.Passage`."""
        try:
            return self.request.wait_for(0)
        except RuntimeError:
            return True

    def wait(self) -> InferenceOutputs:
        """Wait for the outputs. Raises RuntimeError: the device failed."""
        self.request.wait()
        tensors = {
            name: np.array(self.request.get_tensor(output.port).data) if array is None else array
            for output, array in zip(self.stage.outputs, self.outputs, strict=True)
            for name in output.names
        }
        answered = InferenceOutputs(tensors, self.request.latency / 1000)
        self.stage.idle.append(self.request)
        return answered

    def cancel(self) -> None:
        """Compute no more."""
        self.request.cancel()


@dataclass(frozen=True, eq=False)
class CompiledStage:
    """A compiled network, and its idle requests.

    Attributes:
        compiled: by OpenVINO.
        names: of its inputs.
        outputs: in OpenVINO's order.
        idle: requests that compute nothing.
    """

    compiled: ov.CompiledModel
    names: frozenset[str]
    outputs: tuple[Output, ...]
    idle: list[ov.InferRequest] = field(default_factory=list)

    @classmethod
    def of(cls, compiled: ov.CompiledModel) -> CompiledStage:
        """A stage without requests."""
        names = frozenset(name for port in compiled.inputs for name in port.names)
        return cls(compiled, names, tuple(map(Output.of, compiled.outputs)))

    def start(self, values: Tensors) -> Running:
        """Begin to compute. Raises ShapeError: an array has another shape or type than its input."""
        try:
            request = self.idle.pop()
        except IndexError:
            request = self.compiled.create_infer_request()
        inputs = [_set(request, name, value) for name, value in values.items()]
        running = Running(self, request, inputs, self._output_memory(request))
        request.start_async()
        return running

    def _output_memory(self, request: ov.InferRequest) -> list[Array | None]:
        """New memory for the outputs of fixed shape: the device writes into it, and nothing has to be copied."""
        arrays = [None if output.shape is None else np.empty(output.shape, output.dtype) for output in self.outputs]
        for output, array in zip(self.outputs, arrays, strict=True):
            if array is not None:
                request.set_tensor(output.port, ov.Tensor(array, shared_memory=True))
        return arrays


def _set(request: ov.InferRequest, name: str, value: Array) -> ov.Tensor:
    array = np.ascontiguousarray(value)
    # OpenVINO shares only memory that may be written to, though it only reads it.
    tensor = ov.Tensor(array if array.flags.writeable else array.copy(), shared_memory=True)
    try:
        request.set_tensor(name, tensor)
    except RuntimeError as error:
        raise ShapeError(f"Input {name} does not take an array of {value.shape}: {loading.reason(error)}") from error
    return tensor
