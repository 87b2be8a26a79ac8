"""A network on a model server, behind the same protocol as one on a device of this machine.

What the OpenVINO adapter puts into the graph is done here on the way to the server and back: image inputs and the
foreground are uint8 NHWC BGR, whatever the network itself takes and answers. A recurrent network's states travel with
every request, so that any server of the same model can answer it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from model_api.adapters.base import InferenceOutputs
from model_api.adapters.kserve import client
from model_api.adapters.kserve.address import Address, parse_address
from model_api.adapters.kserve.image_conversion import from_network, to_network
from model_api.errors import ModelContractError, ShapeError
from model_api.interruptible import next_of
from model_api.preprocessing import ImageInput
from model_api.types import Binding, Signature, Tensors, TensorSpec

REQUESTS = 4
"""Default of requests in flight: enough to keep both the network connection and the server busy."""

TYPES: Mapping[str, tuple[str, type[np.generic]]] = {
    "BOOL": ("boolean", np.bool_),
    "UINT8": ("u8", np.uint8), "UINT16": ("u16", np.uint16), "UINT32": ("u32", np.uint32), "UINT64": ("u64", np.uint64),
    "INT8": ("i8", np.int8), "INT16": ("i16", np.int16), "INT32": ("i32", np.int32), "INT64": ("i64", np.int64),
    "FP16": ("f16", np.float16), "FP32": ("f32", np.float32), "FP64": ("f64", np.float64),
}  # fmt: skip
"""KServe's name of a type -> OpenVINO's, as in TensorSpec, and NumPy's."""

NUMPY_TYPES = dict(TYPES.values())

Ticket = SimpleQueue[InferenceOutputs | BaseException]
"""A queue for the outputs of one request, or its error."""


@dataclass(frozen=True)
class ServedNetwork:
    """A network as a server describes it.

    Attributes:
        address: where it is.
        signature: its inputs and outputs.
        info: as of a file, {"model_info": …}; empty where the server says nothing about preprocessing.
        is_ir: whether the server is OpenVINO Model Server, whose models are mostly IRs.
    """

    address: Address
    signature: Signature
    info: Mapping[str, Mapping[str, str]]
    is_ir: bool


def find_network(text: str) -> ServedNetwork:
    """Ask a server for the description of a network.

    Args:
        text: one of `address.ADDRESS_FORMS`.

    Raises:
        OptionError: no such address.
        DeviceError: no server answers, or the model is not ready.
        ModelFileError: the server does not have it.
    """
    address = parse_address(text)
    return served_network(address, client.describe(address))


def served_network(address: Address, metadata: Mapping[str, Any]) -> ServedNetwork:
    """Read the description of a network.

    Args:
        address: where it is.
        metadata: the server's answer, as both protocols give it in JSON.
    """
    inputs, outputs = (tuple(map(_spec, metadata.get(key) or ())) for key in ("inputs", "outputs"))
    # OpenVINO Model Server gives rt_info, only over HTTP; others have free parameters.
    facts = {**(metadata.get("parameters") or {}), **(metadata.get("rt_info") or {}).get("model_info", {})}
    info = {"model_info": {key: str(value) for key, value in facts.items()}} if facts else {}
    return ServedNetwork(address, Signature(inputs, outputs), info, metadata.get("platform") == "OpenVINO")


