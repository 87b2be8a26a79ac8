"""Nothing leaves the machine: no connection, no name looked up, no file in the home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, TIMEOUT_S

WATCH = """
import os, sys
NAMES = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
def watch(event, arguments):
    if event in NAMES:
        with open(os.environ["WATCH_LOG"], "a") as log:
            print(event, arguments[-1:], file=log)
sys.addaudithook(watch)
"""
"""As sitecustomize it watches every Python process, those that are started in turn too."""

DOORS = {
    "command": ["background_subtraction_demo.py", "-m", "video", "-i", "{image}", "-o", "out.png", "--no_show"],
    "command's help": ["-m", "background_subtraction", "-h"],
    "library": ["-c", "from model_api import create_model; create_model('video').close()"],
    "application": ["-c", "from background_subtraction import convert_video"],
    "a tool's module": ["-c", "import model_tools.convert.command"],
    "training": ["-c", "import model_tools.train.export"],
    "info": ["-m", "model_tools", "info", "video"],
    "convert": ["-m", "model_tools", "convert", "{model}", "-o", "out.xml"],
    "quantize": ["-m", "model_tools", "quantize", "-h"],
    "evaluate": ["-m", "model_tools", "evaluate", "-h"],
    "NNCF": ["-c", "import model_api; import nncf"],
}


def run_watched(arguments: list[str], folder: Path, **more: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """The ended process, and what it did on the network."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WATCH)
    (folder / "home").mkdir()
    log = folder / "network.log"
    environment = {name: value for name, value in os.environ.items() if name != "CI" and "TELEMETRY" not in name}
    environment |= {"HOME": str(folder / "home"), "WATCH_LOG": str(log), **more}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder / "site"), str(ROOT)])
    run = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip
    return run, log.read_text() if log.exists() else ""


@pytest.mark.parametrize("door", DOORS)
def test_nothing_leaves_the_machine(door: str, models: Path, tmp_path: Path) -> None:
    if door in ("training", "NNCF"):
        pytest.importorskip({"training": "torch", "NNCF": "nncf"}[door])
    names = {"image": ROOT / "docs" / "astronaut.jpg", "model": models / "red_dynamic.onnx"}
    arguments = [word.format_map(names) if "{" in word else word for word in DOORS[door]]
    if arguments[0].endswith(".py"):
        arguments[0] = str(ROOT / arguments[0])
    run, network = run_watched(arguments, tmp_path)
    assert run.returncode == 0, run.stderr
    assert network == ""
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_the_watch_sees_what_openvino_sends_by_itself(tmp_path: Path) -> None:
    _, network = run_watched(["-c", "import openvino, time; time.sleep(1)"], tmp_path)
    if not network and not list((tmp_path / "home").rglob("*")):
        pytest.skip("this OpenVINO sends nothing")
    assert "socket." in network or (tmp_path / "home" / "intel").exists()


def test_who_wants_telemetry_gets_it(tmp_path: Path) -> None:
    script = "import sys, model_api; print(sys.modules.get('openvino_telemetry') is None)"
    run, _ = run_watched(["-c", script], tmp_path, BACKGROUND_SUBTRACTION_TELEMETRY="1")
    assert run.stdout == "False\n"
