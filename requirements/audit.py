"""Asks PyPI whether versions of requirements/lock.txt have known vulnerabilities: `python -m requirements.audit`.

Where nobody answers, as without a network, it says that nothing was audited, and that is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bootstrap

TIMEOUT_S = 10
LIMIT_S = 600


def main() -> int:
    """Returns 1 if there are known vulnerabilities, else 0."""
    with TemporaryDirectory() as folder:
        single = Path(folder) / "requirements.txt"
        single.write_text(bootstrap.locked_packages()[0].text, encoding="utf-8")
        # One question first: where it gets no answer, the others are not asked.
        if not audited(single):
            print("Not audited for known vulnerabilities: PyPI's service for that does not answer.")
            return 0
    found = {package["name"]: package for package in audited(bootstrap.ROOT / bootstrap.LOCK) if package.get("vulns")}
    for name, package in found.items():
        for known in package["vulns"]:
            fixed = ", ".join(known["fix_versions"]) or "none yet"
            print(f"{name} {package['version']}: {known['id']}. Versions without it: {fixed}")
    print(f"Packages with known vulnerabilities: {len(found)}")
    return int(bool(found))


def audited(requirements: Path) -> list[dict[str, Any]]:
    """What pip-audit says of each package of a file with hashes. Empty where it gets no answer."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "-r", str(requirements)]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S)]
    try:
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=LIMIT_S)
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return []
    return [package for package in packages if "skip_reason" not in package]


if __name__ == "__main__":
    sys.exit(main())
