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
class Patience:
    """timeout_s: of silence, until a server counts as stalled. attempts: in a row that bring nothing new."""

    timeout_s: float = 30.0
    attempts: int = 3
    pause_s: float = 1.0


class FetchError(ModelFileError):
    """This address does not give the file."""


class BrokenOffError(FetchError):
    """It did not come whole this time: another attempt may bring the rest."""


def fetch(address: str, part: Path, size: int | None, patience: Patience) -> None:
    """Bring what lies at `address` into `part`: what is missing there, or all of it where the server gives no parts.

    size: bytes, None where it is not known; then the server has to say it.
    Raises FetchError if the address gives nothing, something of another size, or breaks off too often; `part` then
    holds what has come. Raises OSError if `part` cannot be written, and nothing else: faults of the network are
    FetchErrors.
    """
    most, in_vain = length(part), 0
    while fault := _broken_off(address, part, size, patience.timeout_s):
        in_vain = 0 if length(part) > most else in_vain + 1
        most = max(most, length(part))
        if in_vain >= patience.attempts:
            raise fault
        log.warning("%s: %s; asked again", address, fault)
        time.sleep(patience.pause_s)


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
        wanted = _wanted(response, start, size)
        with part.open("ab" if start else "wb") as file, _bar(part.stem, start, wanted) as bar:
            for piece in _pieces(response, wanted - start):
                file.write(piece)
                bar.update(len(piece))
    if length(part) < wanted:
        raise BrokenOffError(f"broke off after {length(part):,} of {wanted:,} bytes")


def _bar(name: str, start: int, wanted: int) -> tqdm[NoReturn]:
    return tqdm(desc=name, total=wanted, initial=start, unit="B", unit_scale=True, leave=False, disable=None)


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
        return FetchError(f"its certificate is not to be trusted ({reason.verify_message})")
    told = _line((reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__)
    if isinstance(reason, (ConnectionResetError, HTTPException)):
        return BrokenOffError(f"no proper answer ({told})")
    return FetchError(f"cannot be reached ({told})")


def _line(told: str) -> str:
    """What a server says, in one line that a terminal can show."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in told).split())[:200]


def _start(response: HTTPResponse, part: Path, offset: int) -> int:
    """The byte that the answer begins with: 0, or where `part` ends."""
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    told = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("Content-Range", ""))
    if told and int(told[1]) == offset:
        return offset
    part.unlink(missing_ok=True)
    sent = f"sent byte {int(told[1]):,} on" if told else "sent a part without saying which"
    raise BrokenOffError(f"{sent}, asked for byte {offset:,} on; begun anew")


def _wanted(response: HTTPResponse, start: int, size: int | None) -> int:
    """Bytes of the whole file, where the server and the publisher do not disagree about it."""
    told = response.headers.get("Content-Length")
    offered = start + int(told) if told and told.isdecimal() else None
    if size is not None and offered not in (None, size):
        raise FetchError(f"offers {offered:,} bytes, the published file has {size:,}")
    wanted = offered if size is None else size
    if wanted is None:
        raise FetchError("does not say how long the file is, and its publisher does not either")
    return wanted


def _pieces(response: HTTPResponse, wanted: int) -> Iterator[bytes]:
    """Up to `wanted` bytes, as they come."""
    try:
        # Not a byte more is asked for: a server that keeps the connection open would be waited for.
        while wanted > 0 and (piece := response.read1(min(CHUNK, wanted))):
            wanted -= len(piece)
            yield piece
    except TimeoutError:
        raise BrokenOffError(f"stalled, {wanted:,} bytes before the end") from None
    except (OSError, HTTPException):
        raise BrokenOffError(f"broke off, {wanted:,} bytes before the end") from None
