"""A model on a server that speaks KServe v2, the Open Inference Protocol, over gRPC or HTTP.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol. OpenVINO Model Server, Triton and
KServe's own server take both. This folder is the one door to tritonclient, an optional extra: it is imported only when
a server is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Protocol

from model_api.adapters.kserve.access import ServerAccess, warn_of_clear_text
from model_api.adapters.kserve.address import Address
from model_api.adapters.kserve.faults import DeniedError, LateError, LostError, ServerError, WrongAnswerError
from model_api.adapters.kserve.tensors import ReceivedTensor
from model_api.errors import DeviceError, InferenceError, ModelContractError, ModelFileError
from model_api.extras import install_command
from model_api.terminal.foreign_text import one_line
from model_api.types import Tensors

INSTALL = install_command("ovms")
OPENING_TIMEOUT_S = 10.0


class Client(Protocol):
    """A connection to a server. Every call waits for its answer; several threads may call `infer` at once."""

    def server(self) -> object:
        """The server's description of itself."""

    def is_ready(self) -> bool:
        """Whether the model can compute."""

    def metadata(self) -> object:
        """The server's description of the model, which may be anything."""

    def infer(self, inputs: Tensors, outputs: Iterable[str], longest: int) -> Sequence[ReceivedTensor]:
        """Compute these outputs. longest: bytes of the answer; a longer one is refused before it has been read."""

    def break_off(self) -> None:
        """End the calls of other threads, now and later, with an error."""

    def close(self) -> None:
        """Close the connection, once no thread uses it."""


def connect(address: Address, access: ServerAccess) -> Client:
    """Connect to a server.

    Args:
        address: the model on the server.
        access: how the server is reached.

    Raises:
        DeviceError: tritonclient is missing.
    """
    try:
        return _client_of(address)(address, access)
    except (ImportError, RuntimeError) as error:  # RuntimeError: tritonclient without what this protocol needs
        raise DeviceError(f"ovms needs tritonclient ({one_line(error)}). Install it: {INSTALL}", "adapter") from error


def describe(address: Address, access: ServerAccess) -> object:
    """Ask a server for the description of a model: name, platform, inputs, outputs and more.

    Raises:
        DeviceError: no server answers, or the model is not ready.
        ModelContractError: the description is not one of the protocol.
        ModelFileError: the server does not have the model.
    """
    warn_of_clear_text(address, access)
    quick = replace(access, timeout_s=min(access.timeout_s, OPENING_TIMEOUT_S))
    with closing(connect(address, quick)) as client:
        try:
            with _denied(address):
                client.server()
        except ServerError as error:
            signed = ", and does server_ca name who signed its certificate" if address.is_secure else ""
            remedy = f"Is it running, and is this its {address.protocol} port{signed}?"
            raise DeviceError(f"No model server answers at {address}: {error}. {remedy}") from error
        try:
            with _denied(address):
                ready, metadata = client.is_ready(), client.metadata()
        except WrongAnswerError as error:
            raise ModelContractError(f"Model server {address} describes {address.name} wrongly: {error}") from error
        except ServerError as error:
            raise ModelFileError(f"Model server {address} does not give {address.name}: {error}") from error
        if not ready:
            raise DeviceError(f"Model {address.name} on {address} is not ready. Is it being loaded? Try again later")
        return metadata


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Turn what goes wrong with a request into errors for the user.

    Args:
        address: the model, for messages.

    Raises:
        InferenceError: no answer in time, no connection, the server refuses, or its answer is not what was asked for.
    """
    try:
        with _denied(address):
            yield
    except LateError as error:
        raise InferenceError(
            f"model server {address}: {error}. Is it busy or stopped? If it needs more time, raise the timeout",
            "timeout_s",
        ) from error
    except LostError as error:
        raise InferenceError(
            f"Model server {address} is gone ({error}). Start it again, and this program after it"
        ) from error
    except WrongAnswerError as error:
        raise InferenceError(
            f"Model server {address} computes {address.name} wrongly: {error}. Is it the model that it describes?"
        ) from error
    except ServerError as error:
        remedy = (
            ". For a server that takes no binary tensors over HTTP, use grpc://" if "http" in address.scheme else ""
        )
        raise InferenceError(f"Model server {address} refuses to compute {address.name}: {error}{remedy}") from error


def _client_of(address: Address) -> Callable[[Address, ServerAccess], Client]:
    # Imported here: asyncio would lengthen the start of every command, with a server or without.
    if address.scheme.startswith("http"):
        from model_api.adapters.kserve.http_client import HttpClient

        return HttpClient
    from model_api.adapters.kserve.grpc_client import GrpcClient

    return GrpcClient


@contextmanager
def _denied(address: Address) -> Iterator[None]:
    try:
        yield
    except DeniedError as error:
        raise DeviceError(f"model server {address}: {error}; give a token that it knows", "server_token") from error
