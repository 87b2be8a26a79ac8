"""The recurrence of a convolutional GRU (Ballas et al., arXiv 1511.06432)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Convolution = Callable[[Tensor], Tensor]


def conv_gru(
    x: Tensor, state: Tensor | None, steps: int, gates: Convolution, candidate: Convolution
) -> tuple[Tensor, Tensor]:
    """Run the frames of clips through a GRU, one after the other.

    All other layers see every frame at once; only this one needs their order.

    Args:
        x: (B·T, C, h, w), T = steps frames of each clip in a row.
        state: (B, C, h, w), the state that the frame before left; None for zeros.
        steps: T.
        gates: (N, 2·C, h, w), input and state -> (N, 2·C, h, w) in [0, 1], reset and update gate.
        candidate: (N, 2·C, h, w), input and reset state -> (N, C, h, w), the new state's candidate.

    Returns:
        The state after each frame, (B·T, C, h, w), and after the last one, (B, C, h, w).
    """
    if steps == 1:
        state = _step(x, state, gates, candidate)
        return state, state
    states: list[Tensor] = []
    for frame in torch.unflatten(x, 0, (-1, steps)).unbind(1):
        state = _step(frame, state, gates, candidate)
        states.append(state)
    return torch.stack(states, 1).flatten(0, 1), states[-1]


def _step(x: Tensor, state: Tensor | None, gates: Convolution, candidate: Convolution) -> Tensor:
    before = torch.zeros_like(x) if state is None else state
    reset, update = gates(torch.cat([x, before], 1)).chunk(2, 1)
    return before + update * (candidate(torch.cat([x, reset * before], 1)) - before)
