"""Bodies of requests: read in pieces, never more than allowed, and a file at once onto the disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import IO, Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from background_subtraction.web.access.errors import RequestError, no_room
from background_subtraction.web.access.limits import Limits

FORM = "multipart/form-data"
FILE = "file"
"""The field with the upload."""
MOST_FIELDS = 64
OVERHEAD_BYTES = 1 << 18
"""Of all other fields, and of what stands between the fields."""


@dataclass
class Form:
    """What came besides the file.

    Attributes:
        fields: name -> text.
        name: what the file is called where it comes from. Never a path here.
    """

    fields: dict[str, str] = field(default_factory=dict)
    name: str = ""


def declared_bytes(request: Request, limit: int) -> int:
    """How many bytes of a body to expect: those that it says, else the limit. Raises RequestError for more."""
    text = request.headers.get("content-length", "")
    size = int(text) if text.isascii() and text.isdecimal() else limit
    if size > limit:
        raise _too_large(limit, f"{size} bytes")
    return size


async def read_json(request: Request, limits: Limits) -> Any:
    """The body as JSON. Raises RequestError for another one, or a long one.

    A form of another site cannot send this content type without being asked by the browser first.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError(415, "Expected JSON, with Content-Type: application/json", "Content-Type")
    declared_bytes(request, limits.body_bytes)
    body = b"".join([chunk async for chunk in _chunks(request, limits, limits.body_bytes)])
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "The body is not JSON. Expected an object, such as {}") from error


async def read_upload(request: Request, limits: Limits, limit: int, path: Path) -> Form:
    """Write the field FILE to a file, and read the others.

    Args:
        request: with a body of the type FORM.
        limits: how long it may be silent, and how long it may take.
        limit: bytes of the file.
        path: where it is written.

    Returns:
        What came besides.

    Raises:
        RequestError: another type, too long, broken off, or without a file.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    boundary = parameters.get(b"boundary", b"")
    if kind.decode("latin-1") != FORM or not boundary:
        raise RequestError(415, f'Expected {FORM} with the field "{FILE}", as: curl -F {FILE}=@NAME', "Content-Type")
    with path.open("xb") as file:
        parts = _Parts(file, limit)
        try:
            parser = MultipartParser(boundary, parts.callbacks)  # type: ignore[arg-type]
            async for chunk in _chunks(request, limits, limit + OVERHEAD_BYTES):
                await asyncio.to_thread(parser.write, chunk)
        except FormParserError as error:
            raise RequestError(400, f"The body is not {FORM} ({error})", "Content-Type") from error
        except OSError as error:
            raise no_room(error) from error
    return parts.checked()


async def _chunks(request: Request, limits: Limits, limit: int) -> AsyncIterator[bytes]:
    stream, size, end_s = request.stream().__aiter__(), 0, monotonic() + limits.upload_s
    while True:
        left_s = max(0.0, end_s - monotonic())
        try:
            chunk = await asyncio.wait_for(stream.__anext__(), min(limits.stall_s, left_s))
        except StopAsyncIteration:
            return
        except (asyncio.TimeoutError, TimeoutError):
            why = f"Nothing came for {limits.stall_s:g} s"
            if left_s < limits.stall_s:
                why = f"The upload took longer than the {limits.upload_s:g} s that are allowed"
            raise RequestError(408, f"{why}. Send it again", FILE) from None
        except ClientDisconnect:
            raise RequestError(400, "The upload broke off", FILE) from None
        size += len(chunk)
        if size > limit:
            raise _too_large(limit, "more")
        yield chunk


def _too_large(limit: int, got: str) -> RequestError:
    return RequestError(413, f"Too large: {got}. Expected {limit} bytes at most", FILE)


class _Parts:
    """Takes what the parser finds."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit
        self._form = Form()
        self._files = 0
        self._fields: dict[str, bytearray] = {}
        self._file_bytes = 0
        self._field_bytes = 0
        self._header = b"", b""
        self._disposition = b""
        self._field = ""
        self._is_file = False
        self._is_whole = False

    @property
    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(data[start:end], b""),
            "on_header_value": lambda data, start, end: self._add_header(b"", data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": lambda data, start, end: self._write(data[start:end]),
            "on_end": self._end,
        }

    def checked(self) -> Form:
        """The form. Raises RequestError if it is not whole, or has no file."""
        if not self._is_whole:
            raise RequestError(400, "The upload broke off before its end", FILE)
        if self._files != 1:
            raise RequestError(422, f'{self._files} files. Expected one in the field "{FILE}"', FILE)
        try:
            self._form.fields = {name: bytes(value).decode() for name, value in self._fields.items()}
        except UnicodeDecodeError as error:
            raise RequestError(400, "A field is not UTF-8") from error
        return self._form

    def _begin(self) -> None:
        self._disposition = b""

    def _add_header(self, name: bytes, value: bytes) -> None:
        self._header = self._header[0] + name, self._header[1] + value

    def _end_header(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = b"", b""

    def _open(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        self._field = parameters.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = self._field == FILE
        if self._is_file:
            self._files += 1
            self._form.name = parameters.get(b"filename", b"").decode("utf-8", "replace")
        elif b"filename" in parameters:
            raise RequestError(422, f'"{self._field}" is a file. Expected one in the field "{FILE}"', self._field)
        else:
            self._fields.setdefault(self._field, bytearray())
        if self._files > 1 or len(self._fields) > MOST_FIELDS:
            raise RequestError(422, f"Too many fields. Expected one file and {MOST_FIELDS} others at most", FILE)

    def _write(self, data: bytes) -> None:
        if self._is_file:
            self._file_bytes += len(data)
            if self._file_bytes > self._limit:
                raise _too_large(self._limit, "more")
            self._file.write(data)
            return
        self._field_bytes += len(data)
        if self._field_bytes > OVERHEAD_BYTES:
            raise _too_large(OVERHEAD_BYTES, "fields of more")
        self._fields[self._field] += data

    def _end(self) -> None:
        self._is_whole = True
