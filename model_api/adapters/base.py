"""The one protocol between a model's contract and whatever computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from model_api.types import Signature, Size, Tensors


@dataclass(frozen=True)
class Binding:
    """The roles that a contract gives to a network's inputs and outputs.

    images: inputs that are pictures, fed with u8 NHWC BGR whatever the network itself wants.
    answers: role -> output that the contract reads: "alpha" of a matting network, "boxes" and more of one that detects.
    foreground: an output that comes out as u8 NHWC BGR, None where there is none.
    states: input -> the output that feeds it in the next frame.
    baked: inputs that rule the shapes, which become constants of the compiled network.
    whole_wh: where a guided filter was taken out of the network: (width, height) that it took before, None for any.
    """

    images: tuple[str, ...]
    answers: Mapping[str, str]
    foreground: str | None = None
    states: Mapping[str, str] | None = None
    baked: frozenset[str] = frozenset()
    whole_wh: Size | None = None


@dataclass(frozen=True, eq=False)
class Outputs:
    """What came out, under every name it goes by, and the seconds that the device computed."""

    tensors: Tensors
    inference_s: float


class Adapter(Protocol):
    """Runs a network. Tensors that it gives belong to the caller: nothing overwrites them later."""

    @property
    def signature(self) -> Signature: ...

    @property
    def binding(self) -> Binding:
        """As it was given, or, where the guided filter is left to the model, that of the rest of the network."""

    def slots(self, tensors: Tensors) -> int:
        """How many requests for tensors of these shapes the device wants to have in flight."""

    def start(self, tensors: Tensors) -> Any:
        """Begin to compute, without waiting, and return a ticket. Inputs left out are zeros."""

    def wait(self, ticket: Any) -> Outputs:
        """The outputs of `start`. Raises InferenceError if the device failed."""

    def close(self) -> None:
        """Wait for what runs and let the device go."""
