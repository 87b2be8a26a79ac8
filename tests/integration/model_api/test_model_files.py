"""Files of every format: what comes out is what another library computes of the same file, or what it is made of."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import cv2
import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper
from openvino import opset13 as ops

from model_api import create_model
from model_api.errors import ModelFileError
from model_api.graph import loading
from model_api.types import Image
from tests.support import networks, tflite

LEVEL = 1 / 255


def noise(width: int = 64, height: int = 48) -> Image:
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("kernel", "strides"), [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 2), (1, 3)), ((4, 5), (3, 2))]
)
def test_transposed_convolution_of_mediapipe(
    tmp_path: Path, kernel: tuple[int, int], strides: tuple[int, int], padding: str
) -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, *kernel, 3)).astype(np.float32)
    bias = np.array([0.25, -1], np.float32)
    options = tflite.options_of(padding, *strides)
    path = tflite.transposed_convolution(tmp_path / "net.tflite", (5, 4), weights, bias, options)
    model = loading.read(path).model
    image = rng.normal(size=(1, 4, 5, 3)).astype(np.float32)
    (answer,) = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([image]).values()
    np.testing.assert_allclose(answer, tflite.expected(image, weights, bias, options), atol=1e-5)


@pytest.mark.parametrize("options", [b"", b"\1\0\0\0", struct.pack("<3i", 7, 2, 2), struct.pack("<3i", 1, 0, -2)])
def test_damaged_options_are_one_error(tmp_path: Path, options: bytes) -> None:
    weights, bias = np.ones((1, 2, 2, 3), np.float32), np.zeros(1, np.float32)
    path = tflite.transposed_convolution(tmp_path / "net.tflite", (4, 4), weights, bias, options)
    with pytest.raises(ModelFileError, match=r"net\.tflite: .*damaged"):
        loading.read(path)


def half_precision(path: Path) -> Path:
    """A network of Robust Video Matting's contract, all in half precision. Its image is shrunk by pooling, and features
    beside it are convolved: the two places that are rewritten for the CPU."""
    node = helper.make_node
    rng = np.random.default_rng(0)
    constants = {
        "first": rng.normal(size=(8, 3, 3, 3), scale=0.2), "second": rng.normal(size=(4, 11, 1, 1), scale=0.3),
        "zero": np.array(0.0), "one": np.array(1.0),
    }  # fmt: skip
    weights = [numpy_helper.from_array(value.astype(np.float16), name) for name, value in constants.items()]
    parts = numpy_helper.from_array(np.array([3, 1], np.int64), "parts")
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    nodes = [
        node("AveragePool", ["src"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["small", "first"], ["features"], pads=[1, 1, 1, 1]),
        node("Relu", ["features"], ["lit"]),
        node("Concat", ["lit", "small"], ["joined"], axis=1),
        node("Conv", ["joined", "second"], ["answer"]),
        node("Split", ["answer", "parts"], ["colours", "matte"], axis=1),
        node("Add", ["matte", "r1"], ["kept"]),
        node("Clip", ["kept", "zero", "one"], ["rr1"]),
        node("Resize", ["rr1", "", "scales"], ["pha"], mode="nearest"),
        node("Resize", ["colours", "", "scales"], ["fgr"], mode="nearest"),
    ]

    def port(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT16, [1, *shape])

    graph = helper.make_graph(
        nodes, "half", [port("src", 3, 48, 64), port("r1", 1, 24, 32)],
        [port("pha", 1, 48, 64), port("fgr", 3, 48, 64), port("rr1", 1, 24, 32)], [*weights, parts, scales],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", networks.OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def test_half_precision(tmp_path: Path) -> None:
    """Against ONNX Runtime, over three frames with their states."""
    path = half_precision(tmp_path / "half.onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime, an extra, is not installed")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state, kept = None, np.zeros((1, 1, 24, 32), np.float16)
    with create_model(path) as model:
        for number in range(3):
            frame = np.roll(noise(), number, axis=1)
            pixels = frame[np.newaxis, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float16) / np.float16(255)
            expected, _, kept = session.run(None, {"src": np.ascontiguousarray(pixels), "r1": kept})
            _, alpha, state = model(frame, state)
            assert alpha.std() > 0.05
            assert np.abs(alpha - expected[0, 0]).mean() < 0.2 * LEVEL


def externally_stored(folder: Path) -> Path:
    """Red is alpha, its constants in net.onnx.data."""
    folder.mkdir(exist_ok=True)
    network = onnx.load(str(networks.red_is_alpha(folder / "net.onnx")))
    path = str(folder / "net.onnx")
    onnx.save(network, path, save_as_external_data=True, location="net.onnx.data", size_threshold=0)
    return folder / "net.onnx"


def test_weights_in_another_file(tmp_path: Path) -> None:
    path = externally_stored(tmp_path)
    whole = networks.red_is_alpha(tmp_path / "whole.onnx")
    with create_model(path) as model, create_model(whole) as other:
        np.testing.assert_array_equal(model(noise())[1], other(noise())[1])

    data = tmp_path / "net.onnx.data"
    content = data.read_bytes()
    data.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        ModelFileError, match=f"net.onnx.data: {len(content) // 2} bytes, expected {len(content)} or more"
    ):
        loading.read(path)
    data.unlink()
    with pytest.raises(ModelFileError, match=r"weights are in net\.onnx\.data, which is not beside it"):
        loading.read(path)


def test_weights_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    path = externally_stored(tmp_path / "inside")
    (tmp_path / "inside/net.onnx.data").rename(tmp_path / "net.onnx.data")
    network = onnx.load(str(path), load_external_data=False)
    for tensor in network.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../net.onnx.data" if entry.key == "location" else entry.value
    path.write_bytes(network.SerializeToString())
    with pytest.raises(ModelFileError, match=r"leads out of its folder"):
        loading.read(path)


def test_an_ir_saved_by_hand_is_a_guess(shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`ov.save_model` writes nothing about colours: those of the published network, and a warning."""
    original = shared / "models/rvm_mobilenetv3_fp32.onnx"
    ov.save_model(ov.Core().read_model(original), tmp_path / "hand.xml")
    frame = cv2.resize(cv2.VideoCapture(str(shared / "media/juggle_720p.mp4")).read()[1], (320, 180))
    with create_model(original) as model:
        expected = model(frame)[1]
    caplog.clear()
    with create_model(tmp_path / "hand.xml") as model:
        alpha = model(frame)[1]
    assert np.abs(alpha - expected).mean() < 0.2 * LEVEL
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "RGB, scale 255 is a guess" in warning

    caplog.clear()
    with create_model(shared / "models/robust-video-matting-mobilenetv3/FP16/robust-video-matting-mobilenetv3.xml"):
        assert "input BGR (conversion_parameters in the file)" in caplog.text
        assert "guess" not in caplog.text


