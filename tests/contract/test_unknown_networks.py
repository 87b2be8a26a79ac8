"""Networks of one image and one mask that no table has: what is guessed is said, and what their numbers say is seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest
from onnx import TensorProto, helper
from openvino import opset13 as ops
from scipy.special import expit

from model_api import AsyncPipeline, Frame, Override, create_model
from model_api.errors import ModelContractError, ModelFileError, OptionError
from model_api.types import Image
from tests.support import networks
from tests.support.media import HEIGHT, WIDTH

Values = npt.NDArray[np.float32]
RED, BLUE = (0, 0, 255), (255, 0, 0)


def save(folder: Path, build: Callable[[Any], dict[str, Any]], shape: tuple[int, ...], dtype: Any = np.float32) -> Path:
    """An IR with named outputs, whose file says that it takes RGB of 0..255. build: from the image to its outputs."""
    image = ops.parameter(list(shape), dtype, "image")
    image.output(0).get_tensor().set_names({"image"})
    results = []
    for name, value in build(image).items():
        result = ops.result(value)
        result.output(0).get_tensor().set_names({name})
        results.append(result)
    model = ov.Model(results, [image], "net")
    if dtype is np.float32:
        for key, word in {"reverse_input_channels": "YES", "mean_values": "0", "scale_values": "1"}.items():
            model.set_rt_info(word, ["model_info", key])
    ov.save_model(model, folder / "net.xml", compress_to_fp16=False)
    return folder / "net.xml"


def red(image: Any, times: float = 1.0, plus: float = 0.0) -> Any:
    return ops.add(ops.multiply(ops.gather(image, np.array([0]), np.array(1)), number(times)), number(plus))


def number(value: float) -> Any:
    return ops.constant(np.array([value], np.float32))


def ramp() -> Image:
    """Red grows from left to right, 0 to 255."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 2] = np.linspace(0, 255, WIDTH).round()
    return image


def alphas(path: Path, *images: Image, override: Override = Override()) -> list[Values]:
    frames = (Frame(index, image) for index, image in enumerate(images))
    with create_model(path, override=override) as model:
        return [result.matte.alpha for result in AsyncPipeline(model).run(frames)]


def messages(caplog: pytest.LogCaptureFixture, level: int, word: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level and word in record.getMessage()]


def test_logits_get_their_sigmoid_and_it_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Red of 0..255 as logits of -12..+8."""
    caplog.set_level(logging.INFO)
    path = save(tmp_path, lambda image: {"mask": red(image, 20 / 255, -12)}, (1, 3, HEIGHT, WIDTH))
    found = alphas(path, ramp(), ramp(), ramp())
    expected = expit(ramp()[..., 2].astype(np.float32) * 20 / 255 - 12)
    for alpha in found:
        np.testing.assert_allclose(alpha, expected, atol=1e-4)
    assert len(messages(caplog, logging.INFO, "holds logits, and gets a sigmoid")) == 1


def test_levels_are_divided_by_255(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = save(tmp_path, lambda image: {"mask": red(image)}, (1, 3, HEIGHT, WIDTH))
    for alpha in alphas(path, ramp(), ramp()):
        np.testing.assert_allclose(alpha, ramp()[..., 2] / 255, atol=1e-6)
    assert len(messages(caplog, logging.INFO, "holds levels, and is divided by 255")) == 1


def test_bytes_are_levels(tmp_path: Path) -> None:
    path = save(tmp_path, lambda image: {"mask": ops.convert(red(image), "u8")}, (1, 3, HEIGHT, WIDTH))
    (alpha,) = alphas(path, ramp())
    np.testing.assert_allclose(alpha, ramp()[..., 2] / 255, atol=1e-6)


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_levels_of_a_quantized_answer_stand_for_logits(tmp_path: Path, dtype: str) -> None:
    """As TensorFlow Lite's networks of 8 bits end: logits of -12..8 in 255 steps."""
    first = 0 if dtype == "u8" else -128

    def build(image: Any) -> dict[str, Any]:
        limits = (number(value) for value in (-12, 8, first, first + 255))
        return {"mask": ops.convert(ops.fake_quantize(red(image, 20 / 255, -12), *limits, 256), dtype)}

    path = save(tmp_path, build, (1, 3, HEIGHT, WIDTH))
    (alpha,) = alphas(path, ramp())
    np.testing.assert_allclose(alpha, expit(ramp()[..., 2].astype(np.float32) * 20 / 255 - 12), atol=1e-4)


