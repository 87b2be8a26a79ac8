"""A model on a server that speaks KServe v2, the Open Inference Protocol, over gRPC or HTTP.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol; over HTTP tensors travel as bytes,
by its binary data extension. OpenVINO Model Server, Triton and KServe's own server take both. This is the one door to
tritonclient, an optional extra: it is imported only when a server is used.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import warnings
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from threading import Thread
from types import ModuleType
from typing import Any, Protocol, TypeVar

from model_api.adapters.kserve.address import Address
from model_api.errors import DeviceError, InferenceError, ModelFileError
from model_api.extras import install_command
from model_api.types import Tensors

INSTALL = install_command("ovms")
OPENING_TIMEOUT_S = 10.0
LONGEST_MESSAGE = 200

Answer = TypeVar("Answer")


class Client(Protocol):
    """A connection to a server. Every call waits for its answer; several threads may call `infer` at once."""

    def server(self) -> Mapping[str, Any]:
        """The server's description of itself."""

    def is_ready(self) -> bool:
        """Whether the model can compute."""

    def metadata(self) -> Mapping[str, Any]:
        """The server's description of the model."""

    def infer(self, inputs: Tensors, outputs: Iterable[str]) -> Tensors:
        """Compute these outputs."""

    def break_off(self) -> None:
        """End the calls of other threads, now and later, with an error."""

    def close(self) -> None:
        """Close the connection, once no thread uses it."""


def connect(address: Address, timeout_s: float) -> Client:
    """Connect to a server.

    Args:
        address: the model on the server.
        timeout_s: the longest that an answer may take, in seconds.

    Raises:
        DeviceError: tritonclient is missing.
    """
    return _GrpcClient(address, timeout_s) if address.scheme == "grpc" else _HttpClient(address, timeout_s)


def describe(address: Address) -> Mapping[str, Any]:
    """Ask a server for the description of a model: name, platform, inputs, outputs and more.

    Raises:
        DeviceError: no server answers, or the model is not ready.
        ModelFileError: the server does not have the model.
    """
    with closing(connect(address, OPENING_TIMEOUT_S)) as client:
        try:
            client.server()
        except _ServerError as error:
            remedy = f"Is it running, and is this its {address.protocol} port?"
            raise DeviceError(f"No model server answers at {address}: {error}. {remedy}") from error
        try:
            ready = client.is_ready()
            metadata = client.metadata()
        except _ServerError as error:
            raise ModelFileError(f"Model server {address} does not give {address.name}: {error}") from error
        if not ready:
            raise DeviceError(f"Model {address.name} on {address} is not ready. Is it being loaded? Try again later")
        return metadata


def infer(client: Client, address: Address, inputs: Tensors, outputs: Iterable[str]) -> Tensors:
    """Compute some outputs on the server.

    Args:
        client: a connection to it.
        address: the model, for messages.
        inputs: input name -> array.
        outputs: their names.

    Raises:
        InferenceError: no answer in time, no connection, or the server refuses.
    """
    try:
        return client.infer(inputs, outputs)
    except _LateError as error:
        raise InferenceError(
            f"model server {address}: {error}. Is it busy or stopped? If it needs more time, raise the timeout",
            "timeout_s",
        ) from error
    except _LostError as error:
        raise InferenceError(
            f"Model server {address} is gone ({error}). Start it again, and this program after it"
        ) from error
    except _ServerError as error:
        remedy = (
            "" if address.scheme == "grpc" else ". For a server that takes no binary tensors over HTTP, use grpc://"
        )
        raise InferenceError(f"Model server {address} refuses to compute {address.name}: {error}{remedy}") from error


class _ServerError(Exception):
    """The server's reason in one line."""


class _LostError(_ServerError):
    """There is no connection."""


