"""When two clips are the same clip, and two sets of options ask for the same result."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path

from background_subtraction.batch import storage
from background_subtraction.image_files import images_at
from background_subtraction.options import Options
from background_subtraction.sources.demuxing.addresses import is_url, local_path, without_password
from background_subtraction.sources.open import is_live
from model_api.errors import SourceError
from model_api.graph.reading.formats import files_of

HOW_NOT_WHAT = frozenset({
    "model", "inputs", "outputs", "devices", "window", "monitors", "raw_output", "jobs", "ahead", "progress",
    "also_read", "for_detection", "batch", "clean_plate", "inference",
})  # fmt: skip
"""Fields of Options that do not change a result, or of which only a part does."""
DIGEST_LENGTH = 16
CHUNK = 1 << 20


def digest_of(options: Options) -> str:
    """A digest of all options that change what is written.

    Of a model the content counts. Of a background and a plate the size and the time of the file do.
    """
    values = {field.name: getattr(options, field.name) for field in fields(options) if field.name not in HOW_NOT_WHAT}
    inference = options.inference
    values |= {
        "model": _content_of(options.model) if options.adapter == "openvino" else options.model,
        "precision": (inference.precision, inference.refiner_outside),
        "background": [(name, stamp_of(name)) for name in (options.settings.target_bgr, options.clean_plate) if name],
    }
    text = "\n".join(f"{name}={_text_of(value)}" for name, value in sorted(values.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def name_of(address: str) -> str:
    """A clip by its absolute path or its address, without a password."""
    path = local_path(address)
    return without_password(address) if is_live(path) else os.path.abspath(path)


def stamp_of(address: str) -> str:
    """What changes when an input changes: sizes and times of its files. "" where nothing is known."""
    if storage.has_stamp(address):
        with suppress(SourceError):
            return storage.stamp(address)
    path = local_path(address)
    if is_url(path) or is_live(path):
        return ""
    return " ".join(_stamps(images_at(path)))


def _stamps(paths: Iterable[Path]) -> Iterable[str]:
    """Of one file its own; of several ones their number, all bytes, and the newest time."""
    states = []
    for path in paths:
        with suppress(OSError):
            states.append(path.stat())
    if states:
        many = [str(len(states))] if len(states) > 1 else []
        yield from (*many, str(sum(state.st_size for state in states)), str(max(state.st_mtime_ns for state in states)))


def _content_of(model: str) -> str:
    """The digest of all files of a model. "" for a loaded model."""
    digest = hashlib.sha256()
    for path in files_of(Path(model)) if model else ():
        with suppress(OSError), path.open("rb") as file:  # a missing one is said when it is loaded
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest() if model else ""


def _text_of(value: object) -> str:
    """Of nested options each value that is not the default: a new option does not make all clips other ones."""
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    default = type(value)()
    pairs = ((field.name, getattr(value, field.name), getattr(default, field.name)) for field in fields(value))
    return "(" + ", ".join(f"{name}={_text_of(own)}" for name, own, usual in pairs if own != usual) + ")"
