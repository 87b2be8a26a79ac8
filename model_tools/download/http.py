"""One file over HTTP into a part file, which the next attempt goes on from (RFC 9110, section 14: range requests).

A server may have another version of the file by then. So the first answer's version, its entity tag or date, is kept
beside the part and goes with the next question (section 13.1.5: If-Range): another version comes as a whole.
"""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

from model_api.errors import ModelFileError
from model_api.terminal.foreign_text import one_line

log = logging.getLogger(__name__)

CHUNK = 1 << 16
AGENT = {"User-Agent": "background_subtraction_demo"}
WORTH_ASKING_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)}


@dataclass(frozen=True)
class RetryPolicy:
    """How long a download tries.

    Attributes:
        timeout_s: Seconds without data before a server counts as stalled.
        attempts: Attempts in a row that bring no new byte before the download fails.
        pause_s: Seconds between two attempts.
    """

    timeout_s: float = 30.0
    attempts: int = 3
    pause_s: float = 1.0


class FetchError(ModelFileError):
    """This address does not give the file."""


class BrokenOffError(FetchError):
    """The transfer broke off. Another attempt may bring the rest."""


def fetch(address: str, part: Path, size: int | None, retry: RetryPolicy, *, is_verified_later: bool) -> None:
    """Download what is missing of a file, or all of it from a server that sends no ranges.

    Args:
        address: Where the file lies.
        part: Where it grows. After an error it keeps what has come.
        size: Bytes of the whole file. None: what the server says.
        retry: How long to try.
        is_verified_later: Whether a checksum will show if the parts belong to one file. Otherwise only a server that
            names versions is asked for the rest.

    Raises:
        FetchError: the address gives nothing, a file of another size, or breaks off too often.
        OSError: `part` cannot be written. Errors of the network are FetchErrors.
    """
    most, fruitless = length(part), 0
    while fault := _broken_off(address, part, size, retry.timeout_s):
        if not is_verified_later and _version(address, part) is None:
            part.unlink(missing_ok=True)
        fruitless = 0 if length(part) > most else fruitless + 1
        most = max(most, length(part))
        if fruitless >= retry.attempts:
            raise fault
        log.warning("%s: %s; asked again", address, fault)
        time.sleep(retry.pause_s)


def length(part: Path) -> int:
    """Bytes that have come so far."""
    return part.stat().st_size if part.exists() else 0


def _broken_off(address: str, part: Path, size: int | None, timeout_s: float) -> BrokenOffError | None:
    try:
        _attempt(address, part, size, timeout_s)
    except BrokenOffError as fault:
        return fault
    return None


def _attempt(address: str, part: Path, size: int | None, timeout_s: float) -> None:
    if size is not None and length(part) > size:
        part.unlink()
    offset = length(part)
    if offset == size:
        return
    with _ask(address, part, offset, timeout_s) as response:
        start = _start(response, address, part, offset)
        total = _total_bytes(response, start, size)
        with part.open("ab" if start else "wb") as file, _bar(part.stem, start, total) as bar:
            for piece in _pieces(response, total - start):
                file.write(piece)
                bar.update(len(piece))
    if length(part) < total:
        raise BrokenOffError(f"broke off after {length(part):,} of {total:,} bytes")


def _bar(name: str, start: int, total: int) -> tqdm[NoReturn]:
    return tqdm(desc=name, total=total, initial=start, unit="B", unit_scale=True, leave=False, disable=None)


def _ask(address: str, part: Path, offset: int, timeout_s: float) -> HTTPResponse:
    version = _version(address, part)
    headers = AGENT | ({"Range": f"bytes={offset}-"} if offset else {})
    headers |= {"If-Range": version} if offset and version else {}
    try:
        return build_opener(_SafeRedirections).open(Request(address, headers=headers), timeout=timeout_s)
    except HTTPError as error:
        with error:
            raise _refused(error, part, offset) from None
    except URLError as error:
        raise _unreachable(error.reason, timeout_s) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error, timeout_s) from None


