"""Which output is the mask, and how its numbers are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, softmax

from model_api.errors import ModelContractError, OptionError
from model_api.recognition.outputs import MaskOutput, find_mask
from model_api.recognition.reading import activated, activation_of, person_of, planes_of, reading_of
from model_api.recognition.structure import Structure
from model_api.types import TensorSpec

Shape = tuple[int | None, ...]
IMAGE: Shape = (1, 3, 256, 256)


def spec(name: str, *shape: int | None, dtype: str = "f32") -> TensorSpec:
    return TensorSpec(frozenset({name}), shape, dtype)


IS_NET = (
    *(spec(f"d{number}", 1, 1, 1024, 1024) for number in range(1, 7)),
    *(spec(f"f{number}", 1, 64, side, side) for number, side in enumerate((512, 256, 128, 64, 32, 16))),
)
BODY_PIX = (
    spec("float_heatmaps", 1, 33, 33, 17),
    spec("float_part_heatmaps", 1, 33, 33, 24),
    spec("float_segments", 1, 33, 33, 1),
    spec("float_short_offsets", 1, 33, 33, 34),
)


@pytest.mark.parametrize(
    ("image", "outputs", "expected"),
    [
        # mobile_phone_human_matting; MODNet as it is trained; IS-Net; BodyPix.
        (IMAGE, (spec("seg", 1, 2, 256, 256), spec("alpha", 1, 1, 256, 256)), "alpha"),
        ((1, 3, 512, 512), (spec("semantic", 1, 1, 32, 32), spec("detail", 1, 1, 512, 512),
                            spec("pred_matte", 1, 1, 512, 512)), "pred_matte"),
        ((1, 3, 1024, 1024), IS_NET, "d1"),
        ((1, 257, 257, 3), BODY_PIX, "float_segments"),
        (IMAGE, (spec("fine_two", 1, 2, 256, 256), spec("coarse_one", 1, 1, 64, 64)), "coarse_one"),
        (IMAGE, (spec("coarse", 1, 1, 32, 32), spec("fine", 1, 1, 256, 256)), "fine"),
        (IMAGE, (spec("first", 1, 1, 256, 256), spec("second", 1, 1, 256, 256)), "first"),
        (IMAGE, (spec("alphabet", 1, 2, 256, 256), spec("mask", 1, 1, 256, 256)), "mask"),
        ((None, 3, None, None), (spec("pha", None, 1, None, None), spec("err", None, 1, None, None)), "pha"),
        # All pixels in one row; a picture, boxes and features alone are no masks.
        ((1, 256, 256, 3), (spec("flat", 1, 65536),), "flat"),
        (IMAGE, (spec("picture", 1, 3, 256, 256),), None),
        (IMAGE, (spec("boxes", None, 4), spec("masks", 1, 1, 256, 256)), None),
        (IMAGE, (spec("logits", 1, 1000),), None),
    ],
)  # fmt: skip
def test_the_mask_among_outputs(image: Shape, outputs: tuple[TensorSpec, ...], expected: str | None) -> None:
    found = find_mask(outputs, spec("image", *image))
    assert (found.name if found else None) == expected


def test_the_one_that_is_asked_for() -> None:
    outputs = (spec("alpha", 1, 1, 256, 256), spec("seg", 1, 2, 256, 256), spec("boxes", 1, 100, 4))
    found = find_mask(outputs, spec("image", *IMAGE), "seg")
    assert found
    assert (found.name, found.channels) == ("seg", 2)
    with pytest.raises(OptionError, match=r'"nothing": the network has no such output. It has alpha, seg, boxes'):
        find_mask(outputs, spec("image", *IMAGE), "nothing")
    with pytest.raises(OptionError, match="boxes 1×100×4 is not a mask"):
        find_mask(outputs, spec("image", *IMAGE), "boxes")


def mask(channels: int, dtype: str = "f32", layout: str = "NCHW") -> MaskOutput:
    return MaskOutput("mask", (1, channels, 4, 6), dtype, layout, channels, (6, 4))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, "none"), (-0.08, 1.1, "none"), (0.2, 0.3, "none"),
        (-11.7, 7.8, "sigmoid"), (-3.0, -0.9, "sigmoid"), (0.5, 9.0, "sigmoid"), (-20.0, 40.0, "sigmoid"),
        (0.0, 255.0, "levels"), (0.0, 40.0, "levels"),
    ],
)  # fmt: skip
def test_what_one_channel_holds(low: float, high: float, expected: str) -> None:
    """BodyPix's logits reach from -11 to +8; regression overshoots 0..1 a little."""
    assert activation_of(low, high) == expected