def test_signed_bytes_are_fed_from_minus_128(tmp_path: Path) -> None:
    """Alpha is (red + 128) / 255, where red comes first."""
    node = helper.make_node
    nodes = [
        node("Gather", ["image", "first"], ["channel"], axis=3),
        node("Cast", ["channel"], ["number"], to=TensorProto.FLOAT),
        node("Add", ["number", "offset"], ["level"]),
        node("Div", ["level", "most"], ["mask"]),
    ]
    constants = [
        networks._constant("first", [0], np.int64), networks._constant("most", 255.0),
        networks._constant("offset", 128.0),
    ]  # fmt: skip
    image = helper.make_tensor_value_info("image", TensorProto.INT8, [1, HEIGHT, WIDTH, 3])
    path = networks.save(
        tmp_path / "net.onnx", nodes, [image], [networks._value("mask", (1, HEIGHT, WIDTH, 1))], constants
    )
    (alpha,) = alphas(path, ramp())
    np.testing.assert_allclose(alpha, ramp()[..., 2] / 255, atol=1e-6)


def test_what_the_user_says_of_its_numbers_counts(tmp_path: Path) -> None:
    path = save(tmp_path, lambda image: {"mask": red(image)}, (1, 3, HEIGHT, WIDTH))
    (alpha,) = alphas(path, ramp(), override=Override(activation="none"))
    np.testing.assert_allclose(alpha, np.clip(ramp()[..., 2], 0, 1), atol=1e-6)


def test_numbers_of_classes(tmp_path: Path) -> None:
    """Class 0 in the dark, 1 in the middle, 2 in the light."""
    path = save(
        tmp_path, lambda image: {"classes": ops.convert(ops.floor(red(image, 1 / 86)), "i64")},
        (1, 3, HEIGHT, WIDTH),
    )  # fmt: skip
    number = ramp()[..., 2] // 86
    for person in ((1,), (2,), (1, 2)):
        (alpha,) = alphas(path, ramp(), override=Override(person_class=person))
        np.testing.assert_array_equal(alpha, np.isin(number, person).astype(np.float32))


def test_an_output_by_its_name(tmp_path: Path) -> None:
    def build(image: Any) -> dict[str, Any]:
        return {"alpha": red(image, 1 / 255), "other": red(image, -1 / 255, 1)}

    path = save(tmp_path, build, (1, 3, HEIGHT, WIDTH))
    (alpha,) = alphas(path, ramp())
    (other,) = alphas(path, ramp(), override=Override(output_name="other"))
    np.testing.assert_allclose(alpha, ramp()[..., 2] / 255, atol=1e-6)
    np.testing.assert_allclose(other, 1 - ramp()[..., 2] / 255, atol=1e-6)
    with pytest.raises(OptionError, match='output_name: "none": the network has no such output'):
        create_model(path, override=Override(output_name="none"))


