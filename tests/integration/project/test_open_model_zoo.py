"""The way from the Open Model Zoo to the demo, by the zoo's own last tools (openvino-dev 2024.6)."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_api.types import Alpha
from tests.conftest import ROOT, TIMEOUT_S, RunDemo
from tests.support import networks
from tests.support.environments import environment
from tests.support.media import read_levels

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="OpenVINO 2024.6, the last with these tools, has no package for this Python"
)

LIST = ROOT / "models.lst"
RVM = "robust-video-matting-mobilenetv3"
BGM = "background-matting-mobilenetv2"
MODNET = "modnet-webcam-portrait-matting"

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Runs one of the zoo's programs, or a whole command of theirs, in an empty folder."""
    programs = environment(ROOT / "requirements" / "omz.txt")
    # They call each other by name. What they keep of their user stays here, and in CI they tell nobody of their use.
    settings = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path), "CI": "true"}

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(programs / name), *map(str, arguments)]
        environ = {**os.environ, **settings}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=tmp_path, env=environ
        )

    return run


def place_of(folder: Path, model: str, file: str) -> Path:
    """Where omz_downloader puts a file of a model."""
    place = folder / "public" / model / file
    place.parent.mkdir(parents=True)
    return place


def ir_of(folder: Path, model: str, precision: str = "FP16") -> Path:
    """Where omz_converter puts an IR."""
    return folder / "public" / model / precision / f"{model}.xml"


def test_the_zoo_knows_every_name_of_our_list(tool: Tool) -> None:
    """The tools refuse a list with a name, or a pattern, that nothing matches."""
    run = tool("omz_info_dumper", "--list", LIST)
    assert run.returncode == 0, run.stderr
    tasks = {model["name"]: model["task_type"] for model in json.loads(run.stdout)}
    assert {RVM, BGM, MODNET, "instance-segmentation-person-0007", "yolact-resnet50-fpn-pytorch"} <= tasks.keys()
    assert set(tasks.values()) == {"background_matting", "instance_segmentation"}


def test_robust_video_matting_converts_and_gives_the_mattes_of_the_original_code(
    shared: Path, tmp_path: Path, tool: Tool, run_demo: RunDemo
) -> None:
    """One of the list is there and converted; the others are told to have failed, and stop nothing."""
    file = "robust_video_matting_mobilenetv3.onnx"
    shutil.copy(shared / "models" / file, place_of(tmp_path, RVM, file))
    run = tool("omz_converter", "--list", LIST, "--precisions", "FP16")
    failed = run.stdout.partition("FAILED:\n")[2].split()
    assert run.returncode == 1
    assert RVM not in failed, run.stderr
    assert BGM in failed

    clip = shared / "media" / "juggle_720p.mp4"
    demo = run_demo("-m", ir_of(tmp_path, RVM), "-i", clip, "-limit", 6, "--output_alpha", "alpha_%03d.png")
    assert demo.returncode == 0, demo.stderr
    assert "RobustVideoMatting, input BGR (conversion_parameters in the file)" in demo.stdout
    for index in (0, 1, 5):
        expected = read_levels(shared / "reference" / f"juggle_720p_alpha_{index:03d}.png")
        error = float(np.abs(read_levels(tmp_path / f"alpha_{index:03d}.png") - expected).mean())
        print(f"frame {index}: {error:.4f}/255")
        assert error < 1


def test_background_matting_is_not_scaled_twice(tmp_path: Path, tool: Tool, run_demo: RunDemo) -> None:
    """The zoo converts it with --scale=255, which leaves another record than --scale_values."""
    networks.difference_matting(place_of(tmp_path, BGM, "bgm_mobilenetv2.onnx"), 720, 1280)
    run = tool("omz_converter", "--name", BGM, "--precisions", "FP16")
    assert run.returncode == 0, run.stderr
    alpha = alpha_of_half_a_picture(tmp_path, run_demo, ir_of(tmp_path, BGM), "--background", tmp_path / "plate.png")
    assert alpha[:, :600].min() == 255
    assert alpha[:, 680:].max() == 0


def test_modnet_gets_red_first_and_numbers_about_zero(tmp_path: Path, tool: Tool, run_demo: RunDemo) -> None:
    """Its ONNX file is made with PyTorch, which is not there: ours takes its place, and the zoo's own command for the
    second step converts it. (With --dry_run the tool tells that command, then fails for want of what it would make.)"""
    networks.red_is_alpha(place_of(tmp_path, MODNET, "modnet_webcam_portrait_matting.onnx"), 512, 512)
    told = tool("omz_converter", "--name", MODNET, "--precisions", "FP16", "--dry_run").stdout.splitlines()
    (command,) = (line.partition(": ")[2] for line in told if line.startswith("Conversion command: "))
    python, _, *arguments = shlex.split(command)
    run = tool(Path(python).name, *arguments)
    assert run.returncode == 0, run.stderr
    alpha = alpha_of_half_a_picture(tmp_path, run_demo, ir_of(tmp_path, MODNET))
    assert alpha[:, :600].min() >= 254
    assert alpha[:, 680:].max() <= 1


def alpha_of_half_a_picture(folder: Path, run_demo: RunDemo, model: Path, *options: object) -> Alpha:
    """(720, 1280) alpha x 255 of a picture whose left half is red, the right one black, as an empty plate is."""
    picture = np.zeros((720, 1280, 3), np.uint8)
    assert cv2.imwrite(str(folder / "plate.png"), picture)
    picture[:, :640, 2] = 255
    assert cv2.imwrite(str(folder / "picture.png"), picture)
    run = run_demo("-m", model, "-i", folder / "picture.png", "--output_alpha", "alpha.png", *options)
    assert run.returncode == 0, run.stderr
    assert "(conversion_parameters in the file)" in run.stdout
    return read_levels(folder / "alpha.png")
