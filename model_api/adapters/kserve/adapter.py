"""A network on a model server, behind the same protocol as one on a device of this machine.

What the OpenVINO adapter puts into the graph is done here on the way to the server and back: image inputs and the
foreground are uint8 NHWC BGR, whatever the network itself takes and answers. A recurrent network's states travel with
every request, so that any server of the same model can answer it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from model_api.adapters.base import InferenceOutputs
from model_api.adapters.kserve import client
from model_api.adapters.kserve.access import ServerAccess
from model_api.adapters.kserve.address import parse_address
from model_api.adapters.kserve.description import ServedNetwork, served_network
from model_api.adapters.kserve.image_conversion import from_network, to_network
from model_api.adapters.kserve.tensors import NUMPY_TYPES, TYPES, longest_answer, read_tensors, require_roles
from model_api.arrays import spelled
from model_api.errors import ModelContractError, ShapeError
from model_api.interruptible import next_of
from model_api.preprocessing import ImageInput
from model_api.types import Binding, Tensors, TensorSpec

REQUESTS = 4
"""Default of requests in flight: enough to keep both the network connection and the server busy."""

Ticket = SimpleQueue[InferenceOutputs | BaseException]
"""A queue for the outputs of one request, or its error."""


def find_network(text: str, access: ServerAccess) -> ServedNetwork:
    """Ask a server for the description of a network.

    Args:
        text: one of `address.ADDRESS_FORMS`.
        access: how the server is reached.

    Raises:
        OptionError: no such address.
        DeviceError: no server answers, or the model is not ready.
        ModelContractError: what the server says is no description of a network.
        ModelFileError: the server does not have it.
    """
    address = parse_address(text)
    return served_network(address, client.describe(address, access))


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
        access: ServerAccess,
    ) -> None:
        """Connect to the server.

        Args:
            network: as the server describes it.
            binding: the roles of its inputs and outputs.
            images: input -> its layout and preprocessing.
            requests: how many are in flight at once. None: REQUESTS.
            clips: how many clips run at once.
            access: how the server is reached.

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
        self._outputs = [network.signature.output(name) for name in _read_outputs(binding)]
        self._may_be_empty = [name for role, name in binding.answers.items() if role != "alpha"]
        for spec in self._outputs:
            _numpy_type(spec, "Output")
        self._zeros = {name: self._zero(network.signature.input(name)) for name in binding.states}
        self._max_requests = requests or REQUESTS
        self._client = client.connect(network.address, access)
        self._pool = ThreadPoolExecutor(max(self._max_requests, clips), "model server")

    def max_requests(self, tensors: Tensors) -> int:
        """See `Adapter`."""
        return 1 if self.binding.states else self._max_requests

    def start(self, tensors: Tensors, after: Any = None) -> Ticket:
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
        with client.explained(self._address):
            answers = self._answered(inputs)
        inference_s = perf_counter() - started_s
        foreground = self.binding.foreground
        if foreground is None:
            return InferenceOutputs(answers, inference_s)
        return InferenceOutputs({**answers, foreground: from_network(answers[foreground])}, inference_s)

    def _answered(self, inputs: Tensors) -> Tensors:
        """What the server computes, once it is what was asked for."""
        image = inputs[self.binding.images[0]]
        longest = longest_answer(self.signature.outputs, image.size // 3)
        received = self._client.infer(inputs, [min(spec.names) for spec in self._outputs], longest)
        answers = read_tensors(received, self._outputs, self._may_be_empty)
        require_roles(self.binding, answers, image.shape)
        return answers

    def _converted(self, name: str, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if name in self._images:
            return to_network(value, self._images[name], self._dtypes[name])
        return value.astype(self._dtypes[name], copy=False)

    def _zero(self, spec: TensorSpec) -> npt.NDArray[Any]:
        """A state to begin with. A dimension that may vary is 1, which the published recurrent networks broadcast."""
        return np.zeros([length or 1 for length in spec.shape], _numpy_type(spec))

    def _require_scalable(self) -> None:
        for name, image in self._images.items():
            if np.issubdtype(self._dtypes[name], np.integer) and not image.preprocessing.is_plain:
                raise ModelContractError(
                    f"Input {self.signature.input(name)} on {self._address} takes bytes as they are, not with mean "
                    f"and scale: {image.preprocessing}. Give 0 for the mean and 1 for the scale",
                    "mean_values",
                )


def _read_outputs(binding: Binding) -> tuple[str, ...]:
    """The outputs that are read: the others need not travel."""
    foreground = [binding.foreground] if binding.foreground else []
    return tuple(dict.fromkeys([*binding.answers.values(), *foreground, *binding.states.values()]))


def _numpy_type(spec: TensorSpec, kind: str = "Input") -> type[np.generic]:
    if spec.dtype not in NUMPY_TYPES:
        raise ModelContractError(f"{kind} {spec} is of type {spec.dtype}. Expected one of {', '.join(TYPES)}")
    return NUMPY_TYPES[spec.dtype]


def _require_fit(spec: TensorSpec, array: npt.NDArray[Any]) -> None:
    same = len(spec.shape) == array.ndim
    if not same or any(size not in (None, length) for size, length in zip(spec.shape, array.shape, strict=True)):
        raise ShapeError(f"Input {spec} on the server does not take an array of {spelled(array.shape)}")
