"""Frames on their way through a model: being computed, and computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model_api.types import Frame, Tensors


@dataclass(frozen=True, eq=False)
class Ticket:
    """A frame that is being computed.

    Attributes:
        frame: the frame.
        tensors: what `MattingModel.preprocess` made of it.
        request: the adapter's own ticket.
    """

    frame: Frame
    tensors: Tensors
    request: Any


@dataclass(frozen=True, eq=False)
class Answer:
    """A frame that was computed. `MattingModel.postprocess` makes the matte of it.

    Attributes:
        frame: the frame.
        tensors: what `MattingModel.preprocess` made of it.
        outputs: output name -> array.
        state: what the next frame of the clip is to be started with.
        inference_s: seconds that the device computed.
        afresh: whether it was computed again, with another state than that of the frame before.
    """

    frame: Frame
    tensors: Tensors
    outputs: Tensors
    state: Tensors
    inference_s: float
    afresh: bool = False