def test_an_ir_of_the_model_optimizer_is_taken_for_the_zoo_s(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    network = ov.Core().read_model(networks.red_is_alpha(tmp_path / "net.onnx", facts={}))
    network.set_rt_info("2022.3.0-9052-9752fafe8eb-releases/2022/3", ["MO_version"])
    ov.save_model(network, tmp_path / "net.xml")
    with create_model(tmp_path / "net.xml"):
        assert "input BGR (an IR with no record: as the Open Model Zoo converts)" in caplog.text


def refining(path: Path, refined: int) -> Path:
    """BackgroundMattingV2's contract. Alpha is 1 in the `refined` squares of 4×4 pixels that differ most from the
    plate, else 0."""
    image = [ops.parameter([1, 3, -1, -1], np.float32) for _ in range(2)]
    for port, name in zip(image, ("src", "bgr"), strict=True):
        port.output(0).get_tensor().set_names({name})
    change = ops.reduce_mean(ops.abs(ops.subtract(*image)), np.array([1]), keep_dims=True)
    squares = ops.avg_pool(change, [4, 4], [0, 0], [0, 0], [4, 4], exclude_pad=False)
    flat = ops.reshape(squares, np.array([1, -1]), special_zero=False)
    chosen = ops.topk(flat, ops.constant(np.int64(refined)), 1, "max", "none")
    ones = ops.broadcast(ops.constant(np.float32(1)), ops.shape_of(chosen.output(1)))
    found = ops.scatter_elements_update(ops.multiply(flat, np.float32(0)), chosen.output(1), ones, 1)
    shaped = ops.reshape(found, ops.shape_of(squares), special_zero=False)
    alpha = ops.interpolate(
        shaped, np.array([4, 4], np.float32), "nearest", "scales", axes=np.array([2, 3]),
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    alpha.output(0).get_tensor().set_names({"pha"})
    ov.save_model(ov.Model([alpha], image, "refining"), path)
    return path


@pytest.mark.parametrize(("width", "height", "seen"), [(64, 48, (64, 48)), (61, 46, (64, 48)), (16, 12, (16, 12))])
def test_background_matting_sees_whole_squares_and_never_too_few(
    tmp_path: Path, width: int, height: int, seen: tuple[int, int]
) -> None:
    """Twenty squares of 4×4 are chosen; 16×12 pixels have twelve, and all of them are."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[: height // 2] = 255
    with create_model(refining(tmp_path / "net.xml", 20)) as model:
        assert model.input_size((width, height)) == seen
        alpha = model(frame, clean_plate=np.zeros_like(frame))[1]
    squares = seen[0] * seen[1] // 16
    assert alpha.mean() == pytest.approx(min(20, squares) / squares, abs=0.02)
