"""How the sides of a benchmark are written."""

from __future__ import annotations

import pytest

from model_api.errors import OptionError
from model_tools.benchmark.sides import Side, parse_sides

SETTINGS = {"model": "rvm.onnx", "input": "clip.mp4", "device": "CPU", "options": "--blur_bgr 9"}
COMMON = ("-m", "rvm.onnx", "-i", "clip.mp4", "-d", "CPU", "--blur_bgr", "9")


def sides(*texts: str) -> list[Side]:
    return parse_sides(texts, SETTINGS)


def test_a_kind_alone_takes_what_all_take() -> None:
    assert sides("raw", "demo") == [Side("raw", "raw", COMMON), Side("demo", "demo", COMMON)]


def test_what_a_side_says_replaces_and_its_options_are_added() -> None:
    (side,) = sides("demo:model=a/b int8.xml,device=AUTO:GPU,CPU,options=--target_bgr '1,2,3' --crf 20,streams=2")
    assert side.name == "demo b int8 device=AUTO:GPU,CPU --target_bgr '1,2,3' --crf 20 streams=2"
    assert side.words == (
        *("-m", "a/b int8.xml", "-i", "clip.mp4", "-d", "AUTO:GPU,CPU", "-nstreams", "2", "--blur_bgr", "9"),
        *("--target_bgr", "1,2,3", "--crf", "20"),
    )


def test_onnx_runtime_knows_no_device() -> None:
    (side,) = sides("onnxruntime:model=b.onnx,threads=1")
    assert side.words == ("-m", "b.onnx", "-i", "clip.mp4", "-nthreads", "1", "--blur_bgr", "9")


def test_names_are_those_given_and_never_twice_the_same() -> None:
    named = sides("raw", "raw:name=raw 2", "raw", "raw:precision=bf16,name=halves", "command:old=run 'a b' -o=x")
    assert [side.name for side in named] == ["raw", "raw 2", "raw 3", "halves", "old"]
    assert named[3].precision == "bf16"
    assert named[4] == Side("old", "command", ("run", "a b", "-o=x"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bare", 'no kind "bare"'),
        ("raw:half", "expected KIND:KEY=VALUE"),
        ("raw:streams=", "expected KIND:KEY=VALUE"),
        ("raw:streams=2,colour=red", "raw has no colour"),
        ("network:precision=f16", "network has no precision"),
        ("onnxruntime:device=GPU", "onnxruntime has no device"),
        ("raw:precision=int8", 'precision "int8"'),
        ("demo:options='a", "No closing quotation"),
        ("command:python x.py", "command:NAME=PROGRAM"),
        ("command:old=", "command:NAME=PROGRAM"),
    ],
)
def test_what_is_of_no_use_is_told(text: str, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        sides(text)