def test_one_channel_becomes_alpha() -> None:
    logits = np.linspace(-90, 90, 24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_allclose(activated(logits, "sigmoid"), expit(logits), atol=1e-6)
    np.testing.assert_allclose(
        activated(np.array([[0, 51, 255, 300]], np.float32), "levels"), [[0, 0.2, 1, 1]], atol=1e-6
    )
    np.testing.assert_allclose(activated(np.array([[-0.1, 0.5, 1.2]], np.float32), "none"), [[0, 0.5, 1]])


@pytest.mark.parametrize("person", [(15,), (0,), (3, 7)])
def test_many_classes_are_summed_over_the_person_s(person: tuple[int, ...]) -> None:
    logits = np.random.default_rng(0).normal(0, 4, (21, 4, 6)).astype(np.float32)
    probabilities = softmax(logits, axis=0)
    expected = probabilities[list(person)].sum(axis=0)
    for planes in (logits, probabilities):
        np.testing.assert_allclose(person_of(planes, person), expected, atol=1e-5)


def test_two_classes_in_every_form() -> None:
    logits = np.random.default_rng(1).normal(0, 4, (2, 4, 6)).astype(np.float32)
    expected = softmax(logits, axis=0)[1]
    levels = np.round(softmax(logits, axis=0) * 255).astype(np.uint8)
    np.testing.assert_allclose(person_of(logits, (1,)), expected, atol=1e-5)
    np.testing.assert_allclose(person_of(logits, (0,)), 1 - expected, atol=1e-5)
    np.testing.assert_allclose(person_of(levels, (1,)), expected, atol=0.003)
    sigmoids = np.stack([expit(-logits[0]), expit(logits[1])])  # that do not sum to one
    np.testing.assert_allclose(person_of(sigmoids, (1,)), sigmoids[1], atol=1e-6)
    rounded = np.array([[[1.0000001]], [[-1.1920929e-07]]], np.float32)  # as 1 - p comes out
    np.testing.assert_allclose(person_of(rounded, (0,)), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "layout"), [((1, 2, 4, 6), "NCHW"), ((1, 4, 6, 2), "NHWC"), ((1, 4, 6), ""), ((4, 6), "")]
)
def test_planes_in_every_layout(shape: tuple[int, ...], layout: str) -> None:
    array: npt.NDArray[Any] = np.arange(np.prod(shape)).reshape(shape)
    planes = planes_of(array, MaskOutput("mask", shape, "f32", layout, 2 if layout else 1, (6, 4)))
    assert planes.shape[1:] == (4, 6)
    place = {"NCHW": (0, 1, 1, 2), "NHWC": (0, 1, 2, 1), "": (0,) * (len(shape) - 2) + (1, 2)}[layout]
    assert planes[-1, 1, 2] == array[place]


def test_which_classes_are_the_person() -> None:
    assert reading_of(mask(21)).person == (15,)
    assert reading_of(mask(6)).person == (1, 2, 3, 4, 5)
    assert reading_of(mask(2)).person == (1,)
    assert not reading_of(mask(21)).guessed
    assert reading_of(mask(4)).guessed
    assert reading_of(mask(1, "i64"), structure=Structure(classes=21)).person == (15,)
    assert reading_of(mask(1, "i64"), structure=Structure(classes=2)).person == (1,)
    with pytest.raises(ModelContractError, match=r"150 classes. Say which is the person"):
        reading_of(mask(150))
    with pytest.raises(OptionError, match=r"person_class: 21, but .* has the classes 0 to 20"):
        reading_of(mask(21), person=(21,))
    with pytest.raises(OptionError, match="has one channel, and no classes"):
        reading_of(mask(1), person=(1,))
    with pytest.raises(OptionError, match=r"activation: sigmoid: .* has classes"):
        reading_of(mask(2), asked="sigmoid")


def test_a_graph_that_ends_in_a_sigmoid_is_believed() -> None:
    assert reading_of(mask(1), structure=Structure(probabilities=frozenset({"mask"}))).activation == "none"
    assert reading_of(mask(1)).activation is None
    assert reading_of(mask(1, "u8")).activation == "levels"
