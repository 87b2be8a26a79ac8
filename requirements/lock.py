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
LOCK = ROOT / "requirements" / "lock.txt"
INPUTS = ("requirements.txt", "tests/requirements.txt")
"""The second one includes all extras."""
COMMAND = (
    "uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --no-emit-index-url --quiet "
    "--output-file requirements/lock.txt"
)
CPU_BUILDS = {
    # Linux x86-64, Python 3.11
    "torch==2.13.0": ("6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",),
}
"""Version -> hashes of its builds for CPUs alone, which PyPI does not have."""


def main(options: list[str]) -> int:
    """Run uv with these options besides. Returns its exit code."""
    done = subprocess.run([*shlex.split(COMMAND), *options, *INPUTS], cwd=ROOT, check=False)
    if done.returncode == 0:
        LOCK.write_text(with_cpu_builds(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
    return done.returncode


def with_cpu_builds(lock: str) -> str:
    """Raises ValueError where the lock has another version than CPU_BUILDS."""
    for version, hashes in CPU_BUILDS.items():
        if f"\n{version} \\\n" not in lock:
            raise ValueError(f"the lock has another {version.partition('=')[0]} than {version}: adapt CPU_BUILDS")
        added = "".join(f"    --hash=sha256:{digest} \\\n" for digest in hashes)
        lock = lock.replace(f"\n{version} \\\n", f"\n{version} \\\n{added}")
    return lock


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