@pytest.mark.parametrize("last", [True, False])
def test_bytes_are_fed_rgb_unless_the_file_says_bgr(tmp_path: Path, last: bool) -> None:
    """As TensorFlow's networks take them. ONNX: no IR's rules."""
    node = helper.make_node
    axis = 3 if last else 1
    shape = (1, HEIGHT, WIDTH, 3) if last else (1, 3, HEIGHT, WIDTH)
    mask = (1, HEIGHT, WIDTH, 1) if last else (1, 1, HEIGHT, WIDTH)
    nodes = [
        node("Gather", ["image", "first"], ["channel"], axis=axis),
        node("Cast", ["channel"], ["number"], to=TensorProto.FLOAT),
        node("Div", ["number", "most"], ["mask"]),
    ]
    constants = [networks._constant("first", [0], np.int64), networks._constant("most", 255.0)]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, list(shape))
    for facts, expected in (({}, RED), ({"Image.BitmapPixelFormat": "Bgr8"}, BLUE)):
        path = networks.save(
            tmp_path / "net.onnx", nodes, [image], [networks._value("mask", mask)], constants, facts
        )  # fmt: skip
        for colour in (RED, BLUE):
            (alpha,) = alphas(path, np.full((HEIGHT, WIDTH, 3), colour, np.uint8))
            np.testing.assert_allclose(alpha, float(colour == expected), atol=1e-6)


