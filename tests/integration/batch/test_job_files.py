"""The files for Kubernetes and SLURM in docs/: their own command, with the environment that those set."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import COMMAND, ROOT
from tests.support.batches import contents, write_clips

PROGRAM = f'#!/bin/sh\nexec "{sys.executable}" "{COMMAND}" -m "$MODEL" "$@"\n'


@pytest.fixture
def environment(tmp_path: Path, models: Path) -> dict[str, str]:
    """With the command of an installation."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "background-subtraction"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    write_clips(tmp_path / "clips", 3)
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "MODEL": str(models / "red.onnx")}


def test_slurm(environment: dict[str, str], tmp_path: Path) -> None:
    for task in range(2):
        array = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "2"}
        subprocess.run(
            ["bash", ROOT / "docs/batches-slurm.sh", "clips", "results"], cwd=tmp_path, env={**environment, **array},
            check=True, capture_output=True,
        )  # fmt: skip
    assert [*contents(tmp_path / "results")] == ["0.mp4", "1.mp4", "2.mp4"]


def test_kubernetes(environment: dict[str, str], tmp_path: Path) -> None:
    """Its arguments, with folders in place of the bucket."""
    text = (ROOT / "docs/batches-kubernetes.yaml").read_text()
    (words,) = re.findall(r"(exec background-subtraction.*?)\n\s+envFrom:", text, re.DOTALL)
    command = " ".join(words.split()).replace("s3://bucket/", "")
    completions = re.findall(r"completions: (\d+)", text)
    assert completions == re.findall(r"INDEX/(\d+)", command)
    assert shlex.split(command)[1] == "background-subtraction"
    for index in range(3):
        subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env={**environment, "JOB_COMPLETION_INDEX": str(index)}, check=True,
            capture_output=True,
        )  # fmt: skip
    assert [*contents(tmp_path / "results")] == ["0.mp4", "1.mp4", "2.mp4"]
