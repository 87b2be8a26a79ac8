"""`camera-setup`: the files that make the program a camera of a Linux machine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from background_subtraction.cli.argument_types import with_underscores
from background_subtraction.cli.parse import parse_options


@dataclass(frozen=True)
class SetupFile:
    """A file of the system. name: of the file here. path: where it belongs. purpose: in one line."""

    name: str
    path: str
    purpose: str


SETUP_FILES = (
    SetupFile(
        "load-v4l2loopback.conf",
        "/etc/modules-load.d/v4l2loopback.conf",
        "The kernel module that makes the virtual camera, loaded at every start. Debian: apt install v4l2loopback-dkms",
    ),
    SetupFile(
        "v4l2loopback.conf",
        "/etc/modprobe.d/v4l2loopback.conf",
        "How it is loaded: browsers, Zoom and Teams list the camera with exclusive_caps=1, by the name of card_label",
    ),
    SetupFile(
        "background-subtraction.service",
        "~/.config/systemd/user/background-subtraction.service",
        "The program runs from login on, and frees the camera while nobody reads the virtual one. "
        "Then: systemctl --user enable --now background-subtraction",
    ),
)
SETUP_FOLDER = Path(__file__).with_name("camera_setup")
CHECKOUT = Path(__file__).resolve().parents[2] / "background_subtraction_demo.py"
"""Only a checkout has it, and `-m` would find nothing from another folder."""
INPUT = {"-i", "--input", "--input_source"}
EXAMPLE = ("-i", "0", "--blur_bgr", "60")


def print_camera_setup(words: Sequence[str], program: str) -> None:
    """Print the files that make the program a camera of this machine. Nothing is installed.

    Args:
        words: the options of the program as it will run; () for an example.
        program: its name in messages.

    Raises:
        OptionError: the program does not take these options.
    """
    given = [os.path.abspath(word) if os.path.exists(word) else word for word in words or EXAMPLE]
    options = {word.partition("=")[0] for word in with_underscores(given)}
    given = given if options & INPUT else ["-i", "0", *given]
    given += [needed for needed in ("--no_show", "--virtual_camera") if needed not in options]
    parse_options(given, program)
    program_words = [str(CHECKOUT)] if CHECKOUT.is_file() else ["-m", "background_subtraction"]
    command = " ".join(map(_quoted, [sys.executable, *program_words, *given]))
    print(
        "# What makes this program a camera of a Linux machine. Nothing was installed: put the files where they belong."
    )
    for file in SETUP_FILES:
        text = (SETUP_FOLDER / file.name).read_text(encoding="utf-8").replace("{command}", command)
        print(f"\n# {file.path}\n# {file.purpose}.\n{text}", end="")


def _quoted(word: str) -> str:
    """As systemd.service(5) and systemd.syntax(7) have it in ExecStart."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[\w%$./:,=@+-]+", escaped) else f'"{escaped}"'
