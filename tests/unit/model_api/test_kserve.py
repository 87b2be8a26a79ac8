"""Addresses of models on servers, what servers say of them, and pictures on the way there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api.adapters.kserve.address import Address, parse_address
from model_api.adapters.kserve.description import served_network
from model_api.adapters.kserve.image_conversion import from_network, to_network
from model_api.adapters.kserve.tensors import longest_answer
from model_api.errors import OptionError
from model_api.graph import loading
from model_api.preprocessing import ImageInput, Override, Preprocessing
from model_api.recognition.file_facts import find_preprocessing
from model_api.types import Signature, TensorSpec

HERE = Address("grpc", "localhost:9000", "rvm")
PREPROCESSINGS = (
    Preprocessing("BGR"),
    Preprocessing("RGB", scale=(255.0, 255.0, 255.0)),
    Preprocessing("RGB", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    Preprocessing("BGR", (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)),
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:9000/models/rvm", HERE),
        ("localhost:9000/models/rvm:3", Address("grpc", "localhost:9000", "rvm", "3")),
        ("grpc://10.0.0.7:9000/models/my-net_2.b", Address("grpc", "10.0.0.7:9000", "my-net_2.b")),
        ("[::1]:9000/models/rvm", Address("grpc", "[::1]:9000", "rvm")),
        ("localhost:8000/v2/models/rvm", Address("http", "localhost:8000", "rvm")),
        ("gpu-box.lan:8000/v2/models/rvm/versions/12", Address("http", "gpu-box.lan:8000", "rvm", "12")),
        ("localhost:8000/v2/models/rvm:12", Address("http", "localhost:8000", "rvm", "12")),
        ("http://localhost:8000/models/rvm", Address("http", "localhost:8000", "rvm")),
        ("https://models.example.com:443/v2/models/rvm", Address("https", "models.example.com:443", "rvm")),
        ("grpcs://models.example.com:9000/models/rvm", Address("grpcs", "models.example.com:9000", "rvm")),
        ("grpc://localhost:9000/v2/models/rvm/versions/1", Address("grpc", "localhost:9000", "rvm", "1")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "rvm.xml",
        "localhost/models/rvm",
        "localhost:9000",
        "localhost:9000/models/",
        "localhost:9000/models/rvm:new",
        "localhost:port/models/rvm",
        "localhost:8000/v2/models/rvm/versions/",
        "localhost:8000/v1/models/rvm",
        "ftp://localhost:9000/models/rvm",
        "localhost:9000/models/a b",
    ],
)
def test_what_is_no_address_is_told_with_both_forms(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_address(text)
    assert str(caught.value).startswith(f'model: "{text}" is not the address')
    assert "host:port/models/NAME[:VERSION] (gRPC)" in str(caught.value)
    assert "host:port/v2/models/NAME[/versions/VERSION] (HTTP)" in str(caught.value)


def test_a_signature_as_servers_tell_it() -> None:
    """gRPC's JSON has its numbers as text and leaves out what is empty; -1 is any size."""
    network = served_network(
        HERE,
        {
            "name": "rvm",
            "inputs": [
                {"name": "src", "datatype": "FP32", "shape": ["-1", "3", "-1", "-1"]},
                {"name": "image", "datatype": "UINT8", "shape": [1, 48, 64, 3]},
            ],
            "outputs": [{"name": "pha", "datatype": "FP16"}],
        },
    )
    assert network.signature == Signature(
        (
            TensorSpec(frozenset({"src"}), (None, 3, None, None), "f32"),
            TensorSpec(frozenset({"image"}), (1, 48, 64, 3), "u8"),
        ),
        (TensorSpec(frozenset({"pha"}), (), "f16"),),
    )
    assert (dict(network.info), network.by_model_optimizer) == ({}, False)


