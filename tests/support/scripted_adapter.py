"""An adapter without a network: a function computes the answers. For what hardware cannot be made to do."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from model_api.adapters.base import InferenceOutputs
from model_api.types import Binding, Signature, Tensors


class ScriptedAdapter:
    """`compute(tensors)` gives the outputs, or raises what a failing device would raise.

    Lets a test script a device that fails at the fifth frame, or one that wants many requests.
    """

    def __init__(
        self, signature: Signature, binding: Binding, compute: Callable[[Tensors], Tensors], max_requests: int = 1
    ) -> None:
        self.signature = signature
        self.binding = binding
        self.closed = False
        self._compute = compute
        self._max_requests = max_requests

    def max_requests(self, tensors: Tensors) -> int:
        return self._max_requests

    def start(self, tensors: Tensors, after: object = None) -> Tensors:
        return tensors

    def wait(self, ticket: Tensors) -> InferenceOutputs:
        started_s = perf_counter()
        return InferenceOutputs(self._compute(ticket), perf_counter() - started_s)

    def close(self) -> None:
        self.closed = True
