"""bootstrap.py: what it installs for which command, what it says meanwhile, and that any folder will do."""

from __future__ import annotations

import os
import subprocess
import sys
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
