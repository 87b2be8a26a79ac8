"""Model servers on this machine that answer wrongly, over real sockets: each test says what to which question.

Both answer for one network, `SHAPES` at first, as KServe's v2 protocol has it. What a test changes is what is wrong.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

HEIGHT, WIDTH = 48, 64
IMAGE = {"name": "input", "datatype": "FP32", "shape": [1, 3, HEIGHT, WIDTH]}
ALPHA = {"name": "output", "datatype": "FP32", "shape": [1, 1, HEIGHT, WIDTH]}
PORTRAIT = {"name": "net", "platform": "test", "inputs": [IMAGE], "outputs": [ALPHA]}
METHODS = {"ServerMetadata": "server", "ModelReady": "ready", "ModelMetadata": "model", "ModelInfer": "infer"}
"""gRPC's name of a question -> ours."""


@dataclass(frozen=True)
class Question:
    """kind: server, ready, model or infer. number: the request's. headers: in lower case."""

    kind: str
    number: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Reply = Callable[[Question], "bytes | Iterator[bytes]"]
"""What a question is answered with: the bytes on the wire over HTTP, those of the message over gRPC."""


def zeros(spec: Mapping[str, Any]) -> bytes:
    """The bytes of an output, a size that may vary taken for 1."""
    return bytes(prod(abs(size) for size in spec["shape"]) * np.dtype(np.float32).itemsize)


# HTTP


def http(body: bytes, status: str = "200 OK", length: int | None = None, **headers: object) -> bytes:
    """An answer on the wire. length: what it says of its body, in place of the truth."""
    lines = {"Content-Length": len(body) if length is None else length, **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


def inferred(question: Question, *outputs: Mapping[str, Any], data: bytes | None = None, **header: Any) -> bytes:
    """A body with outputs as bytes. data: all of them, zeros by default."""
    contents = [zeros(item) if data is None else data for item in outputs]
    described = [
        {"parameters": {"binary_data_size": len(content)}, **item}
        for item, content in zip(outputs, contents, strict=True)
    ]
    text = json.dumps({"model_name": "net", "id": question.number, "outputs": described, **header}).encode()
    return http(text + b"".join(contents), Inference_Header_Content_Length=len(text))


def good_http(metadata: Mapping[str, Any]) -> dict[str, Reply]:
    """Right answers for a network."""
    return {
        "server": lambda _: http(b'{"name": "test", "version": "1", "extensions": []}'),
        "ready": lambda _: http(b""),
        "model": lambda _: http(json.dumps(metadata).encode()),
        "infer": lambda question: inferred(question, *metadata["outputs"]),
    }


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):
            while self._answered():
                pass

    def _answered(self) -> bool:
        words = self.rfile.readline().split()
        headers = {}
        while (line := self.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if len(words) < 2:
            return False
        body = self.rfile.read(int(headers.get("content-length", 0)))
        kind = _kind(words[1].decode())
        number = json.loads(body[: int(headers["inference-header-content-length"])])["id"] if kind == "infer" else ""
        question = Question(kind, number, headers)
        self.server.asked.append(question)
        answer = self.server.replies[kind](question)
        for piece in [answer] if isinstance(answer, bytes) else answer:
            self.wfile.write(piece)
        return isinstance(answer, bytes)


def _kind(path: str) -> str:
    return {"v2": "server", "ready": "ready", "infer": "infer"}.get(path.rpartition("/")[2], "model")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    replies: Mapping[str, Reply]
    asked: list[Question]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no fault here."""


@dataclass
class HostileServer:
    """address: host:port. asked: every question that came."""

    address: str
    asked: list[Question]


@contextmanager
def http_server(
    replies: Mapping[str, Reply], metadata: Mapping[str, Any] = PORTRAIT, certificate: str | None = None
) -> Iterator[HostileServer]:
    """Serve over HTTP. certificate: a PEM file with its key, for HTTPS."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.replies, server.asked = {**good_http(metadata), **replies}, []
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield HostileServer(f"127.0.0.1:{server.server_address[1]}", server.asked)
        finally:
            server.shutdown()


# gRPC


def message(kind: str, **fields: Any) -> bytes:
    """A message of the protocol: ServerMetadataResponse and the like."""
    from tritonclient.grpc import service_pb2

    return bytes(getattr(service_pb2, f"{kind}Response")(**fields).SerializeToString())


def inferred_message(question: Question, *outputs: Mapping[str, Any], **fields: Any) -> bytes:
    """An answer with outputs as bytes, zeros by default."""
    raw = [zeros(item) for item in outputs]
    return message(
        "ModelInfer",
        **{"model_name": "net", "id": question.number, "outputs": list(outputs), "raw_output_contents": raw, **fields},
    )


def good_grpc(metadata: Mapping[str, Any]) -> dict[str, Reply]:
    """Right answers for a network."""
    return {
        "server": lambda _: message("ServerMetadata", name="test", version="1"),
        "ready": lambda _: message("ModelReady", ready=True),
        "model": lambda _: message("ModelMetadata", **metadata),
        "infer": lambda question: inferred_message(question, *metadata["outputs"]),
    }


@contextmanager
def grpc_server(
    replies: Mapping[str, Reply],
    metadata: Mapping[str, Any] = PORTRAIT,
    certificate: str | None = None,
    *,
    packed: bool = False,
) -> Iterator[HostileServer]:
    """Serve over gRPC. A reply may raise to end a call. packed: messages go through gzip."""
    import grpc
    from tritonclient.grpc import service_pb2

    every, asked = {**good_grpc(metadata), **replies}, []

    def handler(kind: str) -> Any:
        def answer(request: bytes, context: Any) -> bytes:
            number = service_pb2.ModelInferRequest.FromString(request).id if kind == "infer" else ""
            asked.append(Question(kind, number, dict(context.invocation_metadata())))
            try:
                return b"".join([every[kind](asked[-1])])  # type: ignore[list-item]
            except RefusalError as refusal:
                context.abort(grpc.StatusCode[refusal.status], refusal.words)
            raise AssertionError

        return grpc.unary_unary_rpc_method_handler(answer)

    handlers = {method: handler(kind) for method, kind in METHODS.items()}
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    compression = grpc.Compression.Gzip if packed else None
    with ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool, options=options, compression=compression)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers),)
        )
        if certificate:
            with open(certificate, "rb") as file:
                pem = file.read()
            credentials = grpc.ssl_server_credentials([(pem, pem)])
            port = server.add_secure_port("127.0.0.1:0", credentials)
        else:
            port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield HostileServer(f"127.0.0.1:{port}", asked)
        finally:
            server.stop(0).wait()


class RefusalError(Exception):
    """status: gRPC's name of it. words: what is said about it."""

    def __init__(self, status: str, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words
