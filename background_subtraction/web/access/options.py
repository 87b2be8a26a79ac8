"""Where a server listens and whom it answers, as a frozen value that checks itself. Needs none of the extra `web`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from background_subtraction.web.access.limits import Limits
from model_api.errors import OptionError
from model_api.ranges import Range

LOCAL = "127.0.0.1"
DEFAULT_PORT = 8080
PORT = Range("a port from 0 to 65535", 0, 65535, whole=True)
SHORTEST_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """A server.

    Args:
        host: the name or address that it listens at.
        port: 0 for any that is free.
        token: who asks must have it. "": nobody needs one on this machine alone; elsewhere one is made.
        names: the server is also reached by these names, through a proxy perhaps.
        certificate: a PEM file, for https. None: http.
        key: a PEM file with the certificate's key. None: it is in the same file.
        limits: how much it takes.

    Raises:
        OptionError: another value.
    """

    host: str = LOCAL
    port: int = DEFAULT_PORT
    token: str = ""
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        PORT.require(web=self.port)
        if self.token and len(self.token) < SHORTEST_TOKEN:
            raise OptionError(f"{len(self.token)} characters. Expected {SHORTEST_TOKEN} at least", "web_token")
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise OptionError("has characters that a header cannot carry. Expected letters and digits", "web_token")
        if self.key is not None and self.certificate is None:
            raise OptionError("a key without a certificate. Expected both", "web_certificate")

    @property
    def is_local(self) -> bool:
        """Whether programs of this machine alone reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a name or an address, without brackets, stands for this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
