"""Models and settings that `create_model` does not take: one error of ours that says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model_api import InferenceOptions, ModelOptions, create_model
from tests.contract.test_wrong_values import IMAGE, error_of


class Module:
    """As far as `create_model` looks at it, a torch.nn.Module."""

    def state_dict(self) -> dict[str, object]:
        return {}

    def __repr__(self) -> str:
        return "Module(\n  (conv): Conv2d(3, 16)\n)"


EXPORT = r"python -m model_tools export --network NAME --weights FILE --output model\.onnx"
MODELS: Mapping[str, tuple[object, str]] = {
    "a name that no model has": ("vidoe", r"OptionError: model: vidoe: no such model\. Expected a file, .*, video"),
    "a file that is not there": ("vidoe.xml", r"ModelFileError: vidoe\.xml: no such model file\. Expected an \.xml"),
    "weights in .pth": ("rvm_mobilenetv3.pth", rf"ModelFileError: .*\.pth: weights of a PyTorch model, .*{EXPORT}"),
    "weights in .pt": ("video.pt", rf"ModelFileError: .*\.pt: weights of a PyTorch model, .*{EXPORT}"),
    "a checkpoint": ("modnet.ckpt", rf"ModelFileError: .*\.ckpt: weights of a PyTorch model, .*{EXPORT}"),
    "weights of an IR": ("video.bin", r"ModelFileError: .*\.bin: these are only the weights\. Give the \.xml file"),
    "a text file": ("video.txt", r"ModelFileError: .*\.txt: not a model file by its suffix\. Expected \.xml, \.onnx"),
    "a module of PyTorch": (Module(), rf"OptionError: model: Module Module\( \(conv\).* Expected a file .*{EXPORT}"),
    "an image": (IMAGE, r"OptionError: model: array \(48, 64, 3\) uint8\. Expected a file or the name of a bundled"),
    "a number": (3, r"OptionError: model: 3\. Expected a file or the name of a bundled model"),
    "nothing": (None, r"OptionError: model: None\. Expected a file or the name of a bundled model"),
}


@pytest.mark.parametrize("case", MODELS)
def test_models_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    model: Any
    model, expected = MODELS[case]
    monkeypatch.chdir(tmp_path)
    if isinstance(model, str) and "not there" not in case and "." in model:
        Path(model).write_bytes(b"PK")
    assert re.match(expected, error_of(lambda: create_model(model)))


SETTINGS: Mapping[str, tuple[dict[str, Any], str]] = {
    "PyTorch's GPU": (
        {"device": "cuda"},
        r"DeviceError: device: cuda is an NVIDIA GPU\. OpenVINO's devices are CPU, GPU",
    ),
    "one of them": (
        {"device": "cuda:0"},
        r"DeviceError: device: cuda:0 is an NVIDIA GPU.*NPU and AUTO\. Available: CPU",
    ),
    "Apple's": ({"device": "mps"}, r"DeviceError: device: mps is an Apple GPU\. OpenVINO's devices are CPU"),
    "no text": ({"device": 0}, r"DeviceError: device: 0 is not a device\. Available: "),
    "an old device": ({"device": "MYRIAD"}, r"DeviceError: device: MYRIAD is no longer in OpenVINO\. Use NPU instead"),
    "half precision": (
        {"dtype": "float16"},
        r"OptionError: dtype: float16 is PyTorch's\. Use .*precision=.*f16",
    ),
    "an adapter": ({"adapter": "triton"}, r"OptionError: adapter: 'triton'\. Expected openvino or ovms"),
    "a ratio": (
        {"options": ModelOptions(downsample_ratio=0.5)},
        r"ModelContractError: downsample_ratio: 0\.5, but this ",
    ),
    "streams": (
        {"inference": InferenceOptions(streams="many")},
        r'OptionError: streams: "many" is not a number of streams',
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_of_a_model_that_are_none_are_refused(models: Path, case: str) -> None:
    settings, expected = SETTINGS[case]
    assert re.match(expected, error_of(lambda: create_model(models / "red.onnx", **settings)))
