"""In how many bits a network is computed where nobody says it."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api.graph.precision import AUTO, LEAST_GAIN, gain_of_bfloat16, resolved

WEIGHTS = 1024 * 1024


def network(weights: int, *, is_quantized: bool = False) -> ov.Model:
    rows = weights // 1024
    image = ops.parameter([1, 1024], np.float32)
    seen = image
    if is_quantized:
        low, high = (ops.constant(np.float32(end)) for end in (0, 1))
        seen = ops.fake_quantize(image, low, high, low, high, 256)
    product = ops.matmul(seen, ops.constant(np.ones((1024, rows), np.float32)), transpose_a=False, transpose_b=False)
    return ov.Model([product], [image])


@pytest.mark.parametrize("precision", [None, "f32", "bf16", "f16"])
def test_what_was_asked_for_stays(precision: str | None) -> None:
    assert resolved(precision, ov.Core(), "CPU", network(WEIGHTS)) == precision


def test_small_networks_and_those_in_8_bits_are_computed_in_32_bits() -> None:
    assert resolved(AUTO, ov.Core(), "CPU", network(1024)) == "f32"
    assert resolved(AUTO, ov.Core(), "CPU", network(WEIGHTS, is_quantized=True)) == "f32"


def test_other_devices_decide() -> None:
    assert resolved(AUTO, ov.Core(), "GPU", network(WEIGHTS)) is None


def test_large_networks_are_computed_as_the_processor_was_measured(caplog: pytest.LogCaptureFixture) -> None:
    core = ov.Core()
    with caplog.at_level("INFO"):
        precision = resolved(AUTO, core, "CPU", network(WEIGHTS), "rvm.xml")
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert (precision, caplog.text) == ("f32", "")
        return
    gain = gain_of_bfloat16()
    assert precision == ("bf16" if gain >= LEAST_GAIN else "f32")
    assert f"rvm.xml: computed in {precision}. On this processor bf16 is {gain:.1f} times as fast as f32" in caplog.text


def test_a_processor_is_measured_once() -> None:
    assert gain_of_bfloat16() == gain_of_bfloat16() > 0
