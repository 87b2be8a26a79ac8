"""Device names and stream counts as people write them, checked before the runtime sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from model_api.errors import DeviceError, OptionError

META_DEVICES = ("AUTO", "HETERO", "BATCH")
SUCCESSORS = {
    "MYRIAD": "NPU", "VPU": "NPU", "HDDL": "NPU", "KEEMBAY": "NPU", "MULTI": "AUTO",
}  # fmt: skip


def check_device(device: str, available: Sequence[str]) -> str:
    """The name in capitals. Raises DeviceError if the machine has no such device, with those it has."""
    name, _, rest = device.upper().partition(":")
    if name in SUCCESSORS:
        successor = SUCCESSORS[name]
        example = f"{successor}:{rest}" if rest else successor
        raise DeviceError(f"Device {device} is gone from OpenVINO. Use {successor} instead: -d {example}")
    wanted = [part.lstrip("-").split("(")[0] for part in rest.split(",") if part] if name in META_DEVICES else [name]
    if name == "HETERO" and not wanted:
        raise DeviceError("Device HETERO needs a list: -d HETERO:GPU,CPU")
    unknown = [part for part in wanted if not _is_available(part, available)]
    if unknown:
        raise DeviceError(
            f"Device {', '.join(unknown)} is not on this machine. Available: {', '.join(available)}, "
            "and AUTO or HETERO:<list> of these"
        )
    return device.upper()


def member_devices(device: str) -> list[str]:
    """The plain devices in "CPU", "GPU.0", "AUTO:GPU,CPU" or "HETERO:GPU,CPU"."""
    name, _, rest = device.partition(":")
    return [part for part in rest.split(",") if part] if name in META_DEVICES else [name]


def device_config(device: str, hint: str, streams: str, threads: int | None, requests: int | None) -> dict[str, Any]:
    """OpenVINO's properties for a compile call.

    streams: "", a number, or "<device>:<number>,…" for HETERO and AUTO.
    """
    config: dict[str, Any] = {"PERFORMANCE_HINT": hint}
    if requests is not None and hint == "THROUGHPUT":
        config["PERFORMANCE_HINT_NUM_REQUESTS"] = requests
    members = member_devices(device) or ["CPU"]
    counts = parse_streams(streams, members)
    of_device: dict[str, dict[str, Any]] = {
        name: {"NUM_STREAMS": counts[name]} if name in counts else {} for name in members
    }
    if "CPU" in of_device:
        # Processors with bfloat16 would use it unasked: four times the error in the alphas of a matting network.
        of_device["CPU"] |= {"INFERENCE_PRECISION_HINT": "f32"}
    if threads is not None:
        if "CPU" not in of_device:
            raise OptionError(f"-nthreads {threads} is for the CPU, and device {device} does not use it")
        of_device["CPU"] |= {"INFERENCE_NUM_THREADS": threads}
    if device in members:
        return config | of_device[device]
    return config | {"DEVICE_PROPERTIES": {name: properties for name, properties in of_device.items() if properties}}


def parse_streams(text: str, members: Sequence[str]) -> Mapping[str, int]:
    """Device -> number of streams. Raises OptionError if `text` is of neither form or names another device."""
    if not text:
        return {}
    if re.fullmatch(r"[1-9]\d*", text):
        return dict.fromkeys(members, int(text))
    pairs = [re.fullmatch(r"([A-Za-z]+(?:\.\d+)?):([1-9]\d*)", part.strip()) for part in text.split(",")]
    if not all(pairs):
        raise OptionError(f'-nstreams "{text}" is no number of streams. Expected <n> or <device>:<n>,<device>:<n>')
    counts = {pair[1].upper(): int(pair[2]) for pair in pairs if pair}
    foreign = counts.keys() - set(members)
    if foreign:
        raise OptionError(
            f'-nstreams "{text}" names {", ".join(sorted(foreign))}, but the device is {", ".join(members)}'
        )
    return counts


def _is_available(name: str, available: Sequence[str]) -> bool:
    return any(name == present or present.split(".")[0] == name for present in available)
