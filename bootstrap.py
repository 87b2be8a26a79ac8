#!/usr/bin/env python3
"""Sets everything up from a bare Python and runs it. Standard library only.

    python bootstrap.py demo ARGUMENTS…              run background_subtraction_demo.py with these arguments
    python bootstrap.py tools TOOL ARGUMENTS…        run a tool for models: download, convert, quantize, train, …
    python bootstrap.py check                        run every check: format, lint, types, audit, tests

The first use makes a virtual environment in .venv and installs the requirements into it, with the extras that the
command needs; later uses start at once. It may be called from any folder.

The versions are those of requirements/lock.txt, and each file must have the hash that stands there. On systems that it
does not cover, and with BACKGROUND_SUBTRACTION_NEWEST=1 in the environment, they are the newest within the ranges.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = Path(os.environ.get("BACKGROUND_SUBTRACTION_VENV", ROOT / ".venv")).absolute()
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST, NEWEST = (3, 10), (3, 13)

TASKS = ("demo", "tools", "check")
EXTRAS = {
    "benchmark": r"^tools benchmark .*\bonnxruntime\b",
    "completion": r"--print[_-]completion\b",
    "dask": r"--cluster[ =]dask://",
    "ovms": r"--adapter[ =]ovms\b",
    "quantize": r"^tools quantize\b",
    "ray": r"--cluster[ =]ray://",
    "split": r"--split[ =]scenes\b",
    "storage": r"\b(s3a?|gcs|gs|az|abfss?|sftp|ssh|smb|webhdfs|hdfs|oss|hf)://",
    "training": r"^tools (train|export)\b|^tools convert .*\.ckpt\b",
    "virtual_camera": r"--virtual[_-]camera\b",
    "web": r"--web\b|^demo serve\b",
}
"""A file in requirements/ -> the command lines that need it."""

CONSTRAINTS = "requirements/constraints.txt"
LOCK = "requirements/lock.txt"
CPU_BUILDS = "requirements/cpu_builds.txt"
LOCKED_SYSTEMS = {("Linux", "x86_64"), ("Windows", "AMD64")}
"""Those for which every package of the lock has a file that needs no compiler."""
NEWEST_WITHIN_RANGES = "BACKGROUND_SUBTRACTION_NEWEST"
PYTORCH = re.compile(r"torch$|nvidia-|cuda-|triton$")
"""PyTorch, and what its builds for graphics cards need, several GB; those for CPUs do without."""
PIP_INSTALL = (str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off")
HASHED = ("--require-hashes", "--no-deps", "-r")
PIP_STEPS = ("Downloading ", "Using cached ", "Processing ", "Building wheel", "Installing collected packages")
"""How the lines of pip begin that tell what takes time."""
CHECKS = (
    ["ruff", "format", "--check", "."],
    ["ruff", "check", "."],
    ["mypy"],
    ["requirements.audit"],
    ["pytest", "--numprocesses", "logical", "--maxprocesses", "8", "--dist", "worksteal"],
)
# The window is tested on a virtual screen, transparent video in a browser; opencv-python needs libGL and GLib.
DEBIAN_PACKAGES = {"Xvfb": "xvfb", "xdotool": "xdotool", "chromium": "chromium"}
DEBIAN_LIBRARIES = ("libgl1", "libglib2.0-0")


def main(arguments: list[str]) -> int:
    """Run a task. Returns its exit code; 2 for invalid usage."""
    if not arguments or arguments[0] not in TASKS:
        print(__doc__)
        return 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        say(f"bootstrap.py: Python {sys.version.split()[0]} is not supported; expected 3.10 to 3.13")
        return 1
    task, *words = arguments
    try:
        set_up(task, words)
        return check() if task == "check" else run_task(task, words)
    except subprocess.CalledProcessError as error:
        say(f"bootstrap.py: {shlex.join(map(str, error.cmd))} failed with exit code {error.returncode}")
        return 1
    except KeyboardInterrupt:
        return 1


def set_up(task: str, words: list[str]) -> None:
    """Make the environment where it is missing, and install what changed since the last time."""
    if task == "check":
        install_debian_packages()
    files = [ROOT / name for name in requirements_of(task, words)]
    stamps = stamps_of(files, ENVIRONMENT)
    if PYTHON.exists() and all(stamp.exists() and stamp.read_text() == digest for stamp, digest in stamps.items()):
        return
    if not has_pip():
        make_environment()
    install(files)
    for stamp, digest in stamps.items():
        stamp.write_text(digest)


def requirements_of(task: str, words: list[str]) -> list[str]:
    """The requirements files of a command, as paths in this folder."""
    if task == "check":
        return ["requirements.txt", "tests/requirements.txt"]
    line = " ".join([task, *words])
    return ["requirements.txt", *(f"requirements/{extra}.txt" for extra, use in EXTRAS.items() if re.search(use, line))]


def stamps_of(files: list[Path], environment: Path) -> dict[Path, str]:
    """The file that shows that a requirements file was installed -> the digest that it holds then."""
    return {
        environment / "-".join(["installed", *file.relative_to(ROOT).with_suffix("").parts]): digest_of(file)
        for file in files
    }


def digest_of(file: Path) -> str:
    """The SHA-256 of a requirements file, of those that it includes, and of what the lock has for them."""
    text = listed_in(file)
    locked = "".join(package.text for package in locked_for([file])) if is_locked() else ""
    return hashlib.sha256((text + locked).encode()).hexdigest()


def listed_in(file: Path) -> str:
    """The text of a requirements file and of those that it includes."""
    lines = file.read_text(encoding="utf-8").splitlines()
    included = [file.parent / line[3:].strip() for line in lines if line.startswith(("-r ", "-c "))]
    return "\n".join([*lines, *map(listed_in, included)])


def has_pip() -> bool:
    """False for an environment that is not there, or whose making was interrupted."""
    if not PYTHON.exists():
        return False
    command = [str(PYTHON), "-m", "pip", "--version"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def make_environment() -> None:
    """Make the environment anew. Raises CalledProcessError."""
    say(f"Making a virtual environment in {ENVIRONMENT} …")
    try:
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        say("This Python makes no environment with pip. On Debian and Ubuntu: apt install python3-venv")
        raise


@dataclass(frozen=True)
class Locked:
    """A package in the lock.

    Attributes:
        name: with hyphens.
        text: its version, its marker and the hashes of its files, as pip reads them.
        wanted_by: packages that need it.
    """

    name: str
    text: str
    wanted_by: frozenset[str]


@cache
def locked_packages() -> tuple[Locked, ...]:
    """All of the lock. One that differs between systems has several entries."""
    return tuple(locked_in((ROOT / LOCK).read_text(encoding="utf-8")))


def locked_in(text: str) -> Iterator[Locked]:
    """The entries of a lock, as uv writes it."""
    for entry in re.finditer(r"^([\w.-]+)==.*\n(?:    --hash.*\n)*((?:    #.*\n)*)", text, re.M):
        wanted_by = re.findall(r"^    # +(?:via )?([\w.-]+)$", entry[2], re.M)
        yield Locked(normal(entry[1]), entry[0].removesuffix(entry[2]), frozenset(map(normal, wanted_by)))


def locked_for(files: list[Path]) -> list[Locked]:
    """What the lock has for requirements files: the packages that they name, and those that these need."""
    packages = locked_packages()
    named = re.findall(r"^([A-Za-z0-9][\w.-]*)", "\n".join(map(listed_in, files)), re.M)
    chosen = set(map(normal, named))
    while more := {package.name for package in packages if package.wanted_by & chosen} - chosen:
        chosen |= more
    return [package for package in packages if package.name in chosen]


def normal(name: str) -> str:
    """A package's name as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_locked() -> bool:
    """Whether this system's packages are taken from the lock."""
    return (platform.system(), platform.machine()) in LOCKED_SYSTEMS and not os.environ.get(NEWEST_WITHIN_RANGES)


