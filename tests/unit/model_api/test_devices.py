"""Device names and streams, for machines that are not here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_api import AsyncPipeline, Frame, create_model
from model_api.adapters.devices import check_device, device_config, member_devices, parse_streams
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.errors import DeviceError, OptionError
from tests.support.media import indexed

LAPTOP = ["CPU", "GPU.0", "GPU.1", "NPU"]


@pytest.mark.parametrize(
    "device",
    [
        "CPU",
        "gpu",
        "GPU.1",
        "NPU",
        "AUTO",
        "AUTO:GPU,CPU",
        "HETERO:GPU.1,CPU",
        "BATCH:GPU(4)",
        "AUTO:-CPU",
        "AUTO:-TPU",
    ],
)
def test_devices_that_are_there(device: str) -> None:
    assert check_device(device, LAPTOP) == device.upper()


def test_a_single_gpu_goes_by_its_number_too() -> None:
    assert check_device("GPU.0", ["CPU", "GPU"]) == "GPU.0"
    with pytest.raises(DeviceError):
        check_device("CPU.0", ["CPU", "GPU"])


@pytest.mark.parametrize("device", ["TPU", "GPU.2", "AUTO:TPU,CPU", "HETERO", "BATCH", "CPU:", "CPU:0", ""])
def test_devices_that_are_not(device: str) -> None:
    with pytest.raises(DeviceError):
        check_device(device, LAPTOP)


def test_a_machine_without_a_gpu_says_what_it_has() -> None:
    with pytest.raises(DeviceError, match=r"device: GPU is not on this machine\. Available: CPU"):
        check_device("GPU", ["CPU"])


def test_auto_goes_on_with_the_devices_that_are_there() -> None:
    assert check_device("AUTO:GPU,CPU", ["CPU"]) == "AUTO:CPU"
    assert check_device("auto:npu,gpu.1,cpu", ["CPU", "GPU"]) == "AUTO:CPU"
    with pytest.raises(DeviceError, match="GPU is not on this machine"):
        check_device("AUTO:GPU", ["CPU"])


def test_excluding_what_is_not_there_is_fine_but_something_must_be_left() -> None:
    assert check_device("AUTO:-GPU,-NPU", ["CPU"]) == "AUTO:-GPU,-NPU"
    with pytest.raises(DeviceError, match=r"device: AUTO:-CPU leaves no device\. Available: CPU"):
        check_device("AUTO:-CPU", ["CPU"])


@pytest.mark.parametrize(
    ("old", "new"), [("MYRIAD", "NPU"), ("VPU", "NPU"), ("HDDL", "NPU"), ("MULTI:GPU,CPU", "AUTO:GPU,CPU")]
)
def test_devices_of_the_past_have_successors(old: str, new: str) -> None:
    with pytest.raises(DeviceError, match=f"Use {new}.* instead$"):
        check_device(old, LAPTOP)


@pytest.mark.parametrize(
    ("device", "members"),
    [
        ("CPU", ["CPU"]),
        ("HETERO:GPU.0,CPU", ["GPU.0", "CPU"]),
        ("BATCH:GPU(4)", ["GPU"]),
        ("AUTO", LAPTOP),
        ("AUTO:-GPU", ["CPU", "NPU"]),
        ("AUTO:-GPU.1,-CPU", ["GPU.0", "NPU"]),
        ("AUTO:CPU,-GPU", ["CPU"]),
    ],
)
def test_members(device: str, members: list[str]) -> None:
    assert member_devices(device, LAPTOP) == members


@pytest.mark.parametrize(
    ("text", "members", "expected"),
    [
        ("", ["CPU"], {}),
        ("4", ["CPU"], {"CPU": 4}),
        ("2", ["GPU", "CPU"], {"GPU": 2, "CPU": 2}),
        ("cpu:4,GPU:2", ["GPU", "CPU"], {"CPU": 4, "GPU": 2}),
        ("GPU:2", ["CPU", "GPU.0", "GPU.1"], {"GPU.0": 2, "GPU.1": 2}),
    ],
)
def test_streams(text: str, members: list[str], expected: dict[str, int]) -> None:
    assert parse_streams(text, members) == expected


@pytest.mark.parametrize(
    "text", ["0", "-1", "x", "CPU:", "CPU:0", "CPU=2", "CPU:1;GPU:2", "NPU:1", "CPU:1,", "CPU.0:1"]
)
def test_bad_streams(text: str) -> None:
    with pytest.raises(OptionError):
        parse_streams(text, ["CPU", "GPU"])


def test_a_device_gets_its_properties_itself_and_a_list_gets_them_for_each() -> None:
    unasked = {"INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}
    of_the_cpu = {"NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 3, **unasked}
    assert device_config("CPU", LAPTOP, hint="LATENCY", streams="2", threads=3, requests=None) == {
        "PERFORMANCE_HINT": "LATENCY",
        **of_the_cpu,
    }
    assert device_config("BATCH:CPU(4)", LAPTOP, hint="LATENCY", streams="2", threads=3, requests=None) == {
        "PERFORMANCE_HINT": "LATENCY",
        **of_the_cpu,
    }
    assert device_config("GPU", LAPTOP, hint="THROUGHPUT", streams="", threads=None, requests=8) == {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "PERFORMANCE_HINT_NUM_REQUESTS": 8,
    }
    assert device_config("HETERO:GPU,CPU", LAPTOP, hint="THROUGHPUT", streams="GPU:2", threads=3, requests=None) == {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "DEVICE_PROPERTIES": {
            "GPU": {"NUM_STREAMS": 2},
            "CPU": {**unasked, "INFERENCE_NUM_THREADS": 3},
        },
    }
    assert device_config("AUTO", ["CPU", "GPU"], hint="LATENCY", streams="GPU:2", threads=None, requests=None) == {
        "PERFORMANCE_HINT": "LATENCY",
        "DEVICE_PROPERTIES": {"CPU": unasked, "GPU": {"NUM_STREAMS": 2}},
    }


@pytest.mark.parametrize("device", ["GPU", "AUTO:GPU", "AUTO:-CPU"])
def test_threads_need_the_cpu(device: str) -> None:
    with pytest.raises(OptionError, match=f"threads: 3, but device {device} does not use the CPU"):
        device_config(device, LAPTOP, hint="LATENCY", streams="", threads=3, requests=None)


@pytest.mark.parametrize("device", ["AUTO", "AUTO:CPU", "AUTO:-GPU", "HETERO:CPU", "BATCH:CPU(1)", "CPU"])
@pytest.mark.parametrize(("name", "streams"), [("counting.onnx", "2"), ("red.onnx", "CPU:2")])
def test_every_way_to_the_cpu_gives_its_answer(models: Path, device: str, name: str, streams: str) -> None:
    frames = [Frame(index, indexed(index)) for index in range(3)]
    with (
        create_model(models / name) as reference,
        create_model(models / name, device, inference=InferenceOptions(streams=streams, threads=1)) as model,
    ):
        results = zip(AsyncPipeline(model).run(frames), AsyncPipeline(reference).run(frames), strict=True)
        assert all(np.array_equal(got.matte.alpha, expected.matte.alpha) for got, expected in results)
