"""KServe v2 over HTTP: tensors travel as bytes, by the binary data extension.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md. tritonclient writes
the requests. Its own way of reading answers believes them: it takes any length, and unpacks gzip without a bound. So
answers are read here, up to the length that they may have.
"""

from __future__ import annotations

import asyncio
import json
import warnings
import zlib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import quote

from model_api.adapters.kserve.access import ServerAccess
from model_api.adapters.kserve.address import Address
from model_api.adapters.kserve.faults import DeniedError, LateError, LostError, ServerError, WrongAnswerError
from model_api.adapters.kserve.requests import request_arguments
from model_api.adapters.kserve.tensors import ReceivedTensor, require_answer_to
from model_api.terminal.foreign_text import one_line
from model_api.types import Tensors

LONGEST_JSON = 1 << 24
"""Bytes. Of JSON alone: Python needs up to 30 times as much for it."""
LONGEST_REASON = 1 << 16
"""Bytes that are read of an answer that is an error."""
DENIED = (401, 403)
JSON_LENGTH = "Inference-Header-Content-Length"
ENCODED = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""Content-Encoding -> zlib's number of it."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class HttpAnswer:
    """status, headers and content of an answer."""

    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytearray


class HttpClient:
    """An HTTP session in a thread of its own, so that it can be broken off. See `client.Client`."""

    def __init__(self, address: Address, access: ServerAccess) -> None:
        self._library = import_module("tritonclient.http")
        self._http = import_module("aiohttp")
        # aiohttp recommends a file for a long request, but the tensors are in memory.
        warnings.filterwarnings("ignore", "Sending a large body directly", ResourceWarning)
        self._access = access
        self._model = address.model
        version = f"/versions/{address.version}" if address.version else ""
        self._server_url = f"{address.scheme}://{address.server}/v2"
        self._model_url = f"{self._server_url}/models/{quote(address.model, safe='')}{version}"
        self._context = access.tls_context() if address.is_secure else None
        self._numbers = count(1)
        self._broken = False
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="model server", daemon=True)
        self._thread.start()
        self._session = self._run(self._opened())

    def server(self) -> object:
        """See `Client`."""
        return self._get(self._server_url)

    def is_ready(self) -> bool:
        """See `Client`."""
        return self._answer("GET", f"{self._model_url}/ready", LONGEST_REASON).status == 200

    def metadata(self) -> object:
        """See `Client`."""
        return self._get(self._model_url)

    def infer(self, inputs: Tensors, outputs: Iterable[str], longest: int) -> Sequence[ReceivedTensor]:
        """See `Client`."""
        number = str(next(self._numbers))
        arguments = request_arguments(self._library, inputs, outputs)
        body, json_length = self._library.InferenceServerClient.generate_request_body(**arguments, request_id=number)
        headers = {"Content-Type": "application/octet-stream", JSON_LENGTH: str(json_length)} if json_length else {}
        answer = self._answer("POST", f"{self._model_url}/infer", longest, body, headers)
        return received_tensors(_successful(answer), self._model, number)

    def break_off(self) -> None:
        """See `Client`."""
        self._run(self._broken_off())

    def close(self) -> None:
        """See `Client`."""
        self._run(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _get(self, url: str) -> object:
        return _parsed(_successful(self._answer("GET", url, LONGEST_JSON)))

    def _answer(
        self, method: str, url: str, longest: int, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        # Compression costs Triton 200 ms a frame of 720p. A server that compresses all the same is read nevertheless.
        every = {"Accept-Encoding": "identity", **self._access.headers, **(headers or {})}
        timeout_s = self._access.timeout_s
        try:
            return self._run(self._asked(method, url, longest, body, every))
        except asyncio.TimeoutError as error:
            raise LateError(timeout_s) from error
        except self._http.ServerDisconnectedError as error:
            raise LostError("it closed the connection") from error
        except self._http.ClientPayloadError as error:
            raise WrongAnswerError("its answer breaks off") from error
        except self._http.ClientResponseError as error:
            raise WrongAnswerError(f"its answer is no HTTP ({one_line(error.message, 60)})") from error
        except (self._http.ClientError, OSError) as error:
            raise LostError(_words(error)) from error

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _opened(self) -> Any:
        connector = self._http.TCPConnector(ssl=True if self._context is None else self._context)
        untimed = self._http.ClientTimeout(total=None)
        return self._http.ClientSession(
            connector=connector, timeout=untimed, auto_decompress=False, cookie_jar=self._http.DummyCookieJar()
        )

    async def _asked(self, *question: Any) -> HttpAnswer:
        if self._broken:
            raise LostError("it was broken off here")
        return await asyncio.wait_for(self._exchanged(*question), self._access.timeout_s)

    async def _exchanged(
        self, method: str, url: str, longest: int, body: bytes | None, headers: Mapping[str, str]
    ) -> HttpAnswer:
        # A redirection would carry frames and token to a server that the user has not named.
        asking = self._session.request(method, url, data=body, headers=headers, allow_redirects=False)
        async with asking as response:
            most = longest if response.status == 200 else LONGEST_REASON
            content = await _content(response, most)
            return HttpAnswer(response.status, response.reason or "", response.headers, content)

    async def _broken_off(self) -> None:
        self._broken = True
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def received_tensors(answer: HttpAnswer, model: str, number: str) -> list[ReceivedTensor]:
    """The tensors of an answer to a request.

    Args:
        answer: with status 200.
        model: its name in the request.
        number: the request's.

    Raises:
        WrongAnswerError: the answer is not one of the protocol, or belongs to another request.
    """
    length = answer.headers.get(JSON_LENGTH, str(len(answer.content)))
    if not length.isdecimal() or len(length) > 12 or int(length) > len(answer.content):
        raise WrongAnswerError(f"its answer of {len(answer.content)} bytes begins with {one_line(length, 20)} of JSON")
    header = _parsed(answer, int(length))
    if not isinstance(header, dict) or not isinstance(header.get("outputs"), list):
        raise WrongAnswerError(f"its answer has no outputs ({one_line(header, 60)})")
    require_answer_to(number, model, header)
    rest = memoryview(answer.content)[int(length) :]
    tensors = []
    for item in header["outputs"]:
        if not isinstance(item, dict):
            raise WrongAnswerError(f"its answer has {one_line(item, 60)} for an output")
        tensor, rest = _taken(item, rest)
        tensors.append(tensor)
    if rest:
        raise WrongAnswerError(f"its answer has {len(rest)} bytes more than its outputs")
    return tensors


def _taken(item: Mapping[str, Any], rest: memoryview) -> tuple[ReceivedTensor, memoryview]:
    """An output, and the bytes after its own."""
    name, parameters = item.get("name"), item.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        data = item.get("data")
        numbers = _flat(data) if isinstance(data, list) else []
        return ReceivedTensor(name, item.get("datatype"), item.get("shape"), numbers), rest
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(rest):
        raise WrongAnswerError(f"its answer has {len(rest)} bytes where output {one_line(name, 60)} has {size}")
    return ReceivedTensor(name, item.get("datatype"), item.get("shape"), rest[:size]), rest[size:]


def _flat(data: list[Any]) -> list[Any]:
    """The numbers of nested lists, which the protocol allows."""
    while data and all(isinstance(item, list) for item in data):
        data = [number for item in data for number in item]
    return data


async def _content(response: Any, longest: int) -> bytearray:
    """The body of an answer, unpacked. Raises WrongAnswerError once it is longer than `longest`."""
    unpack = _unpacker(response.headers.get("Content-Encoding", "identity"))
    content = bytearray()
    async for piece in response.content.iter_any():
        content += unpack(piece, longest + 1 - len(content))
        if len(content) > longest:
            raise WrongAnswerError(f"its answer is longer than {longest:,} bytes")
    return content


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """A function that unpacks a piece, up to a number of bytes."""
    if encoding in ("", "identity"):
        return lambda piece, most: piece[:most]
    if encoding not in ENCODED:
        raise WrongAnswerError(f"its answer is packed by {one_line(encoding, 20)}, which was not asked for")
    decoder = zlib.decompressobj(ENCODED[encoding])

    def unpack(piece: bytes, most: int) -> bytes:
        try:
            return decoder.decompress(piece, most)
        except zlib.error as error:
            raise WrongAnswerError(f"its answer is damaged {encoding} ({error})") from None

    return unpack


def _successful(answer: HttpAnswer) -> HttpAnswer:
    if answer.status == 200:
        return answer
    said = f"answered {answer.status} {one_line(answer.reason, 60)}".rstrip()
    if 300 <= answer.status < 400:
        raise ServerError(f"{said}: it sends us to {one_line(answer.headers.get('Location'), 100)}. Name that one")
    try:
        parsed = json.loads(answer.content)
        reason = parsed["error"] if isinstance(parsed, dict) else parsed
    except (ValueError, KeyError, RecursionError):
        reason = bytes(answer.content[:LONGEST_REASON]).decode("utf-8", "replace")
    if answer.status in DENIED:
        raise DeniedError(f"{said}: {one_line(reason)}" if reason else said)
    raise ServerError(one_line(reason or said))


def _parsed(answer: HttpAnswer, length: int | None = None) -> object:
    """The first `length` bytes of the answer, or all, as JSON."""
    text = memoryview(answer.content)[:length]
    if len(text) > LONGEST_JSON:
        raise WrongAnswerError(f"its answer has {len(text):,} bytes of JSON, {LONGEST_JSON:,} are the most")
    try:
        return json.loads(bytes(text))
    except (ValueError, RecursionError) as error:
        kind = one_line(answer.headers.get("Content-Type", "no type"), 60)
        raise WrongAnswerError(f"its answer is not KServe's JSON but {kind} ({one_line(error, 80)})") from None


def _words(error: BaseException) -> str:
    return one_line(str(error) or type(error).__name__)
