"""The protocol between a model's contract and what computes its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from model_api.types import Binding, Signature, Tensors


@dataclass(frozen=True, eq=False)
class InferenceOutputs:
    """What a request answered.

    Attributes:
        tensors: the outputs, under every name that they go by.
        inference_s: seconds that the device computed.
    """

    tensors: Tensors
    inference_s: float


class Adapter(Protocol):
    """Runs a network. The tensors that it returns belong to the caller: nothing overwrites them later."""

    @property
    def signature(self) -> Signature:
        """The inputs and outputs of the network that runs."""

    @property
    def binding(self) -> Binding:
        """Their roles.

        They differ from those of the network's file where its guided filter is left to the model: see
        `graph.refiner_extraction`.
        """

    def max_requests(self, tensors: Tensors) -> int:
        """How many requests with tensors of these shapes to have in flight. The network is compiled for them.

        Those of a recurrent network are successive frames of a clip: more than one where it is computed in stages.
        """

    def start(self, tensors: Tensors, after: Any = None) -> Any:
        """Begin to compute, without waiting.

        Args:
            tensors: input name -> array. Inputs that are left out are zeros.
            after: the ticket of the frame before, whose states are the inputs that are left out. None: zeros are.
                Only for networks that are computed in stages.

        Returns:
            A ticket for `wait`.

        Raises:
            ShapeError: the network does not take such arrays.
        """

    def wait(self, ticket: Any) -> InferenceOutputs:
        """Wait for the outputs of a request.

        Args:
            ticket: what `start` returned.

        Raises:
            InferenceError: the device failed.
        """

    def close(self) -> None:
        """Wait for what runs, and release the device."""
