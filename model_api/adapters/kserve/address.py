"""Where on a model server a model is, as people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model_api.errors import OptionError

SCHEMES = {"grpc": "gRPC", "http": "HTTP", "https": "HTTPS"}
ADDRESS_FORMS = (
    "host:port/models/NAME[:VERSION] (gRPC) or host:port/v2/models/NAME[/versions/VERSION] (HTTP), "
    "with grpc://, http:// or https:// in front to choose"
)
PATTERN = re.compile(
    r"(?:(?P<scheme>grpc|https?)://)?(?P<server>(?:\[[\da-fA-F:]+\]|[\w.-]+):\d+)(?P<v2>/v2)?"
    r"/models/(?P<model>[^/:\s]+)(?:(?::|/versions/)(?P<version>\d+))?"
)


@dataclass(frozen=True)
class Address:
    """scheme: of SCHEMES. server: "host:port". version: "" for the one that the server gives unasked."""

    scheme: str
    server: str
    model: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.server} ({self.protocol})"

    @property
    def protocol(self) -> str:
        return SCHEMES[self.scheme]

    @property
    def wanted(self) -> str:
        return f"{self.model}, version {self.version}" if self.version else self.model


def parse_address(text: str) -> Address:
    """Without a scheme /models/ is gRPC, as the Open Model Zoo's demos take it, and /v2/models/ HTTP, whose own path
    it is. Raises OptionError with both forms."""
    found = PATTERN.fullmatch(text)
    if not found:
        raise OptionError(f'"{text}" is no address of a model on a server. Expected {ADDRESS_FORMS}', "model")
    scheme = found["scheme"] or ("http" if found["v2"] else "grpc")
    return Address(scheme, found["server"], found["model"], found["version"] or "")
