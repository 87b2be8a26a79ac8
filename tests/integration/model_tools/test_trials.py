"""`info --image` and `convert --image`: what a network takes is found on a picture, and written down as a choice."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onnx import helper

from model_api import create_model
from model_api.graph import loading
from model_api.types import Alpha, Image
from model_tools.__main__ import main
from tests.conftest import ROOT
from tests.support import networks
from tests.support.command import run_command

SIDE_PX = 96
IMAGE_NET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def picture() -> Image:
    """The astronaut, whom everybody may use."""
    video = cv2.VideoCapture(str(ROOT / "samples/astronaut.mp4"))
    done, image = video.read()
    assert done
    return image


@pytest.fixture(scope="module")
def mask(picture: Image) -> Alpha:
    with create_model("portrait") as model:
        return cv2.resize(model(picture)[1], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)


@pytest.fixture
def tool(tmp_path: Path, picture: Image) -> Tool:
    cv2.imwrite(str(tmp_path / "person.png"), picture)
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((64, 64, 3), 90, np.uint8))

    def run(name: str, *words: object) -> subprocess.CompletedProcess[str]:
        return run_command(main, [name, *words], tmp_path)

    return run


def only_for(
    path: Path, picture: Image, mask: Alpha, *, channels: str, mean: Any, scale: Any, answer: str = "alpha"
) -> Path:
    """A network that shows the person only where its input is this picture, prepared as it wants.

    The mask is a constant, times 1 where the mean of each channel is that of the picture so prepared, and 0 where one
    is off by a twentieth or more. answer: "alpha", "logits" of -8..8, or "swapped": two classes, the person's first.
    """
    small = cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    prepared = ((small if channels == "BGR" else small[..., ::-1]) - np.array(mean, np.float32)) / np.array(
        scale, np.float32
    )
    levels = prepared.mean(axis=(0, 1)).reshape(1, 3, 1, 1)
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["image"], ["levels"], axes=[2, 3], keepdims=1),
        node("Sub", ["levels", "expected"], ["change"]),
        node("Abs", ["change"], ["size"]),
        node("Div", ["size", "tolerance"], ["relative"]),
        node("ReduceMax", ["relative"], ["worst"], axes=[1, 2, 3], keepdims=1),
        node("Sub", ["unit", "worst"], ["close"]),
        node("Clip", ["close", "nought", "unit"], ["right"]),
        node("Mul", ["right", "person"], ["found"]),
        *ANSWERS[answer],
    ]
    tolerance = np.maximum(np.abs(levels), 1 / np.max(scale)) / 20
    constants = [
        networks._constant("expected", levels), networks._constant("tolerance", tolerance),
        networks._constant("person", mask[np.newaxis, np.newaxis]), networks._constant("unit", 1.0),
        networks._constant("nought", 0.0), networks._constant("sixteen", 16.0), networks._constant("half", 0.5),
    ]  # fmt: skip
    shape, answered = (1, 3, SIDE_PX, SIDE_PX), (1, 2 if answer == "swapped" else 1, SIDE_PX, SIDE_PX)
    return networks.save(path, nodes, [networks._value("image", shape)], [networks._value("mask", answered)], constants)


ANSWERS = {
    "alpha": [helper.make_node("Identity", ["found"], ["mask"])],
    "logits": [
        helper.make_node("Sub", ["found", "half"], ["centred"]),
        helper.make_node("Mul", ["centred", "sixteen"], ["mask"]),
    ],
    "swapped": [
        helper.make_node("Sub", ["unit", "found"], ["rest"]),
        helper.make_node("Concat", ["found", "rest"], ["mask"], axis=1),
    ],
}


@pytest.mark.parametrize(
    ("channels", "mean", "scale", "answer", "options"),
    [
        ("RGB", *IMAGE_NET, "alpha", "--reverse_input_channels --mean_values 123.675,116.28,103.53 "
         "--scale_values 58.395,57.12,57.375"),
        ("BGR", (0,) * 3, (255,) * 3, "alpha", "--no-reverse_input_channels --mean_values 0 --scale_values 255"),
        ("RGB", (127.5,) * 3, (127.5,) * 3, "logits", "--reverse_input_channels --mean_values 127.5 "
         "--scale_values 127.5"),
        ("RGB", (0,) * 3, (1,) * 3, "swapped", "--reverse_input_channels --mean_values 0 --scale_values 1 "
         "--person_class 0"),
    ],
)  # fmt: skip
def test_what_a_network_takes_is_found_on_a_picture(
    tool: Tool, tmp_path: Path, picture: Image, mask: Alpha,
    channels: str, mean: Any, scale: Any, answer: str, options: str,
) -> None:  # fmt: skip
    only_for(tmp_path / "net.onnx", picture, mask, channels=channels, mean=mean, scale=scale, answer=answer)
    done = tool("info", tmp_path / "net.onnx", "--image", tmp_path / "person.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Options for the best: {options}\n" in done.stdout, done.stdout
    sheet = cv2.imread(str(tmp_path / "net_trials.png"))
    assert sheet is not None
    assert sheet.shape[1] == 4 * 320


def test_the_same_for_programs(tool: Tool, tmp_path: Path, picture: Image, mask: Alpha) -> None:
    only_for(tmp_path / "net.onnx", picture, mask, channels="BGR", mean=(0,) * 3, scale=(255,) * 3)
    done = tool("info", tmp_path / "net.onnx", "--json", "--image", tmp_path / "person.png")
    found = json.loads(done.stdout)
    assert found["best"]["preprocessing"]["channels"] == "BGR"
    assert found["best"]["agreement"] > 0.9
    assert found["trials"][0] == found["best"]
    assert [row["is_own"] for row in found["trials"]].count(True) == 1


def test_convert_writes_it_down_as_a_choice(tool: Tool, tmp_path: Path, picture: Image, mask: Alpha) -> None:
    only_for(tmp_path / "net.onnx", picture, mask, channels="RGB", mean=IMAGE_NET[0], scale=IMAGE_NET[1])
    done = tool("convert", tmp_path / "net.onnx", "-o", "net.xml", "--image", tmp_path / "person.png")
    assert done.returncode == 0, done
    info = loading.read(tmp_path / "net.xml").info["model_info"]
    assert info["preprocessing_origin"].startswith("a choice made with person.png: agreement 0.9")
    assert info["embedded_preprocessing"].startswith("RGB, mean 123.675 116.28 103.53, scale 58.395 57.12 57.375")
    with create_model(tmp_path / "net.xml") as model:
        alpha = cv2.resize(model(picture)[1], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    assert np.abs(alpha - mask).mean() < 0.02
    said = tool("info", tmp_path / "net.xml").stdout
    assert "model_info in the file, a choice made with person.png" in said


def test_what_is_converted_with_a_guess_stays_one(tool: Tool, tmp_path: Path, picture: Image, mask: Alpha) -> None:
    only_for(tmp_path / "net.onnx", picture, mask, channels="RGB", mean=(0,) * 3, scale=(255,) * 3)
    done = tool("convert", tmp_path / "net.onnx", "-o", "net.xml")
    assert done.stdout.count("[ WARNING ]") == 1
    again = tool("convert", "net.xml", "-o", "again.xml")
    assert "which pixels it takes was a guess when it was converted" in again.stdout
    assert "a guess" in loading.read(tmp_path / "again.xml").info["model_info"]["preprocessing_origin"]


def test_what_the_user_says_is_not_varied(tool: Tool, tmp_path: Path, picture: Image, mask: Alpha) -> None:
    only_for(tmp_path / "net.onnx", picture, mask, channels="RGB", mean=(0,) * 3, scale=(255,) * 3)
    words = ["--no-reverse_input_channels", "--json"]
    found = json.loads(tool("info", tmp_path / "net.onnx", "--image", tmp_path / "person.png", *words).stdout)
    assert {row["preprocessing"]["channels"] for row in found["trials"]} == {"BGR"}


def test_sizes_are_tried_where_a_network_takes_any(tool: Tool, tmp_path: Path) -> None:
    networks.red_is_alpha(tmp_path / "net.onnx", "h", "w", facts={})
    found = json.loads(tool("info", tmp_path / "net.onnx", "--json", "--image", tmp_path / "person.png").stdout)
    sizes = {tuple(row["size"]) for row in found["trials"]}
    assert {(192, 192), (256, 144), (256, 256), (320, 320), (512, 512)} <= sizes


def test_nothing_is_overwritten(tool: Tool, tmp_path: Path) -> None:
    networks.red_is_alpha(tmp_path / "net.onnx")
    (tmp_path / "net_trials.png").write_text("mine")
    asked = tool("info", tmp_path / "net.onnx", "--image", tmp_path / "person.png", "--sheet", "net_trials.png")
    assert asked.returncode == 2
    assert "net_trials.png is there already" in asked.stderr
    assert tool("info", tmp_path / "net.onnx", "--image", tmp_path / "person.png").returncode == 0
    assert (tmp_path / "net_trials.png").read_text() == "mine"
    assert (tmp_path / "net_trials_2.png").is_file()


def test_bad_input_is_one_line(tool: Tool, models: Path, tmp_path: Path) -> None:
    networks.red_is_alpha(tmp_path / "net.onnx")
    net, person = tmp_path / "net.onnx", tmp_path / "person.png"
    for name in ("info", "convert"):
        for code, word, *words in (
            (1, "finds no person in it", net, "--image", tmp_path / "empty.png"),
            (1, "cannot be read", net, "--image", "nothing.png"),
            (1, "not a whole image", net, "--image", net),
            (2, "goes with --image", net, "--sheet", "sheet.png"),
            (2, "ends in .png", net, "--image", person, "--sheet", "sheet.jpg"),
            (2, "there is no folder", net, "--image", person, "--sheet", "nowhere/sheet.png"),
            (2, "not for RobustVideoMatting", models / "counting.onnx", "--image", person),
        ):
            done = tool(name, *words)
            assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done
            assert str(word) in done.stderr
