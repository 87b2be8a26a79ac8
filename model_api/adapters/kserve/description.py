"""What a server says about a network, checked before anything is made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model_api.adapters.kserve.address import Address
from model_api.adapters.kserve.tensors import LARGEST_BYTES, LARGEST_RANK, TYPES, bytes_of
from model_api.errors import ModelContractError
from model_api.terminal.foreign_text import one_line
from model_api.types import Signature, TensorSpec

MOST_TENSORS = 200
LONGEST_NAME = 200
LONGEST_FACT = 1000


@dataclass(frozen=True)
class ServedNetwork:
    """A network as a server describes it.

    Attributes:
        address: where it is.
        signature: its inputs and outputs.
        info: as of a file, {"model_info": …}; empty where the server says nothing about preprocessing.
        by_model_optimizer: whether it counts as an IR of the Model Optimizer: on OpenVINO Model Server, which does not
            say what wrote a model. They are mostly IRs.
    """

    address: Address
    signature: Signature
    info: Mapping[str, Mapping[str, str]]
    by_model_optimizer: bool


def served_network(address: Address, metadata: object) -> ServedNetwork:
    """Read the description of a network.

    Args:
        address: where it is.
        metadata: the server's answer, as both protocols give it in JSON.

    Raises:
        ModelContractError: it describes no network that can be computed.
    """
    try:
        return _network(address, _mapping(metadata, "the description"))
    except ValueError as fault:
        raise ModelContractError(f"Model server {address} describes {address.name} wrongly: {fault}") from None


def _network(address: Address, metadata: Mapping[str, Any]) -> ServedNetwork:
    name = metadata.get("name") or address.model
    if name != address.model:
        raise ValueError(f"its name is {one_line(name, 60)}")
    inputs, outputs = _specs(metadata, "inputs"), _specs(metadata, "outputs")
    # OpenVINO Model Server gives rt_info, only over HTTP; others have free parameters.
    own = _mapping(metadata.get("rt_info") or {}, "rt_info").get("model_info") or {}
    facts = {**_mapping(metadata.get("parameters") or {}, "parameters"), **_mapping(own, "model_info")}
    info = {"model_info": {str(key): one_line(value, LONGEST_FACT) for key, value in facts.items()}} if facts else {}
    return ServedNetwork(address, Signature(inputs, outputs), info, metadata.get("platform") == "OpenVINO")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is {one_line(value, 60)}, expected names with values")
    return value


def _specs(metadata: Mapping[str, Any], kind: str) -> tuple[TensorSpec, ...]:
    items = metadata.get(kind)
    if not isinstance(items, list) or not 0 < len(items) <= MOST_TENSORS:
        raise ValueError(f"{kind} are {one_line(items, 60)}, expected a list of 1 to {MOST_TENSORS}")
    specs = tuple(_spec(_mapping(item, f"one of the {kind}")) for item in items)
    if len({name for spec in specs for name in spec.names}) != len(specs):
        raise ValueError(f"two of the {kind} have one name")
    sizes = [bytes_of(spec) or 0 for spec in specs]
    if sum(sizes) > LARGEST_BYTES:
        largest = specs[sizes.index(max(sizes))]
        raise ValueError(f"{kind} of {sum(sizes):,} bytes, {largest} the largest; {LARGEST_BYTES:,} are the most")
    return specs


def _spec(item: Mapping[str, Any]) -> TensorSpec:
    name, kind, shape = item.get("name"), item.get("datatype"), item.get("shape") or []
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a tensor's name is {one_line(name, 60)}")
    if not isinstance(kind, str) or not re.fullmatch(r"\w{1,20}", kind):
        raise ValueError(f"the type of {name} is {one_line(kind, 60)}, expected one of {', '.join(TYPES)}")
    if not isinstance(shape, list) or len(shape) > LARGEST_RANK:
        raise ValueError(f"the shape of {name} is {one_line(shape, 60)}, expected up to {LARGEST_RANK} sizes")
    return TensorSpec(frozenset({name}), tuple(_size(size, name) for size in shape), dtype_of(kind))


def dtype_of(kind: str) -> str:
    """OpenVINO's name of a type, KServe's own where it is not among TYPES."""
    return TYPES[kind][0] if kind in TYPES else kind


def _size(size: object, name: str) -> int | None:
    """Numbers come as text over gRPC; -1 stands for any size."""
    is_number = isinstance(size, int) and not isinstance(size, bool)
    value = int(size) if is_number or (isinstance(size, str) and re.fullmatch(r"-?\d{1,10}", size)) else 0  # type: ignore[call-overload]
    if value != -1 and not 0 < value < 1 << 31:
        raise ValueError(f"a size of {name} is {one_line(size, 60)}, expected a whole number from 1, or -1 for any")
    return None if value == -1 else value
