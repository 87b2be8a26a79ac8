"""Device names and streams, for machines that are not here."""

from __future__ import annotations

import pytest

from model_api.adapters.devices import check_device, device_config, member_devices, parse_streams
from model_api.errors import DeviceError, OptionError

LAPTOP = ["CPU", "GPU.0", "GPU.1", "NPU"]


@pytest.mark.parametrize(
    "device", ["CPU", "gpu", "GPU.1", "NPU", "AUTO", "AUTO:GPU,CPU", "HETERO:GPU.1,CPU", "BATCH:GPU(4)", "AUTO:-CPU"]
)
def test_devices_that_are_there(device: str) -> None:
    assert check_device(device, LAPTOP) == device.upper()


@pytest.mark.parametrize("device", ["TPU", "GPU.2", "AUTO:TPU,CPU", "HETERO", ""])
def test_devices_that_are_not(device: str) -> None:
    with pytest.raises(DeviceError):
        check_device(device, LAPTOP)


def test_a_machine_without_a_gpu_says_what_it_has() -> None:
    with pytest.raises(DeviceError, match=r"Device GPU is not on this machine\. Available: CPU"):
        check_device("GPU", ["CPU"])


@pytest.mark.parametrize(
    ("old", "new"), [("MYRIAD", "NPU"), ("VPU", "NPU"), ("HDDL", "NPU"), ("MULTI:GPU,CPU", "AUTO:GPU,CPU")]
)
def test_devices_of_the_past_have_successors(old: str, new: str) -> None:
    with pytest.raises(DeviceError, match=f"-d {new}$"):
        check_device(old, LAPTOP)


def test_members() -> None:
    assert member_devices("CPU") == ["CPU"]
    assert member_devices("HETERO:GPU.0,CPU") == ["GPU.0", "CPU"]
    assert member_devices("AUTO") == []


@pytest.mark.parametrize(
    ("text", "members", "expected"),
    [
        ("", ["CPU"], {}),
        ("4", ["CPU"], {"CPU": 4}),
        ("2", ["GPU", "CPU"], {"GPU": 2, "CPU": 2}),
        ("cpu:4,GPU:2", ["GPU", "CPU"], {"CPU": 4, "GPU": 2}),
    ],
)
def test_streams(text: str, members: list[str], expected: dict[str, int]) -> None:
    assert parse_streams(text, members) == expected


@pytest.mark.parametrize("text", ["0", "-1", "x", "CPU:", "CPU:0", "CPU=2", "CPU:1;GPU:2", "NPU:1", "CPU:1,"])
def test_bad_streams(text: str) -> None:
    with pytest.raises(OptionError):
        parse_streams(text, ["CPU", "GPU"])


def test_a_device_gets_its_properties_itself_and_a_list_gets_them_for_each() -> None:
    assert device_config("CPU", "LATENCY", "2", 3, None) == {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 2,
        "INFERENCE_NUM_THREADS": 3,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    assert device_config("GPU", "THROUGHPUT", "", None, 8) == {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "PERFORMANCE_HINT_NUM_REQUESTS": 8,
    }
    assert device_config("HETERO:GPU,CPU", "THROUGHPUT", "GPU:2", 3, None) == {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "DEVICE_PROPERTIES": {
            "GPU": {"NUM_STREAMS": 2},
            "CPU": {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 3},
        },
    }


def test_threads_need_the_cpu() -> None:
    with pytest.raises(OptionError, match="device GPU does not use it"):
        device_config("GPU", "LATENCY", "", 3, None)