def _refused(error: HTTPError, part: Path, offset: int) -> FetchError:
    answer = f"answered {error.code} {one_line(error.reason)}"
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
        part.unlink()
        return BrokenOffError(f"{answer} to going on from byte {offset:,}; begun anew")
    return BrokenOffError(answer) if error.code in WORTH_ASKING_AGAIN else FetchError(answer)


def _unreachable(reason: object, timeout_s: float) -> FetchError:
    if isinstance(reason, TimeoutError):
        return BrokenOffError(f"silent for {timeout_s:g} s")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return FetchError(f"its certificate cannot be trusted ({reason.verify_message})")
    words = one_line((reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__)
    if isinstance(reason, (ConnectionResetError, HTTPException)):
        return BrokenOffError(f"no proper answer ({words})")
    return FetchError(f"cannot be reached ({words})")


class _SafeRedirections(HTTPRedirectHandler):
    """Follows a server to another address, but never from an encrypted one to one that everybody can change."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        allowed = ("https",) if urlsplit(req.full_url).scheme == "https" else ("https", "http")
        if urlsplit(newurl).scheme not in allowed:
            fp.close()
            raise FetchError(f"redirects to {one_line(newurl, 100)}, which is not {' or '.join(allowed)}: refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _start(response: HTTPResponse, address: str, part: Path, offset: int) -> int:
    """The byte that the answer begins with: 0, or where `part` ends."""
    answered = _version_of(response)
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        _keep_version(address, part, answered)
        return 0
    if None not in (answered, version := _version(address, part)) and answered != version:
        part.unlink(missing_ok=True)
        raise BrokenOffError("has another version of the file by now; begun anew")
    range_ = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("Content-Range", ""))
    if range_ and int(range_[1]) == offset:
        return offset
    part.unlink(missing_ok=True)
    sent = f"sent byte {int(range_[1]):,} on" if range_ else "sent a part without saying which"
    raise BrokenOffError(f"{sent}, asked for byte {offset:,} on; begun anew")


def forget_version(part: Path) -> None:
    """Delete what is kept about the version that `part` belongs to."""
    _version_path(part).unlink(missing_ok=True)


def _version_path(part: Path) -> Path:
    return part.with_suffix(".version")


def _version(address: str, part: Path) -> str | None:
    """The version that `part` belongs to, None if the server named none, or it was another server."""
    path = _version_path(part)
    lines = path.read_text(encoding="latin-1").splitlines() if path.exists() else []
    return lines[1] if len(lines) == 2 and lines[0] == address else None


def _version_of(response: HTTPResponse) -> str | None:
    """The entity tag, if it stands for the same bytes (it is strong), else the date."""
    tag = response.headers.get("ETag", "")
    return tag if re.fullmatch(r'"[\x21\x23-\x7e]*"', tag) else response.headers.get("Last-Modified")


def _keep_version(address: str, part: Path, version: str | None) -> None:
    if version is None or not version.isprintable():
        forget_version(part)
    else:
        _version_path(part).write_text(f"{address}\n{version}\n", encoding="latin-1")


def _total_bytes(response: HTTPResponse, start: int, size: int | None) -> int:
    """Bytes of the whole file. Raises FetchError where the server and the publisher disagree about it."""
    length = response.headers.get("Content-Length")
    offered = start + int(length) if length and length.isdecimal() else None
    if size is not None and offered not in (None, size):
        raise FetchError(f"offers {offered:,} bytes, the published file has {size:,}")
    total = offered if size is None else size
    if total is None:
        raise FetchError("does not say how long the file is, and its publisher does not either")
    return total


def _pieces(response: HTTPResponse, missing: int) -> Iterator[bytes]:
    """Up to `missing` bytes, as they come."""
    try:
        # Asking for more would wait for a server that keeps the connection open.
        while missing > 0 and (piece := response.read1(min(CHUNK, missing))):
            missing -= len(piece)
            yield piece
    except TimeoutError:
        raise BrokenOffError(f"stalled, {missing:,} bytes before the end") from None
    except (OSError, HTTPException):
        raise BrokenOffError(f"broke off, {missing:,} bytes before the end") from None
