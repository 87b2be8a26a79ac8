"""KServe v2 over gRPC, through tritonclient."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from threading import Lock
from typing import Any

from model_api.adapters.kserve.access import ServerAccess
from model_api.adapters.kserve.address import Address
from model_api.adapters.kserve.faults import DeniedError, LateError, LostError, ServerError, WrongAnswerError
from model_api.adapters.kserve.requests import request_arguments
from model_api.adapters.kserve.tensors import ReceivedTensor, require_answer_to
from model_api.types import Tensors

LONGEST_DESCRIPTION = 1 << 22
STEP_BYTES = 1 << 22
"""Bounds are multiples of this, so that answers of about one size share a channel."""
LONGEST_MESSAGE = (1 << 31) - 1
"""gRPC's own bound."""
FAULTS: Mapping[str, type[ServerError]] = {
    "UNAVAILABLE": LostError,
    "CANCELLED": LostError,
    "UNAUTHENTICATED": DeniedError,
    "PERMISSION_DENIED": DeniedError,
    "RESOURCE_EXHAUSTED": WrongAnswerError,
    "INTERNAL": ServerError,
}
"""gRPC's status -> what that is to us."""
TYPED = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents",
}  # fmt: skip
"""KServe's name of a type -> the field for its numbers, in answers without raw bytes."""


class GrpcClient:
    """One channel for each bound of an answer's length. See `client.Client`."""

    def __init__(self, address: Address, access: ServerAccess) -> None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it would write to the terminal what its errors say too
        self._library = import_module("tritonclient.grpc")
        logging.getLogger("grpc").setLevel(logging.CRITICAL + 1)  # tracebacks of answers that are no messages
        self._address = address
        self._access = access
        self._credentials = self._trusted() if address.is_secure else None
        self._model = {"model_name": address.model, "model_version": address.version}
        self._every = {"client_timeout": access.timeout_s, "headers": dict(access.headers)}
        self._numbers = count(1)
        self._channels: dict[int, Any] = {}
        self._broken = False
        self._opening = Lock()

    def server(self) -> object:
        """See `Client`."""
        with self._explained():
            return self._channel(LONGEST_DESCRIPTION).get_server_metadata(**self._every)

    def is_ready(self) -> bool:
        """See `Client`."""
        with self._explained():
            return bool(self._channel(LONGEST_DESCRIPTION).is_model_ready(**self._model, **self._every))

    def metadata(self) -> object:
        """See `Client`."""
        with self._explained():
            found = self._channel(LONGEST_DESCRIPTION).get_model_metadata(**self._model, **self._every)
        described = {kind: [_described(item) for item in getattr(found, kind)] for kind in ("inputs", "outputs")}
        return {"name": found.name, "platform": found.platform, **described}

    def infer(self, inputs: Tensors, outputs: Iterable[str], longest: int) -> Sequence[ReceivedTensor]:
        """See `Client`."""
        number = str(next(self._numbers))
        arguments = request_arguments(self._library, inputs, outputs)
        with self._explained():
            result = self._channel(longest).infer(**self._model, **self._every, **arguments, request_id=number)
        return received_tensors(result.get_response(), self._address.model, number)

    def break_off(self) -> None:
        """See `Client`."""
        with self._opening:
            self._broken = True
            for channel in self._channels.values():
                channel.close()

    close = break_off

    def _channel(self, longest: int) -> Any:
        """A channel that refuses longer messages, before there is memory for them."""
        bound = -(-longest // STEP_BYTES) * STEP_BYTES
        with self._opening:
            if self._broken:
                raise LostError("it was broken off here")
            if bound not in self._channels:
                self._channels[bound] = self._opened(bound)
            return self._channels[bound]

    def _opened(self, longest: int) -> Any:
        options = [
            ("grpc.max_send_message_length", LONGEST_MESSAGE),
            ("grpc.max_receive_message_length", longest),
            # A packed message would be unpacked without a bound. Bit 0 stands for "not packed".
            ("grpc.compression_enabled_algorithms_bitset", 1),
            ("grpc.per_message_decompression", 0),
            ("grpc.enable_retries", 0),
        ]
        return self._library.InferenceServerClient(self._address.server, creds=self._credentials, channel_args=options)

    def _trusted(self) -> Any:
        return import_module("grpc").ssl_channel_credentials(root_certificates=self._access.authorities())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._library.InferenceServerException as error:
            status = (error.status() or "").rpartition(".")[2]
            if status == "DEADLINE_EXCEEDED":
                raise LateError(self._access.timeout_s) from error
            raise FAULTS.get(status, ServerError)(error.message()) from error
        except (ValueError, UnicodeError) as error:  # a channel that was closed meanwhile
            raise LostError(error) from error


def received_tensors(response: Any, model: str, number: str) -> list[ReceivedTensor]:
    """The tensors of an answer to a request.

    Args:
        response: a ModelInferResponse of the protocol.
        model: its name in the request.
        number: the request's.

    Raises:
        WrongAnswerError: the answer belongs to another request, or has more bytes than outputs.
    """
    require_answer_to(number, model, {"id": response.id, "model_name": response.model_name})
    outputs, raw = response.outputs, response.raw_output_contents
    if raw and len(raw) != len(outputs):
        raise WrongAnswerError(f"its answer has {len(outputs)} outputs and the bytes of {len(raw)}")
    data = (
        list(raw) if raw else [getattr(item.contents, TYPED.get(item.datatype, "bytes_contents")) for item in outputs]
    )
    return [
        ReceivedTensor(item.name, item.datatype, list(item.shape), content)
        for item, content in zip(outputs, data, strict=True)
    ]


def _described(item: Any) -> Mapping[str, Any]:
    return {"name": item.name, "datatype": item.datatype, "shape": list(item.shape)}
