"""bootstrap.py: what it installs for which command, what it says meanwhile, and that any folder will do."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import bootstrap
from background_subtraction import __version__
from tests.conftest import ROOT, TIMEOUT_S
from tests.support.environments import borrowing_environment


@pytest.mark.parametrize(
    ("line", "extras"),
    [
        ("demo -i clip.mp4 -o out.mp4", []),
        ("demo -i 0 --virtual_camera", ["virtual_camera"]),
        ("demo -i 0 --virtual-camera /dev/video9", ["virtual_camera"]),
        ("demo -i 0 --adapter ovms -m host:9000/models/rvm", ["ovms"]),
        ("demo -i 0 --adapter=ovms -m host:9000/models/rvm", ["ovms"]),
        ("demo -i film.mp4 -o out.mp4 --split scenes", ["split"]),
        ("tools info video", []),
        ("tools quantize video -i a.mp4 --check b.mp4", ["quantize"]),
        ("tools convert rvm.onnx", []),
        ("tools convert modnet_webcam_portrait_matting.ckpt", ["training"]),
        ("tools benchmark -m video -i a.mp4", []),
        ("tools benchmark -m rvm.xml -i a.mp4 --compare onnxruntime:model=rvm.onnx", ["benchmark"]),
        ("tools train --config model_tools/train/configs/video.toml --output runs/video", ["training"]),
        ("tools export --network video --weights checkpoint.pt --output video.onnx", ["training"]),
        ("tools label -m video -i clip.mp4 -o labelled", []),
    ],
)
def test_extras_are_installed_where_they_are_needed(line: str, extras: list[str]) -> None:
    task, *words = line.split()
    files = bootstrap.requirements_of(task, words)
    assert files == ["requirements.txt", *(f"requirements/{extra}.txt" for extra in extras)]
    assert all((ROOT / file).is_file() for file in files)


def test_pip_is_quoted_in_what_takes_time() -> None:
    lines = [
        "Collecting numpy<3,>=1.26 (from -r requirements.txt (line 4))",
        "  Downloading numpy-2.3.0-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (62 kB)",
        "Downloading numpy-2.3.0-cp311-cp311-manylinux_2_28_x86_64.whl (16.9 MB)",
        "Requirement already satisfied: tqdm in ./lib/python3.11/site-packages",
        "Installing collected packages: numpy",
        "Successfully installed numpy-2.3.0",
    ]
    assert list(bootstrap.steps_in(lines)) == [lines[2], lines[4]]


def test_a_changed_constraint_is_installed_again(tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_text("torch==1\n")
    (tmp_path / "requirements.txt").write_text("-c pins.txt\ntorch\n")
    before = bootstrap.digest_of(tmp_path / "requirements.txt")
    (tmp_path / "pins.txt").write_text("torch==2\n")
    assert bootstrap.digest_of(tmp_path / "requirements.txt") != before


@pytest.mark.parametrize("has_cpu_build", [True, False])
def test_pytorch_for_cpus_comes_first_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_cpu_build: bool
) -> None:
    """pip itself finds the wheel in a folder, as it does in an index. No other package is asked for."""
    venv.create(tmp_path / "environment")
    wheel = wheel_of(tmp_path / "wheels", "torch", "2.13.0+cpu" if has_cpu_build else "2.13.0")
    line = f"torch==2.13.0+cpu --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (tmp_path / "cpu_builds.txt").write_text(line)
    python = tmp_path / "environment" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    locked: list[list[str]] = []
    for name, value in {
        "ENVIRONMENT": tmp_path / "environment", "CPU_BUILDS": tmp_path / "cpu_builds.txt",
        "PIP_INSTALL": (sys.executable, "-m", "pip", "--python", str(python), *bootstrap.PIP_INSTALL[3:]),
        "install_hashed": lambda packages: locked.append([package.name for package in packages]),
    }.items():  # fmt: skip
        monkeypatch.setattr(bootstrap, name, value)
    for name, word in {"NO_INDEX": "1", "FIND_LINKS": str(wheel.parent), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", word)
    bootstrap.install_locked(bootstrap.locked_for([ROOT / "requirements/training.txt"]))
    ((*names,),) = locked
    assert "filelock" in names
    assert [any(map(bootstrap.PYTORCH.match, names)), "torch" in names] == [not has_cpu_build] * 2


def test_the_build_for_cpus_is_the_locked_version() -> None:
    (wanted,) = re.findall(r"^torch==(.*)\+cpu", (ROOT / bootstrap.CPU_BUILDS).read_text(), re.M)
    (locked,) = {package.text.split()[0] for package in bootstrap.locked_packages() if package.name == "torch"}
    assert locked == f"torch=={wanted}"
    assert f"torch=={wanted}\n" in (ROOT / bootstrap.CONSTRAINTS).read_text()


def wheel_of(folder: Path, name: str, version: str) -> Path:
    """A wheel with nothing in it but its name."""
    folder.mkdir()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


@pytest.mark.parametrize("words", [("demo", "--version"), ("tools", "--version")])
def test_it_runs_from_any_folder(tmp_path: Path, words: tuple[str, ...]) -> None:
    """In an environment in which all is installed; stdout has what the command prints, and nothing else."""
    environment = tmp_path / "environment"
    borrowing_environment(environment)
    for stamp, digest in bootstrap.stamps_of([ROOT / "requirements.txt"], environment).items():
        stamp.write_text(digest)
    done = run(tmp_path, environment, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("words", [(), ("dmeo",)])
def test_without_a_task_the_usage_is_shown(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(tmp_path, tmp_path / "environment", *words)
    assert done.returncode == 2
    assert "python bootstrap.py demo ARGUMENTS…" in done.stdout
    assert not (tmp_path / "environment").exists()


def run(folder: Path, environment: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "bootstrap.py"), *words],
        cwd=folder,
        env={**os.environ, "BACKGROUND_SUBTRACTION_VENV": str(environment), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
