"""Requests, as tritonclient's libraries for both protocols take them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

from model_api.types import Tensors


def request_arguments(library: ModuleType, inputs: Tensors, outputs: Iterable[str]) -> dict[str, Any]:
    """The inputs and the names of the outputs, for either client.

    Args:
        library: tritonclient.grpc or tritonclient.http.
        inputs: input name -> array.
        outputs: their names.
    """
    type_name = import_module("tritonclient.utils").np_to_triton_dtype
    asked = [library.InferInput(name, list(array.shape), type_name(array.dtype)) for name, array in inputs.items()]
    for item, array in zip(asked, inputs.values(), strict=True):
        item.set_data_from_numpy(array)
    return {"inputs": asked, "outputs": [library.InferRequestedOutput(name) for name in outputs]}
