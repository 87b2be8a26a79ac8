"""Sizes of inputs and outputs that a run can hold. Those of a damaged file can take all the memory of the machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from model_api.errors import ModelContractError
from model_api.types import Binding

LARGEST = 1 << 27
"""Numbers of an input or an output that are held whatever the images are."""
MOST_TIMES = 64
"""Numbers that are held besides, for each value of the images."""


def require_sizes(ports: Sequence[Any], binding: Binding) -> None:
    """Check a compiled network before memory is taken for it.

    Args:
        ports: its inputs and outputs.
        binding: their roles.

    Raises:
        ModelContractError: a state's size is open, or an input or an output is far too large for the images.
    """
    open_states = [name for port in ports for name in port.names & set(binding.states) if port.partial_shape.is_dynamic]
    if open_states:
        raise ModelContractError(
            f"The size of {', '.join(sorted(open_states))} does not follow from the size of the images. Expected a "
            "recurrent network that says how large its states are"
        )
    fixed = {min(port.names): tuple(port.shape) for port in ports if port.names and port.partial_shape.is_static}
    values = sum(math.prod(shape) for name, shape in fixed.items() if name in binding.images)
    for name, shape in fixed.items():
        if math.prod(shape) > max(LARGEST, MOST_TIMES * values):
            raise ModelContractError(
                f"{name} is {'×'.join(map(str, shape))}, for images of {values} values. The file is damaged, or for "
                "larger images"
            )
