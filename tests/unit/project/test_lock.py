"""The lock: it has what the requirements name, in their ranges, with hashes, and names no host."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import bootstrap
from tests.conftest import ROOT, TIMEOUT_S

FILES = sorted(
    {"requirements.txt", "tests/requirements.txt", *(f"requirements/{extra}.txt" for extra in bootstrap.EXTRAS)}
)
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
}


def requirement_of(package: bootstrap.Locked) -> Requirement:
    return Requirement(package.text.split(" \\\n")[0])


def named_in(file: str) -> list[Requirement]:
    lines = bootstrap.listed_in(ROOT / file).splitlines()
    return [Requirement(line) for line in lines if re.match(r"[a-z]", line)]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("file", FILES)
def test_each_requirement_is_locked_once_within_its_range(file: str, python: str, system: str) -> None:
    environment = {
        **SYSTEMS[system], "python_version": python, "python_full_version": f"{python}.1", "extra": "",
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    locked = [requirement_of(package) for package in bootstrap.locked_for([ROOT / file])]
    here = [item for item in locked if item.marker is None or item.marker.evaluate(environment)]
    names = [bootstrap.normal(item.name) for item in here]
    assert len(names) == len(set(names))
    versions = {bootstrap.normal(item.name): str(item.specifier).removeprefix("==") for item in here}
    for wanted in named_in(file):
        if wanted.marker is None or wanted.marker.evaluate(environment):
            assert wanted.specifier.contains(versions[bootstrap.normal(wanted.name)]), wanted


def test_every_package_has_hashes_and_none_names_a_host() -> None:
    packages = bootstrap.locked_packages()
    assert len(packages) > 50
    assert not [package.name for package in packages if "--hash=sha256:" not in package.text]
    text = (ROOT / bootstrap.LOCK).read_text(encoding="utf-8")
    assert "://" not in text
    assert len(packages) == len(re.findall(r"^[a-z].*==", text, re.M))


def test_what_a_package_needs_comes_along() -> None:
    """nncf needs scikit-learn, which needs joblib (their metadata); the program itself needs neither."""
    without, with_nncf = (
        {package.name for package in bootstrap.locked_for([ROOT / file])}
        for file in ("requirements.txt", "requirements/quantize.txt")
    )
    assert {"nncf", "scikit-learn", "joblib"} <= with_nncf
    assert not {"nncf", "scikit-learn", "joblib"} & without


def test_the_ranges_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert bootstrap.is_locked()
    monkeypatch.setenv(bootstrap.NEWEST_WITHIN_RANGES, "1")
    assert not bootstrap.is_locked()


def test_pip_refuses_a_file_of_another_hash(tmp_path: Path) -> None:
    """The hashes are what pip reads as such: with a wrong one it stops."""
    package = next(package for package in bootstrap.locked_packages() if package.name == "shtab")
    listed = tmp_path / "requirements.txt"
    listed.write_text(re.sub(r"sha256:\w+", "sha256:" + 64 * "0", package.text))
    wheel = tmp_path / f"shtab-{str(requirement_of(package).specifier)[2:]}-py3-none-any.whl"
    wheel.write_bytes(b"PK\x05\x06" + bytes(18))  # an empty archive
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--require-hashes", "--target"]
    words = [*command, str(tmp_path / "site"), "--find-links", str(tmp_path), "-r", str(listed)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_without_an_answer_nothing_is_audited_and_nothing_fails() -> None:
    pytest.importorskip("pip_audit")
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "requirements.audit"], cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True,
        text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Not audited")
