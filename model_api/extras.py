"""How to install the optional libraries."""

from __future__ import annotations

from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
"""Of a checkout. An installed package has none: there an extra has the same name."""


def install_command(extra: str) -> str:
    """The command that installs `extra`, a file in requirements/ without its ending."""
    if (REQUIREMENTS / f"{extra}.txt").is_file():
        return f"pip install -r requirements/{extra}.txt"
    return f'pip install "background-subtraction[{extra.replace("_", "-")}]"'
