"""Networks known by their structure: each is told from all others, in every format, with what its authors give it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api.graph import loading
from model_api.graph.structure import structure_of
from model_api.preprocessing import AS_THEY_ARE, MINUS_ONE_TO_ONE, Preprocessing
from model_api.recognition.known_networks import KNOWN_NETWORKS, KnownNetwork, find_known
from model_api.recognition.structure import Kernel, Structure


def network_of(kernels: tuple[Kernel, ...]) -> ov.Model:
    """A graph with convolutions of just these kernels, side by side."""
    image = ops.parameter([1, 3, 8, 8], np.float32, "image")
    grey = ops.reduce_mean(image, np.array([1]), True)
    answers = [convolved(grey, kernel) for kernel in kernels]
    return ov.Model([ops.result(answer) for answer in answers], [image], "net")


def convolved(grey: Any, kernel: Kernel) -> Any:
    wide = ops.broadcast(grey, np.array([1, kernel[1], 8, 8]))
    weights = ops.constant(np.zeros(kernel, np.float32))
    sides = [side // 2 for side in kernel[2:]]
    return ops.convolution(wide, weights, [1, 1], sides, sides, [1, 1])


@pytest.mark.parametrize("known", KNOWN_NETWORKS, ids=lambda known: known.name)
def test_each_is_recognized_by_its_convolutions(known: KnownNetwork) -> None:
    assert find_known(structure_of(network_of(known.kernels))) is known


@pytest.mark.parametrize("known", KNOWN_NETWORKS, ids=lambda known: known.name)
def test_a_network_that_lacks_one_of_them_is_another(known: KnownNetwork) -> None:
    for left_out in known.kernels:
        rest = Counter(kernel for kernel in known.kernels if kernel != left_out)
        assert find_known(Structure(rest)) is not known


def test_weights_in_half_precision_are_the_same_network(tmp_path: Path) -> None:
    known = KNOWN_NETWORKS[0]
    ov.save_model(network_of(known.kernels), tmp_path / "net.xml", compress_to_fp16=True)
    assert find_known(loading.read(tmp_path / "net.xml").structure) is known


PUBLISHED: dict[str, tuple[str, list[float], list[float], tuple[int, int] | None]] = {
    # As the authors' own code has it: the link of each row.
    "MODNet": ("RGB", [0.5 * 255] * 3, [0.5 * 255] * 3, None),
    "SINet": (
        "BGR",
        [102.890434, 111.25247, 126.91212],
        [62.93292 * 255, 62.82138 * 255, 66.355705 * 255],
        (320, 320),
    ),
    "PP-HumanSegV1-Lite": ("RGB", [0.5 * 255] * 3, [0.5 * 255] * 3, (398, 224)),
    "mobile_phone_human_matting": ("BGR", [104, 112, 121], [255] * 3, (256, 256)),
    "U²-Net": ("RGB", [0.485 * 255, 0.456 * 255, 0.406 * 255], [0.229 * 255, 0.224 * 255, 0.225 * 255], (320, 320)),
    "IS-Net": ("RGB", [0.5 * 255] * 3, [255] * 3, (1024, 1024)),
    "BiRefNet": ("RGB", [0.485 * 255, 0.456 * 255, 0.406 * 255], [0.229 * 255, 0.224 * 255, 0.225 * 255], (1024, 1024)),
    "BodyPix (MobileNet)": ("RGB", [127.5] * 3, [127.5] * 3, None),
    "BodyPix (ResNet50)": ("RGB", [123.15, 115.90, 103.06], [1] * 3, None),
    "DeepLabv3 (MobileNetV2)": ("RGB", [127.5] * 3, [127.5] * 3, (513, 513)),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_they_take_is_what_their_authors_give_them(name: str) -> None:
    channels, mean, scale, size = PUBLISHED[name]
    known = next(row for row in KNOWN_NETWORKS if row.name == name)
    assert known.preprocessing.channels == channels
    np.testing.assert_allclose(known.preprocessing.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(known.preprocessing.scale, scale, rtol=1e-6)
    assert known.made_for == size
    assert known.source.startswith("https://")
    assert not known.preprocessing.guessed


def normalized(*steps: tuple[str, Any]) -> ov.Model:
    """A graph that begins with arithmetic, before a convolution."""
    image = ops.parameter([1, 3, 8, 8], np.float32, "image")
    value: Any = image
    for name, number in steps:
        numbers = np.array(number, np.float32).reshape((1, 3, 1, 1) if np.ndim(number) else (1,))
        value = getattr(ops, name)(value, ops.constant(numbers))
    return ov.Model([ops.result(convolved(ops.reduce_mean(value, np.array([1]), True), (1, 1, 3, 3)))], [image], "net")


@pytest.mark.parametrize(
    ("steps", "mean", "scale", "takes"),
    [
        ([("divide", 255.0)], [0] * 3, [255] * 3, "RGB"),
        ([("multiply", 1 / 127.5), ("subtract", 1.0)], [127.5] * 3, [127.5] * 3, "RGB"),
        ([("subtract", [0.485, 0.456, 0.406]), ("divide", [0.229, 0.224, 0.225])],
         [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], "RGB, scale 255"),
        ([("subtract", [103.939, 116.779, 123.68])], [103.939, 116.779, 123.68], [1] * 3, "BGR"),
        ([("multiply", 2.0), ("add", -1.0)], [0.5] * 3, [0.5] * 3, "RGB, scale 255"),
    ],
)  # fmt: skip
def test_a_normalization_at_the_beginning_of_a_network_is_read(
    steps: list[tuple[str, Any]], mean: list[float], scale: list[float], takes: str
) -> None:
    found = structure_of(normalized(*steps)).normalization
    assert found is not None
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(found.scale, scale, rtol=1e-5)
    assert found.takes.pixels == takes


def test_one_that_moves_minus_one_up_takes_minus_one() -> None:
    found = structure_of(normalized(("multiply", 0.5), ("add", 0.5))).normalization
    assert found is not None
    assert found.takes.pixels == "RGB, mean 127.5, scale 127.5"


def test_a_network_without_one_has_none() -> None:
    assert structure_of(normalized()).normalization is None


def ends_in(last: Any) -> Any:
    image = ops.parameter([1, 3, 8, 8], np.float32, "image")
    result = ops.result(last(ops.reduce_mean(image, np.array([1]), True)))
    result.output(0).get_tensor().set_names({"mask"})
    return ov.Model([result], [image], "net")


def one(value: float) -> Any:
    return ops.constant(np.array([value], np.float32))


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (ops.sigmoid, True),
        (lambda value: ops.transpose(ops.sigmoid(value), np.array([0, 2, 3, 1])), True),
        (lambda value: ops.clamp(value, 0, 1), True),
        (lambda value: ops.minimum(ops.maximum(value, one(0)), one(1)), True),
        (lambda value: ops.clamp(value, 0, 255), False),
        (lambda value: ops.minimum(value, one(1)), False),
        (lambda value: ops.multiply(ops.sigmoid(value), one(255)), False),
        (ops.relu, False),
    ],
)
def test_an_end_that_answers_probabilities_is_seen(last: Any, expected: bool) -> None:
    assert structure_of(ends_in(last)).probabilities == ({"mask"} if expected else set())


def test_what_a_file_says_of_its_pixels_is_read_as_it_was_written() -> None:
    """In the words of Model API's configuration: YES or NO, a number for each channel. No digit gets lost."""
    assert MINUS_ONE_TO_ONE.as_info() == {
        "reverse_input_channels": "YES", "mean_values": "127.5 127.5 127.5", "scale_values": "127.5 127.5 127.5",
    }  # fmt: skip
    assert AS_THEY_ARE.as_info() == {"reverse_input_channels": "NO", "mean_values": "0 0 0", "scale_values": "1 1 1"}
    for known in KNOWN_NETWORKS:
        assert Preprocessing.of_info(known.takes.as_info(), "") == known.takes
