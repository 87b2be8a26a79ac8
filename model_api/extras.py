"""How to install the optional libraries."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

PYTHON = sys.executable or "python"
PIP = f'"{PYTHON}" -m pip' if sys.platform == "win32" else f"{shlex.quote(PYTHON)} -m pip"
"""pip of the Python that runs this: another one installs into another environment."""
REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
"""Only a checkout has this folder. An installed package has an extra of the same name instead."""


def install_command(extra: str) -> str:
    """The command that installs an extra, as it works in the current folder.

    Args:
        extra: the name of a file in requirements/ without its suffix.
    """
    path = REQUIREMENTS / f"{extra}.txt"
    if path.is_file():
        file = f"requirements/{extra}.txt" if Path.cwd() == REQUIREMENTS.parent else f'"{path.as_posix()}"'
        return f"{PIP} install -r {file}"
    return f'{PIP} install "background-subtraction[{extra.replace("_", "-")}]"'
