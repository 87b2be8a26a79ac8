"""A web server on this machine whose faults are chosen: what a download has to cope with."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

Answer = Callable[["Handler", bytes, int], None]
"""Answers one request for a file with this content, from the byte that was asked for on (0: no range was asked for)."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        offset = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        version = self.headers.get("If-Range")
        asked = f"{path} from {offset}" if offset else path
        self.server.web.asked.append(f"{asked} if {version}" if version else asked)
        self.server.web.answer(path)(self, self.server.web.files.get(path, b""), offset)

    def do_PUT(self) -> None:
        """A file whose length is not known before, in chunks (RFC 9112, 7.1)."""
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        self.server.web.offer(self.path, b"".join(parts))
        self.head(201, Content_Length=0)

    def do_CONNECT(self) -> None:
        self.server.web.asked.append(f"CONNECT {self.path}")
        self.send_error(403, "No way out of here")

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def body(self, content: bytes) -> None:
        self.wfile.write(content)
        self.wfile.flush()

    def wait_for_the_end(self) -> None:
        """Send nothing more until the server closes."""
        self.server.web.closing.wait()

    def log_message(self, format: str, *words: object) -> None:  # noqa: A002
        """Nothing on the terminal."""


class Server(ThreadingHTTPServer):
    web: Web

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no fault here."""


@dataclass
class Web:
    """files: path -> content. answers: path -> what each request for it gets in turn, the last one for ever."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def offer(self, path: str, content: bytes, *answers: Answer) -> str:
        """Put a file there; gives its address."""
        self.files[path] = content
        self.answers[path] = list(answers or [ranged])
        return self.address + path

    def answer(self, path: str) -> Answer:
        waiting = self.answers.get(path, [status(404)])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def answering(server: ThreadingHTTPServer, closing: threading.Event | None = None) -> Iterator[str]:
    """Let a server answer until the block ends. Gives http://HOST:PORT. closing: set by then, for what waits for it."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            if closing:
                closing.set()
            server.shutdown()
            thread.join()


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Web]:
    """certificate: a PEM file with its key, for HTTPS."""
    server = Server(("127.0.0.1", 0), Handler)
    server.web = Web(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}")
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with answering(server, server.web.closing):
        yield server.web


@contextmanager
def server_that_breaks_off(data: bytes, count: int, *, once: bool = False, silent: bool = False) -> Iterator[str]:
    """Sends a file to a player. FFmpeg goes on where it was only if HTTP/1.1 answers with a part from the start.

    count: bytes after which the connection breaks off. once: only the first one does. silent: it stays open instead.
    """
    broken, closing = threading.Event(), threading.Event()

    class Breaking(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            begin = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            if once and broken.is_set():
                self.wfile.write(data[begin:])
                return
            broken.set()
            self.wfile.write(data[begin : begin + count])
            if silent:
                closing.wait()
            self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    with answering(ThreadingHTTPServer(("127.0.0.1", 0), Breaking), closing) as address:
        yield f"{address}/clip.ts"
    assert broken.is_set()


def whole(handler: Handler, content: bytes, offset: int) -> None:
    """All of it, whatever part was asked for."""
    handler.head(200, Content_Length=len(content))
    handler.body(content)


def ranged(handler: Handler, content: bytes, offset: int) -> None:
    """What was asked for."""
    _sent(handler, content, offset, content[offset:])


def wrong_part(handler: Handler, content: bytes, offset: int) -> None:
    """A part, but from the start, when another was asked for."""
    if not offset:
        return ranged(handler, content, 0)
    handler.head(206, Content_Length=100, Content_Range=f"bytes 0-99/{len(content)}")
    return handler.body(content[:100])


def part_of_nothing(handler: Handler, content: bytes, offset: int) -> None:
    """A part that is not said which."""
    handler.head(206 if offset else 200, Content_Length=len(content))
    handler.body(content)


def no_such_range(handler: Handler, content: bytes, offset: int) -> None:
    """No parts."""
    return status(416)(handler, content, offset) if offset else whole(handler, content, 0)


def without_length(handler: Handler, content: bytes, offset: int) -> None:
    """Ends when the connection does."""
    handler.head(200)
    handler.body(content)


def chunked_and_cut(handler: Handler, content: bytes, offset: int) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.head(200, Transfer_Encoding="chunked")
    handler.body(f"{len(content):x}\r\n".encode() + content[: len(content) // 2])
    handler.close_connection = True


def kept_open(handler: Handler, content: bytes, offset: int) -> None:
    """The whole file; then the connection stays open."""
    whole(handler, content, offset)
    handler.wait_for_the_end()


def mute(handler: Handler, content: bytes, offset: int) -> None:
    handler.wait_for_the_end()


def gone(handler: Handler, content: bytes, offset: int) -> None:
    """Closes without an answer."""


def no_http(handler: Handler, content: bytes, offset: int) -> None:
    handler.body(b"220 mail.example ESMTP\r\n")


def status(code: int) -> Answer:
    def answer(handler: Handler, content: bytes, offset: int) -> None:
        handler.send_error(code)

    return answer


def redirect(address: str) -> Answer:
    def answer(handler: Handler, content: bytes, offset: int) -> None:
        handler.head(302, Location=address, Content_Length=0)

    return answer


def cut(count: int, ranges: bool = True) -> Answer:
    """Breaks off after `count` bytes of what it promised."""

    def answer(handler: Handler, content: bytes, offset: int) -> None:
        start = offset if ranges else 0
        _sent(handler, content, start, content[start : start + count])

    return answer


def stalled(count: int) -> Answer:
    """Falls silent after `count` bytes."""

    def answer(handler: Handler, content: bytes, offset: int) -> None:
        _sent(handler, content, offset, content[offset : offset + count])
        handler.wait_for_the_end()

    return answer


def instead(other: bytes, of_the_same_size: bool = False) -> Answer:
    """Something else."""

    def answer(handler: Handler, content: bytes, offset: int) -> None:
        ranged(handler, other.ljust(len(content))[: len(content)] if of_the_same_size else other, offset)

    return answer


def cut_version(content: bytes, tag: str, count: int) -> Answer:
    """A version of the file, of which `count` bytes come."""

    def answer(handler: Handler, _: bytes, offset: int) -> None:
        handler.head(200, Content_Length=len(content), ETag=tag)
        handler.body(content[:count])

    return answer


def versioned(content: bytes, tag: str) -> Answer:
    """A version of the file. The rest of another one is not its own (RFC 9110, section 13.1.5)."""

    def answer(handler: Handler, _: bytes, offset: int) -> None:
        if offset and handler.headers.get("If-Range", tag) == tag:
            return splicing(content, tag)(handler, content, offset)
        return cut_version(content, tag, len(content))(handler, content, 0)

    return answer


def splicing(content: bytes, tag: str) -> Answer:
    """A version of the file, and its rest to everybody who asks for a rest."""

    def answer(handler: Handler, _: bytes, offset: int) -> None:
        if not offset:
            return cut_version(content, tag, len(content))(handler, content, 0)
        sent = f"bytes {offset}-{len(content) - 1}/{len(content)}"
        handler.head(206, Content_Length=len(content) - offset, Content_Range=sent, ETag=tag)
        return handler.body(content[offset:])

    return answer


def _sent(handler: Handler, content: bytes, start: int, sent: bytes) -> None:
    """The head that promises all from `start` on, and the bytes `sent`."""
    promised = {"Content_Length": len(content) - start}
    if start:
        handler.head(206, **promised, Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")
    else:
        handler.head(200, **promised)
    handler.body(sent)
