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
    """The command that installs an extra.

    Args:
        extra: the name of a file in requirements/ without its suffix.
    """
    if (REQUIREMENTS / f"{extra}.txt").is_file():
        return f"{PIP} install -r requirements/{extra}.txt"
    return f'{PIP} install "background-subtraction[{extra.replace("_", "-")}]"'
