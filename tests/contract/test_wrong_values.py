"""Every array and value that is none: one error of ours that names the parameter, and no process that ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from background_subtraction import convert_video
from background_subtraction.compositing.backgrounds import ColourBackground, open_background
from background_subtraction.compositing.clean_plate import CleanPlate
from background_subtraction.compositing.media_backgrounds import StillBackground
from background_subtraction.live.settings import Settings
from background_subtraction.options import Options
from background_subtraction.preview.window import WindowOptions
from background_subtraction.sinks.base import Encoding, Output, Quality
from background_subtraction.sources.selection import Selection
from model_api import (
    AsyncPipeline,
    BackgroundSubtractionError,
    DenseMatte,
    Frame,
    InferenceOptions,
    MattingModel,
    ModelOptions,
    OptionError,
    Override,
    Preprocessing,
    ShapeError,
    create_model,
)
from model_api.types import Image
from tests.conftest import ROOT
from tests.support import networks

IMAGE = np.zeros((48, 64, 3), np.uint8)
IMAGE.flags.writeable = False

ARRAYS: Mapping[str, tuple[object, str]] = {
    "a batch": (IMAGE[np.newaxis], "Give the images of a batch one after another"),
    "a batch of clips": (np.zeros((1, 2, 3, 48, 64), np.uint8), "one after another"),
    "channels first": (np.zeros((3, 48, 64), np.uint8), "np.moveaxis(image, 0, 2)"),
    "floats": (np.zeros((48, 64, 3), np.float32), "Levels of 0..1"),
    "doubles": (np.zeros((48, 64, 3)), "Levels of 0..1"),
    "16 bits": (np.zeros((48, 64, 3), np.uint16), "array (48, 64, 3) uint16. Expected (H, W, 3) uint8 BGR"),
    "signed": (np.zeros((48, 64, 3), np.int8), "int8"),
    "flags": (np.zeros((48, 64, 3), bool), "bool"),
    "transparent": (np.zeros((48, 64, 4), np.uint8), "cv2.COLOR_BGRA2BGR"),
    "grey": (np.zeros((48, 64), np.uint8), "cv2.COLOR_GRAY2BGR"),
    "grey with an axis": (np.zeros((48, 64, 1), np.uint8), "cv2.COLOR_GRAY2BGR"),
    "two channels": (np.zeros((48, 64, 2), np.uint8), "(48, 64, 2)"),
    "no rows": (np.zeros((0, 64, 3), np.uint8), "There is no pixel in it"),
    "no columns": (np.zeros((48, 0, 3), np.uint8), "There is no pixel in it"),
    "encoded": (np.zeros(99, np.uint8), "cv2.imdecode"),
    "objects": (np.full((48, 64, 3), None), "object"),
    "nothing": (None, "imread returns None"),
    "a name": ("person.png", "cv2.imread"),
    "a list": ([[[0, 0, 0]]], "list"),
}
STATES: Mapping[str, tuple[object, str]] = {
    "a number": (0.25, "state: 0.25. Expected arrays named r1"),
    "a tuple": ((IMAGE, IMAGE), "state: (array("),
    "of another model": ({"hidden": IMAGE}, "state: a mapping with hidden. Expected arrays named r1"),
    "no arrays": (dict.fromkeys(("r1", "r2", "r3", "r4"), 1), "Expected arrays named r1"),
}


def error_of(call: Callable[[], object]) -> str:
    try:
        call()
    except BackgroundSubtractionError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def tell_of_arrays(path: str) -> None:
    """What a model says of each array, a line each. Run in a process of its own, because OpenCV could end it."""
    with create_model(path) as model:
        for array, _ in ARRAYS.values():
            print(error_of(lambda array=array: model(array)), flush=True)  # type: ignore[misc]


def lines_of(path: Path) -> list[str]:
    script = f"from tests.contract.test_wrong_values import tell_of_arrays; tell_of_arrays({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", ["counting.onnx", "counting_dynamic.onnx", "red_dynamic.onnx", "guided.onnx", "rvm"])
def test_arrays_that_are_no_images_are_refused(models: Path, request: pytest.FixtureRequest, name: str) -> None:
    if name == "rvm":
        path = request.getfixturevalue("shared") / "models" / "rvm_mobilenetv3_fp32.onnx"
    else:
        path = networks.guided_matting(models / name) if name == "guided.onnx" else models / name
    lines = lines_of(path)
    assert len(lines) == len(ARRAYS)
    for line, (_, expected) in zip(lines, ARRAYS.values(), strict=True):
        assert line.startswith("ShapeError: src: ")
        assert expected in line


@pytest.mark.parametrize("case", ARRAYS)
def test_wherever_an_image_is_taken_it_is_looked_at(case: str) -> None:
    array: Any
    array, expected = ARRAYS[case]
    matte = DenseMatte(IMAGE, np.zeros((48, 64), np.float32))
    takers: dict[str, Callable[[], object]] = {
        "picture": lambda: Frame(0, array),
        "frame": lambda: DenseMatte(array, matte.alpha),
        "background": lambda: matte.over(array),
    }
    if array is not None:  # which stands for none of them
        takers |= {
            "clean_plate": lambda: Frame(0, IMAGE, clean_plate=array),
            "colours": lambda: DenseMatte(IMAGE, matte.alpha, array),
        }
        assert error_of(lambda: CleanPlate(needed=True, picture=array)).startswith("ShapeError: clean_plate: ")
    assert error_of(lambda: StillBackground(array)).startswith("ShapeError: image: ")
    for name, take in takers.items():
        line = error_of(take)
        assert line.startswith(f"ShapeError: {name}: ")
        assert expected in line


@pytest.mark.parametrize("alpha", [np.zeros((48, 64)), np.zeros((48, 64, 1), np.float32), IMAGE, None])
def test_an_alpha_is_looked_at(alpha: Any) -> None:
    with pytest.raises(ShapeError, match=r"alpha: .* Expected \(H, W\) float32 in \[0, 1\]"):
        DenseMatte(IMAGE, alpha)


@pytest.fixture
def counting(models: Path) -> Any:
    with create_model(models / "counting.onnx") as model:
        yield model


@pytest.mark.parametrize("case", STATES)
def test_states_that_are_none_are_refused(counting: MattingModel, case: str) -> None:
    state: Any
    state, expected = STATES[case]
    with pytest.raises(ShapeError) as caught:
        counting(IMAGE, state)
    assert expected in str(caught.value)


def test_a_state_of_another_size_is_refused(models: Path) -> None:
    with create_model(models / "counting_dynamic.onnx") as model:
        _, _, state = model(IMAGE)
        with pytest.raises(ShapeError, match=r"state: r1i is .*expected .* begin again with None"):
            model(np.zeros((96, 64, 3), np.uint8), state)
        with pytest.raises(ShapeError, match=r"state: r1i is .* float64, expected .* float32"):
            model(IMAGE, {name: array.astype(np.float64) for name, array in state.items()})


def test_a_state_for_a_model_without_one_is_refused(models: Path) -> None:
    with create_model(models / "red.onnx") as model:
        _, _, state = model(IMAGE)
        model(IMAGE, state)
        with pytest.raises(ShapeError, match="Expected nothing: this model has no state"):
            model(IMAGE, {"r1": np.zeros(1, np.float32)})


def test_a_ratio_is_no_clean_plate(counting: MattingModel) -> None:
    with pytest.raises(
        OptionError, match=r"clean_plate: 0\.25 is not an image.*ModelOptions\(downsample_ratio=0\.25\)"
    ):
        counting(IMAGE, None, 0.25)  # type: ignore[arg-type]


def test_a_pipeline_takes_frames(counting: MattingModel) -> None:
    with pytest.raises(OptionError, match=r"frames: array \(48, 64, 3\) uint8 among them. Expected Frames"):
        next(AsyncPipeline(counting).run([IMAGE]))  # type: ignore[list-item]


SIZES: Mapping[str, Image] = {
    "one pixel": IMAGE[:1, :1], "a row": IMAGE[:1], "a column": IMAGE[:, :1], "flipped": IMAGE[::-1, ::-1],
    "RGB": IMAGE[..., ::-1], "every other": IMAGE[::2, 1::2], "turned": IMAGE.transpose(1, 0, 2),
    "of four channels": np.zeros((48, 64, 4), np.uint8)[..., :3], "from Fortran": np.asfortranarray(IMAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", ["red.onnx", "red_dynamic.onnx", "counting_dynamic.onnx", "guided.onnx"])
@pytest.mark.parametrize("case", SIZES)
def test_small_images_and_views_are_images(models: Path, name: str, case: str) -> None:
    image = SIZES[case]
    path = networks.guided_matting(models / name) if name == "guided.onnx" else models / name
    with create_model(path) as model:
        (result,) = AsyncPipeline(model).run([Frame(0, image)])
    assert result.matte.alpha.shape == result.matte.foreground.shape[:2] == image.shape[:2]
    assert result.matte.over(image).shape == image.shape
    copied = np.ascontiguousarray(image)
    with create_model(path) as model:
        foreground, alpha, _ = model(copied)
    np.testing.assert_array_equal(result.matte.alpha, alpha)
    np.testing.assert_array_equal(result.matte.foreground, foreground)


def test_a_ratio_that_leaves_nothing_is_refused(models: Path) -> None:
    with (
        create_model(models / "counting_dynamic.onnx", options=ModelOptions(downsample_ratio=0.01)) as model,
        pytest.raises(OptionError, match=r"downsample_ratio: 0\.01 leaves nothing of 64×48 pixels"),
    ):
        model(IMAGE)


VALUES: Mapping[str, tuple[Callable[..., object], str, list[object]]] = {
    "requests": (InferenceOptions, "requests", [0, -1, 1.5, "4", True, float("nan")]),
    "threads": (InferenceOptions, "threads", [0, -2, "all"]),
    "clips": (InferenceOptions, "clips", [0, -1]),
    "timeout_s": (InferenceOptions, "timeout_s", [0, -1, float("inf"), "60"]),
    "precision": (InferenceOptions, "precision", ["f64", 16]),
    "streams": (InferenceOptions, "streams", [2]),
    "downsample_ratio": (ModelOptions, "downsample_ratio", [-1, 0, 5, float("nan"), "0.5"]),
    "threshold": (ModelOptions, "threshold", [-0.1, 1.1, "high"]),
    "labels": (ModelOptions, "labels", ["person", ["person"], (1, 2)]),
    "resize_type": (ModelOptions, "resize_type", ["letterbox", 1, None]),
    "mean_values": (Override, "mean_values", [127.5, (1, 2), (1, 2, "3"), (float("nan"),) * 3]),
    "scale_values": (Override, "scale_values", [0, (0, 0, 0), (1, 1, float("inf"))]),
    "person_class": (Override, "person_class", [15, [15], (), ("15",), (0, -1), "person"]),
    "layouts": (Override, "layouts", [{"": "XYZ"}]),
    "channels": (Preprocessing, "channels", ["GRB", 3]),
    "scale": (Preprocessing, "scale", [(0, 1, 1), 255.0]),
    "start_s": (Selection, "start_s", [-1, "0"]),
    "end_s": (Selection, "end_s", [-1, 0]),
    "skip": (Selection, "skip", [-1, 0.5]),
    "rate": (Selection, "rate", [0, -25, 1001, Fraction(0)]),
    "size": (Selection, "size", [(0, 10), (10,), (10, 10, 3), "64x48", (64.5, 48), (-1, 4), 64, (1 << 20, 2)]),
    "raw_size": (Selection, "raw_size", [(0, 10), (10, 0)]),
    "type": (Encoding, "type", ["gif", 1]),
    "codec": (Encoding, "codec", ["divx"]),
    "limit": (Encoding, "limit", [-1, "all"]),
    "resolution": (Encoding, "resolution", [(0, 0)]),
    "crf": (Quality, "crf", [999, -1, 20.5, "20"]),
    "mbps": (Quality, "mbps", [0, -4, float("nan")]),
    "view": (WindowOptions, "view", ["negative"]),
    "monitors": (lambda monitors: Options(model="video", inputs=("a.mp4",), monitors=monitors), "monitors", ["x"]),
    "view of a file": (lambda view: Output(Path("out.mp4"), view), "view", ["negative"]),
    "path": (Output, "path", ["out.mp4"]),
    "inputs": (lambda inputs: Options(model="video", inputs=inputs), "inputs", [(), (1,)]),
    "jobs": (lambda jobs: Options(model="video", inputs=("a.mp4",), jobs=jobs), "jobs", [0, -1, 2]),
    "ahead": (lambda ahead: Options(model="video", inputs=("a.mp4",), ahead=ahead), "ahead", [0, -1]),
    "blur_bgr": (lambda blur_bgr: Settings(blur_bgr=blur_bgr), "blur_bgr", [-1, 0.5]),
    "adapter": (lambda adapter: Options(model="video", inputs=("a.mp4",), adapter=adapter), "adapter", ["triton"]),
    "blur_px": (lambda blur_px: open_background(None, blur_px), "blur_px", [-1]),
    "target_bgr": (open_background, "target_bgr", ["greeen", "1,2", "300,0,0"]),
    "colour": (ColourBackground, "colour", [(0, 0), (300, 0, 0), "red"]),
}


@pytest.mark.parametrize("case", VALUES)
def test_values_that_are_not_taken_name_their_parameter(case: str) -> None:
    make, parameter, wrong = VALUES[case]
    for value in wrong:
        positional = case in ("view of a file", "target_bgr", "colour", "jobs", "ahead", "inputs", "blur_px")
        with pytest.raises(OptionError) as caught:
            make(value) if positional else make(**_others(case), **{parameter: value})
        line = str(caught.value)
        assert line.startswith(f"{parameter}: ")
        assert caught.value.parameter == parameter
        assert "xpected" in line
        assert "\n" not in line


def _others(case: str) -> dict[str, object]:
    return {"view": "composite"} if case == "path" else {}


CONVERSIONS: Mapping[str, tuple[dict[str, object], str]] = {
    "a size of nothing": ({"input_resize": (0, 10)}, r"input_resize: \(0, 10\)\. Expected \(width, height\)"),
    "a negative ratio": ({"downsample_ratio": -1}, r"downsample_ratio: -1\. Expected a number above 0, 1 at most"),
    "a ratio above 1": ({"downsample_ratio": 5}, r"downsample_ratio: 5\. Expected a number above 0"),
    "a negative chunk": ({"seq_chunk": -1}, r"seq_chunk: -1\. Expected a whole number from 1"),
    "negative workers": ({"num_workers": -1}, r"num_workers: -1\. Expected a whole number from 0"),
    "a quality": ({"crf": 999}, r"crf: 999\. Expected a whole number from 0 to 63"),
    "a quality of another codec": ({"crf": 60}, r"crf: 60\. Expected 0 to 51 for libx264"),
    "a rate": ({"output_video_mbps": 0}, r"output_video_mbps: 0\. Expected a number above 0"),
    "a rate and a quality": ({"output_video_mbps": 4, "crf": 20}, r"crf: 20, and a bit rate of 4 Mbit/s"),
    "a codec": ({"codec": "divx"}, r"codec: 'divx'\. Expected h264 or hevc"),
    "a codec of another container": ({"codec": "vp9"}, r"codec: .*com\.mp4: \.mp4 does not hold vp9"),
    "a type": ({"output_type": "gif"}, r"output_type: 'gif'\. Expected video or png_sequence"),
    "a background": ({"background": (0, 255, 0)}, r'background: "\(0, 255, 0\)" is neither a file nor a colour'),
    "a device": ({"device": "TPU"}, r"device: TPU is not on this machine"),
    "no device": ({"device": None}, r"device: None is not a device"),
    "a model": ({"model": "vdeo"}, r"model: vdeo: no such model"),
    "no output": ({"output_composition": None}, r"No output: give output_composition, output_alpha, output_fo"),
}


@pytest.mark.parametrize("case", CONVERSIONS)
def test_convert_video_names_its_own_parameters(models: Path, tmp_path: Path, case: str) -> None:
    assert cv2.imwrite(str(tmp_path / "in.png"), IMAGE)
    arguments, expected = CONVERSIONS[case]
    defaults: dict[str, Any] = {
        "model": models / "counting_dynamic.onnx", "input_source": tmp_path / "in.png", "progress": False,
        "output_composition": tmp_path / "com.mp4",
    }  # fmt: skip
    with pytest.raises(BackgroundSubtractionError, match=f"^{expected}"):
        convert_video(**{**defaults, **arguments})
    assert not (tmp_path / "com.mp4").exists()
