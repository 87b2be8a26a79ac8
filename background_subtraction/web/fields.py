"""What a request about a picture or a video may say besides the file: one table for reading and for the description."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.uploads import FILE, FORM
from background_subtraction.web.worker.task import VIEWS

Paper = tuple[int, int, int, int]
TRUE, FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off", "")


@dataclass(frozen=True)
class Field:
    """A field of a form.

    Attributes:
        name: as it is sent.
        read: makes its value of the text. Raises ValueError with what was expected.
        default: the value where it is not sent.
        words: what it does.
        type: in the description, as JSON Schema has it.
    """

    name: str
    read: Callable[[str], Any]
    default: Any
    words: str
    type: str = "string"


def _switch(text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise ValueError("Expected true or false")
    return text.lower() in TRUE


def _level(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= 255):
        raise ValueError("Expected a whole number from 0 to 255")
    return int(text)


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        raise ValueError("Expected a whole number from 0")
    return int(text)


def _paper(text: str) -> Paper | None:
    try:
        levels = [_level(part.strip()) for part in text.split(",")] if text else []
    except ValueError:
        levels = [0]
    if len(levels) not in (0, 3, 4):
        raise ValueError('Expected "R,G,B,A" with levels from 0 to 255')
    return (levels[0], levels[1], levels[2], levels[3] if len(levels) == 4 else 255) if levels else None


def _view(text: str) -> str:
    if text not in VIEWS:
        raise ValueError(f"Expected one of {', '.join(VIEWS)}")
    return text


def _object(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError('Expected an object as JSON, such as {"mask": {"grow_px": 2}}')
    return value


OUR_FIELDS = (
    Field("output", _view, None, f"What is made: {', '.join(VIEWS)}"),
    Field("settings", _object, {}, "Settings as PATCH /api/settings takes them, as JSON"),
    Field("target_bgr", str, None, "The new background: as in settings"),
    Field("blur_bgr", _natural, None, "How far the background is blurred: as in settings", "integer"),
    Field("model", str, "", "A name of GET /api/models. Names of rembg stand for the program's own choice"),
)
REMBG_FIELDS = (
    Field("om", _switch, default=False, words="rembg: only the mask", type="boolean"),
    Field("ppm", _switch, default=False, words="rembg: a mask without half-tones", type="boolean"),
    Field("bgc", _paper, None, 'rembg: put it on this colour, "R,G,B,A"'),
    Field(
        "a",
        _switch,
        default=False,
        words="rembg: alpha matting. Not needed here: the network answers alpha",
        type="boolean",
    ),
    Field("af", _level, 240, "rembg: belongs to a", "integer"),
    Field("ab", _level, 10, "rembg: belongs to a", "integer"),
    Field("ae", _natural, 10, "rembg: belongs to a", "integer"),
    Field("extras", str, "", "rembg: more for its networks. Not used here"),
)
"""See https://github.com/danielgatis/rembg. Its form has them, and its query bgc and extras."""
UNUSED = ("a", "af", "ab", "ae", "extras")


def read_fields(fields: Iterable[Field], given: Mapping[str, str]) -> dict[str, Any]:
    """The value of every field. Others are left alone.

    Raises:
        RequestError: a value that a field does not take.
    """
    return {field.name: _read(field, given) for field in fields}


def unknown_fields(fields: Iterable[Field], given: Mapping[str, str]) -> list[str]:
    """Names that no field has."""
    return sorted(set(given) - {field.name for field in fields})


def form_body(fields: Iterable[Field] = ()) -> dict[str, Any]:
    """The body of a request with a file and these fields, for the description of the interface."""
    others = {field.name: {"type": field.type, "description": field.words} for field in fields}
    properties = {FILE: {"type": "string", "format": "binary", "description": "The file"}, **others}
    schema = {"type": "object", "required": [FILE], "properties": properties}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


def _read(field: Field, given: Mapping[str, str]) -> Any:
    if field.name not in given:
        return field.default
    try:
        return field.read(given[field.name])
    except ValueError as error:
        shown = given[field.name][:80]
        raise RequestError(422, f'{field.name}: "{shown}". {error}', field.name) from None