def test_a_guess_is_a_warning_that_names_the_options(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with create_model(networks.red_is_alpha(tmp_path / "net.onnx", facts={})):
        (warning,) = messages(caplog, logging.WARNING, "guess")
    assert "net.onnx: nothing says which pixels it takes: RGB, scale 255 is a guess" in warning
    assert "--reverse_input_channels, --mean_values and --scale_values" in warning
    assert "info --image PICTURE" in warning
    caplog.clear()
    told = Override(reverse_input_channels=True, mean_values=(0.0,) * 3, scale_values=(255.0,) * 3)
    with create_model(tmp_path / "net.onnx", override=told):
        assert not messages(caplog, logging.WARNING, "")
    with create_model(networks.red_is_alpha(tmp_path / "says.onnx")):
        assert not messages(caplog, logging.WARNING, "")


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "two means": ({"mean_values": "1 2"}, r'mean_values in the file is "1 2": expected one number or three'),
    "a word": ({"mean_values": "many"}, r'mean_values in the file is "many": expected one number or three'),
    "a scale of 0": ({"scale_values": "0"}, r"scale_values in the file: \(0\.0, 0\.0, 0\.0\)\. Expected"),
    "no number": ({"scale_values": "nan nan nan"}, r"scale_values in the file: \(nan, nan, nan\)\. Expected"),
    "neither yes nor no": (
        {"reverse_input_channels": "perhaps"},
        r'reverse_input_channels in the file is "perhaps": expected YES or NO',
    ),
    "a huge base": ({"base_size": "99999x99999"}, r'base_size in the file is "99999x99999": expected WIDTHxHEIGHT'),
    "half a base": ({"base_size": "99999"}, r'base_size in the file is "99999": expected WIDTHxHEIGHT'),
    "no class": ({"person_class": "x"}, r'model_info in the file: person_class: "x"\. Expected numbers of classes'),
    "no activation": ({"output_activation": "relu"}, r"model_info in the file: activation: 'relu'\. Expected none or"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_file_says_wrongly_is_one_line(tmp_path: Path, case: str) -> None:
    said, expected = WRONG[case]
    model = ov.Core().read_model(networks.red_is_alpha(tmp_path / "net.onnx", facts={}))
    for key, word in said.items():
        model.set_rt_info(word, ["model_info", key])
    ov.save_model(model, tmp_path / "net.xml")
    with pytest.raises(ModelFileError, match=expected) as caught:
        create_model(tmp_path / "net.xml")
    assert "\n" not in str(caught.value)


def test_many_classes_need_a_name(tmp_path: Path) -> None:
    path = save(tmp_path, lambda image: {"logits": ops.concat([image] * 12, 1)}, (1, 3, HEIGHT, WIDTH))
    with pytest.raises(ModelContractError, match=r"person_class: .*36 classes\. Say which is the person"):
        create_model(path)
    (alpha,) = alphas(path, ramp(), override=Override(person_class=(0,)))
    assert alpha.shape == (HEIGHT, WIDTH)


FAULT, FRAMES = 128, 300


def recurrent(path: Path, where: str) -> Path:
    """Alpha is the mean of the state and of the picture's red; the state is alpha's mean. Where blue is above 0.5, NaN
    is added: to the alpha, or to the state alone."""
    node = helper.make_node
    nodes = [
        node("Slice", ["src", "zero", "one", "axis"], ["red"]),
        node("Slice", ["src", "two", "three", "axis"], ["blue"]),
        node("ReduceMean", ["red"], ["level"], axes=[1, 2, 3], keepdims=1),
        node("ReduceMax", ["blue"], ["signal"], axes=[1, 2, 3], keepdims=1),
        node("Greater", ["signal", "half"], ["bad"]),
        node("Where", ["bad", "nan", "nought"], ["fault"]),
        node("Add", ["level", "r1"], ["both"]),
        node("Mul", ["both", "half"], ["sound"]),
        node("Add", ["sound", "fault"], ["broken"]),
        node("Expand", ["broken" if where == "alpha" else "sound", "plane"], ["pha"]),
        node("Identity", ["broken"], ["rr1"]),
        node("Identity", ["src"], ["fgr"]),
    ]
    constants = [
        *(networks._constant(name, [value], np.int64) for value, name in enumerate(("zero", "one", "two", "three"))),
        networks._constant("axis", [1], np.int64), networks._constant("half", 0.5),
        networks._constant("nan", np.nan), networks._constant("nought", 0.0),
        networks._constant("plane", (1, 1, HEIGHT, WIDTH), np.int64),
    ]  # fmt: skip
    shape, plane, state = (1, 3, HEIGHT, WIDTH), (1, 1, HEIGHT, WIDTH), (1, 1, 1, 1)
    inputs = [networks._value("src", shape), networks._value("r1", state)]
    outputs = [networks._value("pha", plane), networks._value("fgr", shape), networks._value("rr1", state)]
    return networks.save(path, nodes, inputs, outputs, constants)


@pytest.mark.parametrize("where", ["alpha", "state"])
def test_a_recurrent_network_recovers_from_nan(tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str) -> None:
    """NaN at frame 128 of 300: one warning, and every frame after it is that of a clip that begins there."""
    images = [np.full((HEIGHT, WIDTH, 3), (255 if index == FAULT else 0, 0, 102), np.uint8) for index in range(FRAMES)]
    with create_model(recurrent(tmp_path / "net.onnx", where)) as model:
        run = AsyncPipeline(model, scene_cuts=False).run(Frame(index, image) for index, image in enumerate(images))
        found = [float(result.matte.alpha[0, 0]) for result in run]
    state, expected = 0.0, []
    for index in range(FRAMES):
        state = (0.4 + state) / 2
        expected.append(state)
        state = 0.0 if index == FAULT else state
    expected[FAULT] = 0.0 if where == "alpha" else 0.2  # of a fresh state
    np.testing.assert_allclose(found, expected, atol=1e-5)
    (warning,) = messages(caplog, logging.WARNING, "NaN")
    assert warning.startswith("Frame 128: ")


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
def test_a_network_without_a_state_answers_nothing_where_it_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: float
) -> None:
    def build(image: Any) -> dict[str, Any]:
        level = red(image, 1 / 255)
        return {"mask": ops.select(ops.greater(level, number(0.9)), number(fault), level)}

    path = save(tmp_path, build, (1, 3, HEIGHT, WIDTH))
    images = [np.full((HEIGHT, WIDTH, 3), (0, 0, level), np.uint8) for level in (102, 255, 102, 255, 102)]
    found = [float(alpha[0, 0]) for alpha in alphas(path, *images)]
    np.testing.assert_allclose(found, [0.4, 0, 0.4, 0, 0.4], atol=1e-6)
    assert len(messages(caplog, logging.WARNING, "NaN")) == 1