class _LateError(_ServerError):
    """No answer in time."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"no answer within {timeout_s:g} s")


class _GrpcClient:
    def __init__(self, address: Address, timeout_s: float) -> None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it would write to the terminal what its errors say too
        self._library = _library("tritonclient.grpc")
        self._address = address
        self._timeout_s = timeout_s
        self._client = self._library.InferenceServerClient(address.server)
        self._model = {"model_name": address.model, "model_version": address.version, "client_timeout": timeout_s}

    def server(self) -> Mapping[str, Any]:
        with self._explained():
            return self._client.get_server_metadata(as_json=True, client_timeout=self._timeout_s)

    def is_ready(self) -> bool:
        with self._explained():
            return self._client.is_model_ready(**self._model)

    def metadata(self) -> Mapping[str, Any]:
        with self._explained():
            return self._client.get_model_metadata(**self._model, as_json=True)

    def infer(self, inputs: Tensors, outputs: Iterable[str]) -> Tensors:
        with self._explained():
            return _tensors(self._client.infer(**self._model, **_request(self._library, inputs, outputs)), outputs)

    def break_off(self) -> None:
        self._client.close()

    close = break_off

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._library.InferenceServerException as error:
            status = (error.status() or "").rpartition(".")[2]
            if status == "DEADLINE_EXCEEDED":
                raise _LateError(self._timeout_s) from error
            lost = status in ("UNAVAILABLE", "CANCELLED")
            raise (_LostError if lost else _ServerError)(_one_line(error.message())) from error


class _HttpClient:
    """tritonclient's client for asyncio, in a thread of its own: unlike the plain one it can be broken off."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._library = _library("tritonclient.http.aio")
        self._lost = (import_module("aiohttp").ClientError, OSError)
        # aiohttp recommends a file for a long request, but tritonclient sends bytes.
        warnings.filterwarnings("ignore", "Sending a large body directly", ResourceWarning)
        self._address = address
        self._timeout_s = timeout_s
        self._model = {"model_name": address.model, "model_version": address.version}
        self._broken = False
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="model server", daemon=True)
        self._thread.start()
        self._client = asyncio.run_coroutine_threadsafe(self._opened(), self._loop).result()

    def server(self) -> Mapping[str, Any]:
        return self._answer(self._client.get_server_metadata)

    def is_ready(self) -> bool:
        return self._answer(self._client.is_model_ready, **self._model)

    def metadata(self) -> Mapping[str, Any]:
        return self._answer(self._client.get_model_metadata, **self._model)

    def infer(self, inputs: Tensors, outputs: Iterable[str]) -> Tensors:
        request = _request(self._library, inputs, outputs)
        return _tensors(self._answer(self._client.infer, **self._model, **request), outputs)

    def break_off(self) -> None:
        asyncio.run_coroutine_threadsafe(self._broken_off(), self._loop).result()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _answer(self, question: Callable[..., Coroutine[Any, Any, Answer]], **details: Any) -> Answer:
        # By default aiohttp asks for gzip: tritonclient does not read it, and it costs Triton 200 ms a frame of 720p.
        details["headers"] = {"Accept-Encoding": "identity"}
        try:
            return asyncio.run_coroutine_threadsafe(self._asked(question, details), self._loop).result()
        except asyncio.TimeoutError as error:
            raise _LateError(self._timeout_s) from error
        except self._lost as error:
            raise _LostError(_one_line(str(error) or type(error).__name__)) from error
        except self._library.InferenceServerException as error:
            raise _ServerError(_one_line(error.message())) from error
        except ValueError as error:
            raise _ServerError(f"its answer is not KServe's ({_one_line(str(error))})") from error

    async def _opened(self) -> Any:
        secure = self._address.scheme == "https"
        context = ssl.create_default_context() if secure else None
        return self._library.InferenceServerClient(
            self._address.server, conn_timeout=self._timeout_s, ssl=secure, ssl_context=context
        )

    async def _asked(self, question: Callable[..., Coroutine[Any, Any, Answer]], details: Mapping[str, Any]) -> Answer:
        if self._broken:
            raise _LostError("it was broken off here")
        return await question(**details)

    async def _broken_off(self) -> None:
        self._broken = True
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _library(name: str) -> ModuleType:
    try:
        return import_module(name)
    except (ImportError, RuntimeError) as error:  # RuntimeError: tritonclient without what this protocol needs
        raise DeviceError(
            f"ovms needs tritonclient ({_one_line(str(error))}). Install it: {INSTALL}", "adapter"
        ) from error


def _request(library: ModuleType, inputs: Tensors, outputs: Iterable[str]) -> dict[str, Any]:
    """Arguments of either client's `infer`."""
    type_name = import_module("tritonclient.utils").np_to_triton_dtype
    asked = [library.InferInput(name, list(array.shape), type_name(array.dtype)) for name, array in inputs.items()]
    for item, array in zip(asked, inputs.values(), strict=True):
        item.set_data_from_numpy(array)
    return {"inputs": asked, "outputs": [library.InferRequestedOutput(name) for name in outputs]}


def _tensors(result: Any, outputs: Iterable[str]) -> Tensors:
    tensors = {name: result.as_numpy(name) for name in outputs}
    missing = [name for name, array in tensors.items() if array is None]
    if missing:
        raise _ServerError(f"its answer lacks {', '.join(missing)}")
    return tensors


def _one_line(text: str | None) -> str:
    return " ".join((text or "it names no reason").split()).rstrip(".")[:LONGEST_MESSAGE]