# As OpenVINO Model Server answers, after docs/model_server_rest_api_kfs.md in openvinotoolkit/model_server.
OPENVINO_MODEL_SERVER = {
    "name": "rvm",
    "versions": ["1"],
    "platform": "OpenVINO",
    "inputs": [{"name": "src", "datatype": "FP32", "shape": [1, 3, 720, 1280]}],
    "outputs": [{"name": "pha", "datatype": "FP32", "shape": [1, 1, 720, 1280]}],
}
TENSORS = {key: OPENVINO_MODEL_SERVER[key] for key in ("inputs", "outputs")}
TOLD = {"reverse_input_channels": "YES", "mean_values": "1 2 3", "scale_values": "255", "size": {"height": "200"}}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (OPENVINO_MODEL_SERVER, "BGR (an IR with no record: as the Open Model Zoo converts)"),
        (
            {**OPENVINO_MODEL_SERVER, "rt_info": {"model_info": TOLD}},
            "RGB, mean 1 2 3, scale 255 (model_info in the file)",
        ),
        ({"platform": "onnxruntime_onnx"}, "RGB, scale 255 (as the published network)"),
        ({"parameters": {"scale_values": "255"}}, "BGR, scale 255 (model_info in the file)"),
        ({"parameters": {"content_type": "np"}}, "RGB, scale 255 (as the published network)"),
    ],
)
def test_preprocessing_as_servers_tell_it(metadata: dict[str, Any], expected: str) -> None:
    network = served_network(HERE, {**TENSORS, **metadata})
    published = Preprocessing("RGB", scale=(255.0, 255.0, 255.0), source="as the published network")
    assert (
        str(
            find_preprocessing(
                Override(), network.info, by_model_optimizer=network.by_model_optimizer, default=published
            )
        )
        == expected
    )


RVM_OUTPUTS = {"pha": 1, "fgr": 3, "r1o": 16 / 4, "r2o": 20 / 16, "r3o": 40 / 64, "r4o": 64 / 256}
"""Numbers a pixel that Robust Video Matting answers at a ratio of 1: channels over the square of the stride."""


def test_an_answer_may_be_as_long_as_a_right_one_and_not_much_longer() -> None:
    alpha = TensorSpec(frozenset({"pha"}), (1, 1, 720, 1280))
    pixels = 720 * 1280
    assert 0 <= longest_answer([alpha], pixels) - pixels * 4 <= 1 << 20
    open_outputs = [TensorSpec(frozenset({name}), (None, None, None, None)) for name in RVM_OUTPUTS]
    right = round(pixels * sum(RVM_OUTPUTS.values()) * 4)
    assert right < longest_answer(open_outputs, pixels) < right + 100_000_000
    assert longest_answer(open_outputs, 10**9) < 600_000_000


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("preprocessing", PREPROCESSINGS, ids=str)
def test_pictures_go_to_the_server_as_openvino_would_make_them(layout: str, preprocessing: Preprocessing) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3), np.uint8)
    image = ImageInput(layout, preprocessing)
    expected = embedded(layout, {"picture": image}, ())(picture)[0]
    np.testing.assert_allclose(
        to_network(picture, image, np.float32), expected, rtol=0, atol=4e-7 * np.abs(expected).max()
    )


def test_bytes_go_to_the_server_as_they_are() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3), np.uint8)
    given = to_network(picture, ImageInput("NHWC", Preprocessing("BGR")), np.uint8)
    np.testing.assert_array_equal(given, picture)
    assert given.dtype == np.uint8
    given = to_network(picture, ImageInput("NCHW", Preprocessing("RGB")), np.uint8)
    np.testing.assert_array_equal(given, picture[..., ::-1].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_foregrounds_come_back_as_openvino_would_make_them(layout: str) -> None:
    """Values in between, out of range, and every level."""
    steps = np.linspace(-0.2, 1.2, 1800, dtype=np.float32)
    steps[:256] = np.arange(256) / 255
    answer = steps.reshape((1, 3, 20, 30) if layout == "NCHW" else (1, 20, 30, 3))
    expected = embedded(layout, {}, ("picture",))(answer)[0]
    np.testing.assert_array_equal(from_network(answer), expected)
    np.testing.assert_array_equal(from_network(expected), expected)


def embedded(layout: str, images: dict[str, ImageInput], pictures: tuple[str, ...]) -> ov.CompiledModel:
    """A network that gives back what it gets, with the preprocessing that the OpenVINO adapter would put into it."""
    shape = [1, 3, 20, 30] if layout == "NCHW" else [1, 20, 30, 3]
    source = ops.parameter(shape, np.float32, "picture")
    result = ops.result(ops.convert_like(source, source))
    for name, port in {"source": source.output(0), "picture": result.output(0)}.items():
        port.get_tensor().set_names({name})
    names = {"source" if name == "picture" else name: image for name, image in images.items()}
    network = loading.network_of(Path("same.onnx"), ov.Model([result], [source], "same"))
    return ov.compile_model(loading.embed(network, names, pictures), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
