"""How to install the optional libraries."""

from __future__ import annotations

from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
"""Only a checkout has this folder. An installed package has an extra of the same name instead."""


def install_command(extra: str) -> str:
    """The command that installs an extra.

    Args:
        extra: the name of a file in requirements/ without its suffix.
    """
    if (REQUIREMENTS / f"{extra}.txt").is_file():
        return f"pip install -r requirements/{extra}.txt"
    return f'pip install "background-subtraction[{extra.replace("_", "-")}]"'
