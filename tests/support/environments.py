"""Environments of their own for tools that do not live beside the program's packages."""

from __future__ import annotations

import hashlib
import os
import site
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("BACKGROUND_SUBTRACTION_ENVIRONMENTS", ROOT / ".environments"))
"""Made once, kept from run to run."""


def environment(requirements: Path) -> Path:
    """The folder of programs (bin) of a virtual environment with what the file `requirements` lists.

    Raises CalledProcessError if it cannot be installed.
    """
    folder = ENVIRONMENTS / requirements.stem
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    stamp = folder / "installed"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "-r", str(requirements)], check=True, capture_output=True)
        stamp.write_text(wanted, encoding="ascii")
    return programs


def borrowing_environment(folder: Path) -> Path:
    """A new environment without pip, which finds the packages of this one after its own. Returns its Python."""
    venv.create(folder, with_pip=False)
    own, *_ = folder.glob("lib/python*/site-packages") if os.name != "nt" else [folder / "Lib/site-packages"]
    (own / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
