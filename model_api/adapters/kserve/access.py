"""How a server is reached: how long it may take, which certificates are trusted, and who asks."""

from __future__ import annotations

import ipaddress
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model_api.adapters.kserve.address import Address
from model_api.errors import OptionError

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServerAccess:
    """How a server is reached.

    Attributes:
        timeout_s: seconds for a whole request: connecting, sending, computing, and reading the answer.
        ca: a PEM file with the certificates of authorities that are trusted. None: the system's.
        token: who asks, for a server that wants to know (OAuth 2.0 bearer token, RFC 6750). None: nobody.

    Raises:
        OptionError: `ca` has no certificates, or `token` cannot be one.
    """

    timeout_s: float = 60.0
    ca: str | None = None
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.token is not None and not re.fullmatch(r"[\x21-\x7e]+", self.token):
            raise OptionError("not a token. Expected letters, digits and signs without blanks, all in ASCII", "token")
        if self.ca is not None:
            self.tls_context()

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request carries."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def tls_context(self) -> ssl.SSLContext:
        """For a connection whose other end proves its name."""
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise OptionError(
                f"{self.ca}: {getattr(error, 'strerror', None) or error}. Expected a PEM file with the certificate of "
                "the authority that signed the server's",
                "ca",
            ) from error

    def authorities(self) -> bytes | None:
        """The content of `ca`."""
        return None if self.ca is None else Path(self.ca).read_bytes()


def warn_of_clear_text(address: Address, access: ServerAccess) -> None:
    """Warn where a token goes over the network for everybody to read, and of what has no use."""
    if access.token and not address.is_secure and not _is_this_machine(address.host):
        log.warning(
            "The token and the frames go to %s as clear text: everybody on the way can read them. Use %s://",
            address,
            "grpcs" if address.scheme == "grpc" else "https",
        )
    if access.ca is not None and not address.is_secure:
        log.warning("%s is not encrypted, so that certificates count for nothing. Use https:// or grpcs://", address)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