class KServeAdapter:
    """Asks the server from threads of its own, one for each request in flight, while the caller works."""

    def __init__(
        self,
        network: ServedNetwork,
        binding: Binding,
        images: Mapping[str, ImageInput],
        *,
        requests: int | None,
        clips: int,
        timeout_s: float,
    ) -> None:
        """Connect to the server.

        Args:
            network: as the server describes it.
            binding: the roles of its inputs and outputs.
            images: input -> its layout and preprocessing.
            requests: how many are in flight at once. None: REQUESTS.
            clips: how many clips run at once.
            timeout_s: the longest that an answer may take, in seconds.

        Raises:
            ModelContractError: inputs of a type that is not supported, or that does not go with mean and scale.
            DeviceError: tritonclient is missing.
        """
        self.signature = network.signature
        self.binding = binding
        self._address = network.address
        self._images = images
        self._dtypes = {min(spec.names): _numpy_type(spec) for spec in network.signature.inputs}
        self._require_scalable()
        self._outputs = _read_outputs(binding)
        self._zeros = {name: self._zero(network.signature.input(name)) for name in binding.states}
        self._max_requests = requests or REQUESTS
        self._client = client.connect(network.address, timeout_s)
        self._pool = ThreadPoolExecutor(max(self._max_requests, clips), "model server")

    def max_requests(self, tensors: Tensors) -> int:
        """See `Adapter`."""
        return self._max_requests

    def start(self, tensors: Tensors) -> Ticket:
        """See `Adapter`. Errors come from `wait`."""
        ticket: Ticket = SimpleQueue()
        self._pool.submit(self._answer, tensors, ticket)
        return ticket

    def wait(self, ticket: Ticket) -> InferenceOutputs:
        """See `Adapter`. `inference_s` is the time from the request to the answer, with the transfers."""
        answer = next_of(ticket)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        """Break off the requests in flight, and close the connection."""
        self._client.break_off()
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _answer(self, tensors: Tensors, ticket: Ticket) -> None:
        try:
            ticket.put(self._compute(tensors))
        except BaseException as error:  # every error belongs to the thread that waits for the answer
            ticket.put(error)

    def _compute(self, tensors: Tensors) -> InferenceOutputs:
        inputs = self._zeros | {name: self._converted(name, value) for name, value in tensors.items()}
        for name, value in inputs.items():
            _require_fit(self.signature.input(name), value)
        started_s = perf_counter()
        answers = client.infer(self._client, self._address, inputs, self._outputs)
        inference_s = perf_counter() - started_s
        foreground = self.binding.foreground
        if foreground is None:
            return InferenceOutputs(answers, inference_s)
        return InferenceOutputs({**answers, foreground: from_network(answers[foreground])}, inference_s)

    def _converted(self, name: str, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if name in self._images:
            return to_network(value, self._images[name], self._dtypes[name])
        return value.astype(self._dtypes[name], copy=False)

    def _zero(self, spec: TensorSpec) -> npt.NDArray[Any]:
        """A state to begin with. A dimension that may vary is 1, which the published recurrent networks broadcast."""
        return np.zeros([length or 1 for length in spec.shape], _numpy_type(spec))

    def _require_scalable(self) -> None:
        for name, image in self._images.items():
            preprocessing = image.preprocessing
            whole = np.issubdtype(self._dtypes[name], np.integer)
            if whole and (any(preprocessing.mean) or preprocessing.scale != (1.0, 1.0, 1.0)):
                raise ModelContractError(
                    f"Input {self.signature.input(name)} on {self._address} takes bytes as they are, not with mean "
                    f"and scale: {preprocessing}. Give 0 for the mean and 1 for the scale",
                    "mean_values",
                )


def _read_outputs(binding: Binding) -> tuple[str, ...]:
    """The outputs that are read: the others need not travel."""
    foreground = [binding.foreground] if binding.foreground else []
    return tuple(dict.fromkeys([*binding.answers.values(), *foreground, *binding.states.values()]))


def _spec(item: Mapping[str, Any]) -> TensorSpec:
    """Numbers come as text over gRPC; -1 stands for any size."""
    sizes = (int(size) for size in item.get("shape") or ())
    shape = tuple(None if size < 0 else size for size in sizes)
    kind = str(item.get("datatype"))
    return TensorSpec(frozenset({str(item.get("name"))}), shape, TYPES[kind][0] if kind in TYPES else kind)


def _numpy_type(spec: TensorSpec) -> type[np.generic]:
    if spec.dtype not in NUMPY_TYPES:
        raise ModelContractError(f"Input {spec} is of type {spec.dtype}. Expected one of {', '.join(TYPES)}")
    return NUMPY_TYPES[spec.dtype]


def _require_fit(spec: TensorSpec, array: npt.NDArray[Any]) -> None:
    same = len(spec.shape) == array.ndim
    if not same or any(size not in (None, length) for size, length in zip(spec.shape, array.shape, strict=True)):
        raise ShapeError(f"Input {spec} on the server does not take an array of {'×'.join(map(str, array.shape))}")
