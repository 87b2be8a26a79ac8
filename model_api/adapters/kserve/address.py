"""Addresses of models on model servers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model_api.errors import OptionError

SCHEMES = {"grpc": "gRPC", "grpcs": "gRPC with TLS", "http": "HTTP", "https": "HTTPS"}
ADDRESS_FORMS = (
    "host:port/models/NAME[:VERSION] (gRPC) or host:port/v2/models/NAME[/versions/VERSION] (HTTP), "
    "with grpc://, grpcs://, http:// or https:// in front to choose"
)
PATTERN = re.compile(
    r"(?:(?P<scheme>grpcs?|https?)://)?(?P<server>(?:\[[\da-fA-F:]+\]|[\w.-]+):\d+)(?P<v2>/v2)?"
    r"/models/(?P<model>[^/:\s]+)(?:(?::|/versions/)(?P<version>\d+))?"
)


@dataclass(frozen=True)
class Address:
    """A model on a server.

    Attributes:
        scheme: one of SCHEMES.
        server: "host:port".
        model: its name.
        version: "" for the server's default.
    """

    scheme: str
    server: str
    model: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.server} ({self.protocol})"

    @property
    def is_secure(self) -> bool:
        """Whether the connection is encrypted, and the server proves its name."""
        return self.scheme in ("grpcs", "https")

    @property
    def host(self) -> str:
        """The server without its port."""
        return self.server.rpartition(":")[0].strip("[]")

    @property
    def protocol(self) -> str:
        """The protocol's name, for messages."""
        return SCHEMES[self.scheme]

    @property
    def name(self) -> str:
        """The model and its version, for messages."""
        return f"{self.model}, version {self.version}" if self.version else self.model


def parse_address(text: str) -> Address:
    """Read an address.

    Args:
        text: one of ADDRESS_FORMS. Without a scheme /models/ stands for gRPC, as in the Open Model Zoo's demos, and
            /v2/models/ for HTTP, whose own path it is.

    Raises:
        OptionError: another form.
    """
    match = PATTERN.fullmatch(text)
    if not match:
        raise OptionError(f'"{text}" is not the address of a model on a server. Expected {ADDRESS_FORMS}', "model")
    scheme = match["scheme"] or ("http" if match["v2"] else "grpc")
    return Address(scheme, match["server"], match["model"], match["version"] or "")
