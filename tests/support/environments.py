"""Environments of their own for tools that do not live beside the program's packages."""

from __future__ import annotations

import hashlib
import os
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

if sys.platform != "win32":
    import fcntl

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("BACKGROUND_SUBTRACTION_ENVIRONMENTS", ROOT / ".environments"))
"""Made once, kept from run to run."""

NO_NETWORK = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError")
"""What pip says where no index answers."""


def environment(requirements: Path) -> Path:
    """The folder of programs (bin) of a virtual environment with what the file `requirements` lists.

    Skips the test where no package index can be reached. Raises CalledProcessError if pip fails for another reason.
    """
    folder = ENVIRONMENTS / requirements.stem
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    stamp = folder / "installed"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    with _one_at_a_time(requirements.stem):
        if not stamp.exists() or stamp.read_text(encoding="ascii") != digest:
            venv.create(folder, with_pip=True, clear=True)
            _install(programs / "python", requirements)
            stamp.write_text(digest, encoding="ascii")
    return programs


def _install(python: Path, requirements: Path) -> None:
    options = ["--disable-pip-version-check", "install", "--quiet", "-r", str(requirements)]
    command = [str(python), "-m", "pip", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(sign in done.stderr for sign in NO_NETWORK):
        pytest.skip(f"{requirements.name} cannot be installed without a package index: {done.stderr.splitlines()[-1]}")
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Tests run in several processes: the first one makes the environment, the others wait."""
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("ab") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def borrowing_environment(folder: Path) -> Path:
    """A new environment without pip, which finds the packages of this one after its own. Returns its Python."""
    venv.create(folder, with_pip=False)
    own, *_ = folder.glob("lib/python*/site-packages") if os.name != "nt" else [folder / "Lib/site-packages"]
    (own / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
