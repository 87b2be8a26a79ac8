"""Nothing leaves the machine: no connection, no name looked up, no file in the home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT, TIMEOUT_S
from tests.support.networks import amplifying_matting

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
    "quantize": [
        "-m",
        "model_tools",
        "quantize",
        "{convolutions}",
        "-i",
        "pictures",
        "--check",
        "others",
        "--frames",
        "3",
    ],
    "evaluate": ["-m", "model_tools", "evaluate", "-m", "{model}", "--stills", "pictures", "alphas"],
    "compose": [
        "-m",
        "model_tools",
        "compose",
        "--foregrounds",
        "pictures",
        "--alphas",
        "alphas",
        "--backgrounds",
        "others",
        "-o",
        "set",
        "--clips",
        "1",
        "--frames",
        "2",
        "--size",
        "64x48",
    ],
    "devices": ["-m", "model_tools", "devices", "-m", "{model}"],
    "benchmark": ["-m", "model_tools", "benchmark", "-m", "{model}", "-i", "{image}", "--frames", "2", "--rounds", "1"],
    "train": ["-m", "model_tools", "train", "--config", "train.toml", "--output", "run", "--workers", "0"],
    "export": [
        "-m",
        "model_tools",
        "export",
        "--network",
        "video",
        "--weights",
        "{checkpoint}",
        "-o",
        "out.onnx",
    ],
    "label": ["-m", "model_tools", "label", "-m", "{model}", "-i", "pictures", "-o", "labelled"],
    "download's help": ["-m", "model_tools", "download", "-h"],
    "convert_video": [
        "-c",
        "from background_subtraction import convert_video; convert_video('video', '{image}', "
        "output_composition='out.png')",
    ],
    "asynchronous pipeline": [
        "-c",
        "import cv2; from model_api import *; "
        "list(AsyncPipeline(create_model('portrait')).run([Frame(0, cv2.imread('{image}'))]))",
    ],
    "NNCF": ["-c", "import model_api; import nncf"],
}


TRAINING = """
network = "video"
[data]
backgrounds = ["others"]
backgrounds_range = [0, 2]
unseen_backgrounds = [2, 4]
[[data.people]]
folder = "people"
numbers = [0, 2]
[[data.unseen]]
folder = "people"
numbers = [2, 4]
[[stages]]
name = "only"
steps = 1
frames = 1
batch = 1
sizes = [[64, 64]]
rate = 1e-3
"""
LIBRARIES = {
    "training": "torch", "train": "torch", "export": "torch", "label": "torch", "NNCF": "nncf", "quantize": "nncf",
    "benchmark": "onnxruntime",
}  # fmt: skip
"""Door -> the library that an environment without its extra lacks."""


def write_material(folder: Path) -> None:
    """What the tools work on: a red figure that walks, and its alphas."""
    for n in range(4):
        figure = np.zeros((96, 128), np.uint8)
        cv2.ellipse(figure, (40 + 10 * n, 48), (20, 40), 0, 0, 360, 255, -1)
        empty = np.full_like(figure, 40 + 10 * n)
        picture = cv2.merge([empty, empty, np.maximum(figure, empty)])
        images = {
            "pictures": picture, "alphas": figure, "others": picture[:, ::-1], "people/images": picture,
            "people/alpha": figure,
        }  # fmt: skip
        for name, image in images.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / name / f"{n}.png"), image)
    (folder / "train.toml").write_text(TRAINING)


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
    if door in LIBRARIES:
        pytest.importorskip(LIBRARIES[door])
    write_material(tmp_path)
    names = {
        "image": ROOT / "docs" / "astronaut.jpg",
        "model": models / "red_dynamic.onnx",
        "convolutions": amplifying_matting(tmp_path / "convolutions.onnx"),
        "checkpoint": ROOT / "model_tools" / "train" / "checkpoints" / "video.pt",
    }
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
