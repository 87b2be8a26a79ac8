#!/usr/bin/env python3
"""Sets everything up from a bare Python and runs it. Standard library only.

    python bootstrap.py demo ARGUMENTS…    run background_subtraction_demo.py with these arguments
    python bootstrap.py check              run every check: format, lint, types, tests

The first use makes a virtual environment in .venv and installs the requirements into it; later uses start at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = Path(os.environ.get("BACKGROUND_SUBTRACTION_VENV", ROOT / ".venv"))
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST, NEWEST = (3, 10), (3, 13)

REQUIREMENTS = {"demo": ["requirements.txt"], "check": ["requirements.txt", "tests/requirements.txt"]}
CHECKS = (
    ["ruff", "format", "--check", "."],
    ["ruff", "check", "."],
    ["mypy"],
    ["pytest"],
)
# The window is tested on a virtual screen, transparent video in a browser; opencv-python needs libGL and GLib.
DEBIAN_PACKAGES = {"Xvfb": "xvfb", "xdotool": "xdotool", "chromium": "chromium"}
DEBIAN_LIBRARIES = ("libgl1", "libglib2.0-0")


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in REQUIREMENTS:
        print(__doc__)
        return 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        print(f"bootstrap.py: Python {sys.version.split()[0]} is not supported; expected 3.10 to 3.13", file=sys.stderr)
        return 1
    task, *rest = arguments
    try:
        set_up(task)
        return check() if task == "check" else run([PYTHON, ROOT / "background_subtraction_demo.py", *rest])
    except subprocess.CalledProcessError as error:
        print(
            f"bootstrap.py: {' '.join(map(str, error.cmd))} failed with exit code {error.returncode}", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        return 1


def set_up(task: str) -> None:
    """Make the environment where it is missing, and install what changed since the last time."""
    if not PYTHON.exists():
        print(f"Making a virtual environment in {ENVIRONMENT} …", flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    if task == "check":
        install_debian_packages()
    files = [ROOT / name for name in REQUIREMENTS[task]]
    stamp = ENVIRONMENT / f"installed-{task}"
    wanted = hashlib.sha256("".join(map(listed_in, files)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    print("Installing the requirements …", flush=True)
    listed = [part for file in files for part in ("-r", str(file))]
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *listed], check=True)
    stamp.write_text(wanted, encoding="ascii")


def listed_in(file: Path) -> str:
    """The text of a requirements file and of those that it includes."""
    lines = file.read_text(encoding="utf-8").splitlines()
    included = [file.parent / line.removeprefix("-r ").strip() for line in lines if line.startswith("-r ")]
    return "\n".join([*lines, *map(listed_in, included)])


def install_debian_packages() -> None:
    """What the tests need beside Python, where this user may install it; else those tests are skipped, saying so."""
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    missing = [package for program, package in DEBIAN_PACKAGES.items() if shutil.which(program) is None]
    if not (may_install and missing):
        return
    print(f"Installing {', '.join(missing)} …", flush=True)
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-qq"], check=True, **quiet)  # type: ignore[call-overload]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, *DEBIAN_LIBRARIES]
    subprocess.run(command, check=True, **quiet)  # type: ignore[call-overload]


def check() -> int:
    """Every check, even after one has failed, so that one run tells all."""
    failed = [command for command in CHECKS if run([PYTHON, "-m", *command])]
    for command in failed:
        print(f"bootstrap.py: failed: {' '.join(command)}", file=sys.stderr)
    return 1 if failed else 0


def run(command: list[object]) -> int:
    cwd = ROOT if command[1] == "-m" else None
    return subprocess.run([str(part) for part in command], check=False, cwd=cwd).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
