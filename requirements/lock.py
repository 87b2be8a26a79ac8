#!/usr/bin/env python3
"""Writes requirements/lock.txt: every package that bootstrap.py installs, its version and the hashes of its files.

    pip install uv
    python requirements/lock.py             what changed in the ranges; other versions stay
    python requirements/lock.py --upgrade   the newest versions within the ranges

One lock holds for Python 3.10 to 3.13 on all systems: what differs has a marker.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INPUTS = ("requirements.txt", "tests/requirements.txt")
"""The second one includes all extras."""
COMMAND = (
    "uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --no-emit-index-url --quiet "
    "--output-file requirements/lock.txt"
)


def main(options: list[str]) -> int:
    """Run uv with these options besides. Returns its exit code."""
    return subprocess.run([*shlex.split(COMMAND), *options, *INPUTS], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
