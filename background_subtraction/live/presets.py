"""Settings that are kept under a name, as TOML files in the user's configuration folder."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from background_subtraction.live.settings import Settings, as_mapping, changed
from model_api.errors import OptionError, SinkError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROGRAM = "background-subtraction"
NAME = re.compile(r"[^\W_][\w .-]{0,63}")
"""No name of a hidden file, and none with a folder in it."""
ENDING = ".toml"
LARGEST = 1 << 20
"""Bytes of a file that can be a preset."""
MOMENTARY = ("hold",)
"""Settings that belong to a moment, not to a preset."""


def folder(environment: Mapping[str, str] = os.environ, home: Path | None = None, platform: str = sys.platform) -> Path:
    """The folder of presets, which may not exist yet.

    $XDG_CONFIG_HOME or ~/.config (XDG Base Directory Specification), ~/Library/Application Support, %APPDATA%.
    """
    home = home or Path.home()
    if platform == "win32":
        base = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    elif platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = xdg_folder(environment.get("XDG_CONFIG_HOME"), home / ".config")
    return base / PROGRAM / "presets"


def xdg_folder(configured: str | None, default: Path) -> Path:
    """What a variable of the XDG Base Directory Specification names. A path that is not absolute is ignored."""
    path = Path(configured or "")
    return path if path.is_absolute() else default


def names(presets: Path | None = None) -> list[str]:
    """The names of all presets. presets: the folder, None for the user's."""
    return sorted(path.stem for path in (presets or folder()).glob(f"*{ENDING}") if NAME.fullmatch(path.stem))


def load(name: str, presets: Path | None = None) -> Settings:
    """Read a preset.

    Args:
        name: its name.
        presets: the folder, None for the user's.

    Raises:
        OptionError: there is none of this name, or its file is damaged.
    """
    path = _path(name, presets)
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except FileNotFoundError:
        known = ", ".join(names(presets)) or "none yet"
        raise OptionError(
            f"{name}: no such preset. There are: {known}. Make one with --save_preset", "preset"
        ) from None
    except OSError as error:
        raise OptionError(f"{path}: cannot be read ({error.strerror or error})", "preset") from error
    try:
        return _read(text)
    except (ValueError, OptionError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        reason = " ".join(str(error).split())
        raise OptionError(f"{path}: damaged ({reason}). Mend the file, or save it anew", "preset") from error


def save(name: str, settings: Settings, presets: Path | None = None) -> Path:
    """Keep settings under a name, whole or not at all. A preset of the same name is replaced.

    Args:
        name: letters, digits, spaces, dots, underscores and hyphens.
        settings: what is kept, but for a still that is held. A background's file is kept by its whole path.
        presets: the folder, None for the user's.

    Returns:
        The file.

    Raises:
        OptionError: not a name.
        SinkError: it cannot be written.
    """
    path = _path(name, presets, "save_preset")
    values = {key: value for key, value in as_mapping(settings).items() if value is not None and key not in MOMENTARY}
    for key in ("target_bgr", "model"):
        if values.get(key) and os.path.exists(values[key]):
            values[key] = os.path.abspath(values[key])
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("\n".join([*_lines(values), ""]), encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise SinkError(f"{path}: cannot be written ({error.strerror or error})") from error
    return path


def _read(text: bytes) -> Settings:
    if len(text) > LARGEST:
        raise OptionError(f"too large, more than {LARGEST} bytes")
    return changed(Settings(), tomllib.loads(text.decode()))


def _path(name: str, presets: Path | None, parameter: str = "preset") -> Path:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise OptionError(
            f'"{name}" is not a name. Expected letters, digits, spaces, dots, underscores and hyphens', parameter
        )
    return (presets or folder()) / f"{name}{ENDING}"


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Of TOML: plain values first, then each table under its name."""
    for key, value in values.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_literal(value)}"
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ("", f"[{key}]", *_lines(value))


def _literal(value: object) -> str:
    """Booleans, numbers and text look in TOML as in JSON, but for the character DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
