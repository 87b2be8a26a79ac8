"""Sizes of a network's arrays that a run can hold. Those of a damaged file can take all the memory of the machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from model_api.arrays import spelled
from model_api.errors import ModelContractError
from model_api.types import Binding

LARGEST = 1 << 27
"""Numbers of an input or an output that are held whatever the images are."""
MOST_TIMES = 64
"""Numbers that are held besides, for each value of the images."""
LARGEST_INSIDE = 1 << 28
"""Numbers of an array between two operations: 1 GiB in float32, the global attention of a ViT-L on 1024×1024 pixels."""
MOST_TIMES_INSIDE = 256
"""Numbers of such an array for each value of the images: 768 channels of the images' own size."""


def require_sizes(ports: Sequence[Any], binding: Binding) -> None:
    """Check a compiled network before memory is taken for it.

    Args:
        ports: its inputs and outputs.
        binding: their roles.

    Raises:
        ModelContractError: a state's size is open or another one than the network answers, or an input or an output is
            far too large for the images.
    """
    open_states = [name for port in ports for name in port.names & set(binding.states) if port.partial_shape.is_dynamic]
    if open_states:
        raise ModelContractError(
            f"The size of {', '.join(sorted(open_states))} does not follow from the size of the images. Expected a "
            "recurrent network that says how large its states are"
        )
    _require_states_that_return(ports, binding)
    values = _image_values(ports, binding)
    for port in ports:
        if port.names and port.partial_shape.is_static:
            _require(min(port.names), port, values, max(LARGEST, MOST_TIMES * values))


def require_sizes_inside(model: Any, binding: Binding) -> None:
    """Check what a network computes between its inputs and its outputs, before it is compiled.

    Args:
        model: the graph. Arrays of open size are not looked at.
        binding: the roles of its inputs.

    Raises:
        ModelContractError: an array is far too large for the images.
    """
    values = _image_values(model.inputs, binding)
    for node in model.get_ordered_ops():
        for port in node.outputs():
            if port.partial_shape.is_static and node.get_type_name() != "Constant":
                name = node.get_friendly_name()
                _require(name, port, values, max(LARGEST_INSIDE, MOST_TIMES_INSIDE * values))


def _image_values(ports: Sequence[Any], binding: Binding) -> int:
    images = (port for port in ports if port.names & set(binding.images) and port.partial_shape.is_static)
    return sum(math.prod(port.shape) for port in images)


def _require(name: str, port: Any, values: int, most: int) -> None:
    if math.prod(port.shape) > most:
        raise ModelContractError(
            f"{name} is {spelled(port.shape)}, for images of {values} values. The file is damaged, or for larger images"
        )


def _require_states_that_return(ports: Sequence[Any], binding: Binding) -> None:
    """Each state goes in again as the network answers it."""
    named = {name: port for port in ports for name in port.names}
    for name, answer in binding.states.items():
        if named[answer].partial_shape.is_static and named[answer].shape != named[name].shape:
            raise ModelContractError(
                f"The network answers {answer} of {spelled(named[answer].shape)}, and takes it back as {name} of "
                f"{spelled(named[name].shape)}. Expected one size. The file is damaged"
            )
