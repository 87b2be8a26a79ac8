"""In how many bits a network is computed where nobody says it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from model_api.graph import precision
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


@pytest.mark.parametrize("asked", [None, "f32", "bf16", "f16"])
def test_what_was_asked_for_stays(asked: str | None) -> None:
    assert resolved(asked, ov.Core(), "CPU", network(WEIGHTS)) == asked


def test_small_networks_and_those_in_8_bits_are_computed_in_32_bits() -> None:
    assert resolved(AUTO, ov.Core(), "CPU", network(1024)) == "f32"
    assert resolved(AUTO, ov.Core(), "CPU", network(WEIGHTS, is_quantized=True)) == "f32"


def test_other_devices_decide() -> None:
    assert resolved(AUTO, ov.Core(), "GPU", network(WEIGHTS)) is None


def test_large_networks_are_computed_as_the_processor_was_measured(caplog: pytest.LogCaptureFixture) -> None:
    core = ov.Core()
    with caplog.at_level("INFO"):
        chosen = resolved(AUTO, core, "CPU", network(WEIGHTS), "rvm.xml")
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert (chosen, caplog.text) == ("f32", "")
        return
    gain = gain_of_bfloat16()
    assert chosen == ("bf16" if gain >= LEAST_GAIN else "f32")
    said = f"On this processor a test network is {gain:.1f} times as fast in bf16 as in f32 (measured now)"
    assert f"rvm.xml: computed in {chosen}. {said}" in caplog.text


def test_a_processor_is_measured_once() -> None:
    assert gain_of_bfloat16() == gain_of_bfloat16() > 0


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> ov.Core:
    """Of a machine that is 3 times as fast in bfloat16, whatever this one is, and that measures no second time."""
    core = ov.Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")
    gains = iter([3.0])
    monkeypatch.setattr(precision, "gain_of_bfloat16", lambda: next(gains))
    return core


def test_what_was_measured_is_kept_with_the_compiled_networks(
    core: ov.Core, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    gain = "On this processor a test network is 3.0 times as fast in bf16 as in f32"
    for said in ("measured now", f"measured before, kept in {tmp_path}"):
        assert resolved(AUTO, core, "CPU", network(WEIGHTS), "rvm.xml", str(tmp_path)) == "bf16"
        assert caplog.messages[-1] == f"rvm.xml: computed in bf16. {gain} ({said})"
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_text())
    assert kept["bf16_times_as_fast"] == 3.0
    assert kept["openvino"] == ov.get_version()
    assert kept["processor"] == core.get_property("CPU", "FULL_DEVICE_NAME")


def damaged(text: str) -> list[str]:
    """What a disk, a copy, a person or another machine makes of such a file. Its own number was 3."""
    kept = json.loads(text)
    changes: list[dict[str, object]] = [
        {"bf16_times_as_fast": number} for number in (float("nan"), -1.0, 0, 1e9, "3", None, True, [3.0])
    ]
    changes += [{"processor": "another"}, {"openvino": "2019.1"}, {"more": 1}]
    words = [
        "",
        text[:-2],
        "null",
        "[]",
        "3",
        "[" * 100_000,
        "\0",
        *(json.dumps({**kept, **change}) for change in changes),
    ]
    return [*words, json.dumps({key: kept[key] for key in kept if key != "bf16_times_as_fast"})]


def test_a_damaged_or_foreign_file_is_ignored(core: ov.Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is measured again, and what comes out then takes the file's place: this machine is slower in bfloat16 now."""
    resolved(AUTO, core, "CPU", network(WEIGHTS), cache_dir=str(tmp_path))
    (file,) = tmp_path.iterdir()
    text = file.read_text()
    monkeypatch.setattr(precision, "gain_of_bfloat16", lambda: 0.5)
    for content in damaged(text):
        file.write_text(content)
        assert resolved(AUTO, core, "CPU", network(WEIGHTS), cache_dir=str(tmp_path)) == "f32", content[:80]
        assert json.loads(file.read_text()) == {**json.loads(text), "bf16_times_as_fast": 0.5}
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_takes_no_file_is_no_error(core: ov.Core, tmp_path: Path) -> None:
    assert resolved(AUTO, core, "CPU", network(WEIGHTS), cache_dir=str(tmp_path / "nowhere")) == "bf16"
