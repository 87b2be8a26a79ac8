"""One file over HTTP into a part file, which the next attempt goes on from (RFC 9110, section 14: range requests)."""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from model_api.errors import ModelFileError

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


def fetch(address: str, part: Path, size: int | None, retry: RetryPolicy) -> None:
    """Download what is missing of a file, or all of it from a server that sends no ranges.

    Args:
        address: Where the file lies.
        part: Where it grows. After an error it keeps what has come.
        size: Bytes of the whole file. None: what the server says.
        retry: How long to try.

    Raises:
        FetchError: the address gives nothing, a file of another size, or breaks off too often.
        OSError: `part` cannot be written. Errors of the network are FetchErrors.
    """
    most, fruitless = length(part), 0
    while fault := _broken_off(address, part, size, retry.timeout_s):
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
        start = _start(response, part, offset)
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
    headers = AGENT | ({"Range": f"bytes={offset}-"} if offset else {})
    try:
        return urlopen(Request(address, headers=headers), timeout=timeout_s)
    except HTTPError as error:
        with error:
            raise _refused(error, part, offset) from None
    except URLError as error:
        raise _unreachable(error.reason, timeout_s) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error, timeout_s) from None


def _refused(error: HTTPError, part: Path, offset: int) -> FetchError:
    answer = f"answered {error.code} {_line(error.reason)}"
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
        part.unlink()
        return BrokenOffError(f"{answer} to going on from byte {offset:,}; begun anew")
    return BrokenOffError(answer) if error.code in WORTH_ASKING_AGAIN else FetchError(answer)


def _unreachable(reason: object, timeout_s: float) -> FetchError:
    if isinstance(reason, TimeoutError):
        return BrokenOffError(f"silent for {timeout_s:g} s")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return FetchError(f"its certificate cannot be trusted ({reason.verify_message})")
    words = _line((reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__)
    if isinstance(reason, (ConnectionResetError, HTTPException)):
        return BrokenOffError(f"no proper answer ({words})")
    return FetchError(f"cannot be reached ({words})")


def _line(words: str) -> str:
    """A server's words as one line that a terminal can show."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())[:200]


def _start(response: HTTPResponse, part: Path, offset: int) -> int:
    """The byte that the answer begins with: 0, or where `part` ends."""
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    range_ = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("Content-Range", ""))
    if range_ and int(range_[1]) == offset:
        return offset
    part.unlink(missing_ok=True)
    sent = f"sent byte {int(range_[1]):,} on" if range_ else "sent a part without saying which"
    raise BrokenOffError(f"{sent}, asked for byte {offset:,} on; begun anew")


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