def install(files: list[Path]) -> None:
    """With a line for each step. Raises CalledProcessError."""
    names = ", ".join(file.relative_to(ROOT).as_posix() for file in files)
    say(f"Installing {names} (the first time this takes minutes) …")
    if is_locked():
        install_locked(locked_for(files))
    else:
        say(f"{LOCK} is not used on this {platform.system()} {platform.machine()}: the newest versions in the ranges.")
    # After the lock there is nothing left to do, but pip checks that all goes together.
    pip_install(["-c", str(ROOT / CONSTRAINTS), *(part for file in files for part in ("-r", str(file)))])


def install_locked(packages: list[Locked]) -> None:
    """Install just these files. Raises CalledProcessError where one has another hash."""
    pytorch = [package for package in packages if PYTORCH.match(package.name)]
    if pytorch and has_cpu_build():
        packages = [package for package in packages if package not in pytorch]
    install_hashed(packages)


def has_cpu_build() -> bool:
    """Install PyTorch for CPUs alone, where an index has it. Whether it is there then."""
    # Among several hashes pip prefers a file of PyPI, for graphics cards, to one in a folder, which tells no hash.
    subprocess.run([*PIP_INSTALL, *HASHED, str(ROOT / CPU_BUILDS)], check=False, capture_output=True)
    return any(ENVIRONMENT.glob("lib/python*/site-packages/torch-*+cpu.dist-info"))


