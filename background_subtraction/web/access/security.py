"""Whom the server answers: the name it is asked by, the page that asks, and the token.

A page of another site may send requests to this machine through its visitor's browser, and by DNS rebinding under a
name of its own. Three checks stand against that:
    Host     one of the server's own names. Pages of others come with theirs.
    Origin   the server itself. A browser says which page asks; where it does not, Sec-Fetch-Site (W3C, Fetch
             Metadata Request Headers) says whether it is another one.
    token    where others than the users of this machine can reach the server.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from background_subtraction.web.access.errors import RequestError, error_answer
from background_subtraction.web.access.options import WebOptions, is_loopback

OPEN_PATHS = frozenset({"/healthz"})
"""Need no token: what watches over a service asks without one, and learns nothing."""
COOKIE = "background_subtraction_{port}"
"""Browsers send a cookie to all ports of a host."""
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer: a page of another site can neither frame nor embed it."""


@dataclass(frozen=True)
class Access:
    """Whom a server answers.

    Attributes:
        token: "" where none is needed.
        names: of this server, in lower case.
        is_local: it listens on this machine alone.
        secure: it speaks https.
        port: it listens here.
    """

    token: str
    names: frozenset[str]
    is_local: bool
    secure: bool
    port: int

    @classmethod
    def of(cls, options: WebOptions, token: str, port: int) -> Access:
        """Those that options name. token: the one that is in use. port: the one that was free."""
        own = {options.host, *options.names, "localhost"}
        own |= set() if options.is_local else _names_of_machine()
        names = frozenset(name.lower().rstrip(".") for name in own)
        return cls(token, names, options.is_local, options.certificate is not None, port)

    def require_name(self, host: str) -> None:
        """Raise RequestError for a Host that is not this server's. A number is no name that others could give it."""
        name = _parts(f"//{host}")[1] if _is_plain(host) else ""
        if name in self.names or is_loopback(name) or (not self.is_local and _is_number(name)):
            return
        raise RequestError(
            421,
            f'This server has no such name: "{host}". Expected {", ".join(sorted(self.names))} or its address. '
            "Give it further names by --web_names",
            "Host",
        )

    def require_own_page(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raise RequestError for what a page of another server asks. Programs that are no browsers say nothing."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None:
            is_own = _parts(origin)[0] == headers.get("host", "").lower()
        else:
            is_link = (method, path, headers.get("sec-fetch-mode")) == ("GET", "/", "navigate")
            is_own = site in ("same-origin", "none") or is_link
        if not is_own:
            raise RequestError(403, f"Another site asks: {origin or site}. Expected a page of this server", "Origin")

    def require_token(self, path: str, headers: Mapping[str, str]) -> None:
        """Raise RequestError without the token, or with another one."""
        if not self.token or path in OPEN_PATHS or self._has_token(headers):
            return
        raise RequestError(
            401,
            "The token is missing or wrong. Send it as Authorization: Bearer TOKEN, or open /?token=TOKEN",
            "Authorization",
        )

    def takes(self, token: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    @property
    def cookie(self) -> tuple[str, str]:
        """Name and value of what a browser gets for the token: the token itself cannot be made of it."""
        digest = hmac.new(self.token.encode(), b"background-subtraction", hashlib.sha256)
        return COOKIE.format(port=self.port), digest.hexdigest()

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.takes(token.strip())
        name, value = self.cookie
        try:
            given = SimpleCookie(headers.get("cookie", "")).get(name)
        except CookieError:
            return False
        return given is not None and hmac.compare_digest(given.value.encode(), value.encode())


class Guard:
    """An ASGI middleware in front of everything else."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """app: what answers the requests that pass."""
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        guarded = _with_headers(send, scope["path"])
        answer = self._refusal(scope) or self._sign_in(scope)
        return await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        try:
            self._access.require_name(headers.get("host", ""))
            self._access.require_own_page(scope["method"], scope["path"], headers)
            if not self._token_in_address(scope):
                self._access.require_token(scope["path"], headers)
        except RequestError as error:
            answer = error_answer(error)
            if error.status == 401:
                answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return None

    def _token_in_address(self, scope: Scope) -> bool:
        """Whether the page is opened with the token."""
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
        is_page = scope["method"] == "GET" and scope["path"] == "/"
        return bool(self._access.token) and is_page and given is not None and self._access.takes(given)

    def _sign_in(self, scope: Scope) -> Response | None:
        """The page once more, with a cookie, and without the token in the address."""
        if not self._token_in_address(scope):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        others = urlencode([(name, value) for name, value in query if name != "token"])
        answer = RedirectResponse(f"/?{others}" if others else "/", 303)
        name, value = self._access.cookie
        answer.set_cookie(name, value, httponly=True, samesite="strict", secure=self._access.secure)
        return answer


def _with_headers(send: Send, path: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
        await send(message)

    return sending


def _parts(address: str) -> tuple[str, str]:
    """Host with port, and host alone, in lower case; empty for what is no address."""
    try:
        parts = urlsplit(address)
        return parts.netloc.lower(), (parts.hostname or "").rstrip(".")
    except ValueError:
        return "", ""


def _is_plain(host: str) -> bool:
    """Whether a Host header is a name or an address, with a port perhaps, and nothing else."""
    return bool(host) and not set(host) & set("/?#@\\ ")


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _names_of_machine() -> set[str]:
    name = socket.gethostname()
    return {name, f"{name.partition('.')[0]}.local"}
