"""Addresses of inputs: which are URLs, how FFmpeg takes a file's name, and how an address is shown."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
PASSWORD = re.compile(r"(://[^/?#@:\s]*:)[^/?#\s]*(?=@)")
"""The password of user:password@host (RFC 3986, 3.2.1). It may hold an @ of its own."""
SECRETS = re.compile(
    r"([?&;](?:pass|passw|password|passwd|pwd|token|key|apikey|api_key|secret|sig|signature)=)[^&;#\s]*", re.IGNORECASE
)
"""Values in a URL's query that open a camera as a password does."""


def is_url(address: str) -> bool:
    """Whether this is an address with a scheme: rtsp, http, file and others."""
    return URL.match(address) is not None


def without_password(address: str) -> str:
    """An address as it is shown to people, in messages and as a name: passwords are ***."""
    return SECRETS.sub(r"\1***", PASSWORD.sub(r"\1***", address))


def local_path(address: str) -> str:
    """The file that a file:// address names; any other address as it is."""
    if not address.lower().startswith("file://"):
        return address
    path = unquote(urlsplit(address.replace("#", "%23").replace("?", "%3F")).path)
    return path[1:] if re.match(r"/[a-z]:", path, re.IGNORECASE) else path  # file:///C:/…


def ffmpeg_name(path: str) -> str:
    """A file's name for FFmpeg, which takes the 12 of 12:30.mp4 for a protocol."""
    return f"file:{path}"