def install_hashed(packages: list[Locked]) -> None:
    """Raises CalledProcessError."""
    listed = ENVIRONMENT / "locked.txt"
    listed.write_text("".join(package.text for package in packages), encoding="utf-8")
    try:
        pip_install([*HASHED, str(listed)])
    except subprocess.CalledProcessError:
        say(f"{LOCK} could not be installed. To install the newest versions instead: {NEWEST_WITHIN_RANGES}=1")
        raise


def pip_install(what: Sequence[str]) -> None:
    """Raises CalledProcessError."""
    command = [*PIP_INSTALL, *what]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment) as pip:
        for step in steps_in(pip.stdout or ()):
            say(f"  {step}")
    if pip.returncode:
        raise subprocess.CalledProcessError(pip.returncode, command)


def steps_in(lines: Iterable[str]) -> Iterator[str]:
    """The lines of pip about its downloads and installations, without the small files that describe packages."""
    for line in map(str.strip, lines):
        if line.startswith(PIP_STEPS) and ".metadata" not in line:
            yield line


def install_debian_packages() -> None:
    """What the tests need beside Python, where this user may install it; else those tests are skipped, saying so."""
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    missing = [package for program, package in DEBIAN_PACKAGES.items() if shutil.which(program) is None]
    if not (may_install and missing):
        return
    say(f"Installing {', '.join(missing)} …")
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-qq"], check=True, **quiet)  # type: ignore[call-overload]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, *DEBIAN_LIBRARIES]
    subprocess.run(command, check=True, **quiet)  # type: ignore[call-overload]


def check() -> int:
    """Every check, even after one has failed, so that one run shows all failures."""
    failed = [words for words in CHECKS if subprocess.run([PYTHON, "-m", *words], check=False, cwd=ROOT).returncode]
    for words in failed:
        say(f"bootstrap.py: failed: {' '.join(words)}")
    return 1 if failed else 0


def run_task(task: str, words: list[str]) -> int:
    """In the current folder, to which the paths in `words` belong."""
    commands = {
        "demo": [str(ROOT / "background_subtraction_demo.py"), *words],
        "tools": ["-m", "model_tools", *words],
    }
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([str(PYTHON), *commands[task]], check=False, env=environment).returncode


def say(line: str) -> None:
    """Not to stdout, which belongs to the command that is run."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
