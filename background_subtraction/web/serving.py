"""The web server, in a thread beside the run. The run never waits for it, and goes on when it fails."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import uvicorn

from background_subtraction.live.session import Session
from background_subtraction.native_thread import NativeThread
from background_subtraction.web.access.options import WebOptions
from background_subtraction.web.access.security import Access
from background_subtraction.web.app import make_app
from background_subtraction.web.context import Context
from model_api.errors import OptionError

log = logging.getLogger(__name__)
BACKLOG = 128
CLOSING_S = 3.0
"""Answers that go on as long as somebody watches are broken off then."""
UNSENT_BYTES = 128 << 10
"""Of a connection. Frames that wait there for a slow viewer are old when they are seen."""


@dataclass(frozen=True, eq=False)
class Listening:
    """A port that is taken, so that nothing else of the start is in vain.

    Attributes:
        options: where, and for whom.
        access: whom the server answers.
        socket: it listens.
    """

    options: WebOptions
    access: Access
    socket: socket.socket

    @property
    def url(self) -> str:
        """The server's address, for a browser on this machine or, where it listens to others too, on another one."""
        host = self.options.host
        if host in ("0.0.0.0", "::", ""):
            host = socket.gethostname()
        name = f"[{host}]" if ":" in host else host
        return f"{'https' if self.access.secure else 'http'}://{name}:{self.access.port}/"


@contextmanager
def listening(options: WebOptions) -> Iterator[Listening]:
    """Take the port, before anything that takes long.

    Raises:
        OptionError: it is in use, may not be used, or is none of this machine; or a certificate cannot be read.
    """
    _require_certificate(options)
    with _bound(options) as taken:
        token = options.token or ("" if options.is_local else secrets.token_urlsafe(24))
        yield Listening(options, Access.of(options, token, taken.getsockname()[1]), taken)


@contextmanager
def serving(taken: Listening, session: Session | None = None, device: str = "CPU", **places: Any) -> Iterator[None]:
    """Answer requests in a thread of its own, until the block ends.

    Args:
        taken: the port.
        session: the run beside the server.
        device: where pictures and videos of visitors are computed.
        places: others of `Context`: its models, and the folder of backgrounds.
    """
    with tempfile.TemporaryDirectory(prefix="background-subtraction-", ignore_cleanup_errors=True) as folder:
        context = Context(folder=Path(folder), session=session, limits=taken.options.limits, device=device, **places)
        server = uvicorn.Server(_config(taken, context))
        thread = NativeThread(_serve, (server, taken.socket), name="web")
        thread.start()
        _say_where(taken)
        try:
            yield
        finally:
            with _no_traces_of_the_end():
                _answer_all(context)
                server.should_exit = True
                thread.join(CLOSING_S)
                server.force_exit = True
                thread.join(CLOSING_S)


def wait_for_the_end() -> None:
    """Until Ctrl-C."""
    forever = Event()
    while not forever.wait(3600):
        """Nothing else to do."""


def _answer_all(context: Context) -> None:
    """Who watches and who waits is told that it is over: uvicorn would break them off."""
    if context.session:
        context.session.frames.end()
    context.close()


@contextmanager
def _no_traces_of_the_end() -> Iterator[None]:
    """Uploads that still come are broken off, which uvicorn logs as an error of the application, with a traceback."""
    messages = logging.getLogger("uvicorn.error")
    messages.addFilter(_is_no_end)
    try:
        yield
    finally:
        messages.removeFilter(_is_no_end)


def _is_no_end(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, asyncio.CancelledError) or record.getMessage().startswith("Cancel "))


def _config(taken: Listening, context: Context) -> uvicorn.Config:
    certificate, key = taken.options.certificate, taken.options.key
    return uvicorn.Config(
        make_app(context, taken.access),
        http="h11",
        ws="none",
        loop="asyncio",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=context.limits.connections,
        timeout_graceful_shutdown=1,
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
    )


def _serve(server: uvicorn.Server, taken: socket.socket) -> None:
    try:
        server.run([taken])
    except (Exception, SystemExit) as error:  # whatever it is, the run goes on
        log.warning("The web server has failed (%s: %s). The run goes on", type(error).__name__, error)


def _say_where(taken: Listening) -> None:
    made = taken.access.token and not taken.options.token
    log.info("Web page: %s%s", taken.url, f"?token={taken.access.token}" if made else "")
    if not taken.options.is_local and not taken.access.secure:
        log.warning(
            "%s is reached without https: others on the way can read the token and the pictures, and browsers give "
            "their camera to https alone. Give --web_certificate, or put a proxy in front",
            taken.url,
        )


def _bound(options: WebOptions) -> socket.socket:
    try:
        found = socket.getaddrinfo(options.host or None, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OptionError(f"{options.host}: no address of this machine ({error.strerror})", "web") from error
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR takes ports that are in use
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # connections inherit it
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        taken.bind(address)
        taken.listen(BACKLOG)
    except OSError as error:
        taken.close()
        raise OptionError(
            f"{options.host}:{options.port} cannot be listened at ({error.strerror}). "
            "Expected an address of this machine and a free port, or port 0 for any",
            "web",
        ) from error
    return taken


def _require_certificate(options: WebOptions) -> None:
    if options.certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.certificate, options.key, _no_passphrase)
    except _PassphraseError as error:
        key = options.key or options.certificate
        raise OptionError(
            f"{key}: the key has a passphrase. Expected one without, as from: openssl pkey -in {key} -out NEW.pem",
            "web_certificate",
        ) from error
    except OSError as error:  # ssl.SSLError too
        raise OptionError(
            f"{options.certificate}: cannot be used ({error.strerror or error}). Expected a PEM file with a "
            "certificate, and its key there or in --web_key",
            "web_certificate",
        ) from error


class _PassphraseError(Exception):
    """A key needs one."""


def _no_passphrase() -> str:
    """Instead of asking on the terminal: a server may start where nobody is."""
    raise _PassphraseError
