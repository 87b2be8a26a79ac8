"""Device names and stream counts as users write them, checked before OpenVINO gets them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from model_api.errors import DeviceError, OptionError

log = logging.getLogger(__name__)

KINDS = ("CPU", "GPU", "NPU")
META_DEVICES = ("AUTO", "HETERO", "BATCH")
CPU_DEFAULTS: Mapping[str, Any] = {
    "INFERENCE_PRECISION_HINT": "f32",
    "ENABLE_CPU_PINNING": False,
}
"""Processors with bfloat16 would use it by default: single pixels of an alpha are a quarter off then. A thread that is
pinned to a core waits for the decoder or encoder there, while another core may be idle."""
LISTS = {"HETERO": "GPU,CPU", "BATCH": "GPU"}
"""Devices that need a list -> an example."""

SUCCESSORS = {
    "MYRIAD": "NPU", "VPU": "NPU", "HDDL": "NPU", "KEEMBAY": "NPU", "MULTI": "AUTO",
}  # fmt: skip
OTHERS = {"CUDA": "an NVIDIA GPU", "MPS": "an Apple GPU", "XPU": "PyTorch's name of an Intel GPU"}
"""Names that PyTorch has for devices -> what they are."""


def devices_beside(device: str, core: Any) -> Sequence[str]:
    """The devices of this machine, as far as they matter where somebody names one.

    Args:
        device: as a user writes it.
        core: OpenVINO's. It is only asked about others than the CPU: to answer it loads the libraries of all of them.
    """
    alone = isinstance(device, str) and device.upper() == "CPU"
    return ["CPU"] if alone else list(core.available_devices)


def check_device(device: str, available: Sequence[str]) -> str:
    """Check that this machine has a device.

    Args:
        device: "CPU", "GPU", "NPU", "AUTO", "HETERO:GPU,CPU", … in any case.
        available: the devices of this machine, as OpenVINO names them.

    Returns:
        The name in capitals.

    Raises:
        DeviceError: this machine has no such device; the message lists those that it has.
    """
    if not isinstance(device, str) or not device:
        raise DeviceError(f"{device!r} is not a device. Available: {', '.join(available)}", "device")
    device_name = _without_missing(device.upper(), available)
    name, _, rest = device_name.partition(":")
    _require_known_kind(device, name, rest, available)
    members = member_devices(device_name, available)
    unknown = [part for part in members if not any(_means(part, present) for present in available)]
    if unknown:
        raise DeviceError(
            f"{', '.join(unknown)} is not on this machine. Available: {', '.join(available)}, "
            "and AUTO or HETERO:<list> of these",
            "device",
        )
    if not members:
        raise DeviceError(f"{device} leaves no device. Available: {', '.join(available)}", "device")
    return device_name


def _require_known_kind(device: str, name: str, rest: str, available: Sequence[str]) -> None:
    if name in SUCCESSORS:
        successor = SUCCESSORS[name]
        example = f"{successor}:{rest}" if rest else successor
        raise DeviceError(f"{device} is no longer in OpenVINO. Use {example} instead", "device")
    if name in OTHERS:
        raise DeviceError(
            f"{device} is {OTHERS[name]}. OpenVINO's devices are CPU, GPU (Intel's), NPU and AUTO. "
            f"Available: {', '.join(available)}",
            "device",
        )
    if name in LISTS and not rest:
        raise DeviceError(f"{name} needs a list, such as {name}:{LISTS[name]}", "device")


def member_devices(device: str, available: Sequence[str]) -> list[str]:
    """The plain devices in "CPU", "GPU.0", "AUTO:GPU,CPU", "HETERO:GPU,CPU" or "BATCH:GPU(4)".

    AUTO without a list, or with a list of what it must not use ("AUTO:-GPU"), stands for all other devices of
    `available`.
    """
    name, _, rest = device.partition(":")
    if name not in META_DEVICES:
        return [device]
    parts = [part.split("(")[0] for part in rest.split(",") if part]
    listed = [part for part in parts if not part.startswith("-")]
    excluded = [part[1:] for part in parts if part.startswith("-")]
    return listed or [present for present in available if not any(_means(part, present) for part in excluded)]


def device_config(
    device: str,
    available: Sequence[str],
    *,
    hint: str,
    streams: str = "",
    threads: int | None = None,
    requests: int | None = None,
    precision: str | None = None,
) -> dict[str, Any]:
    """OpenVINO's properties for compiling a network.

    Args:
        device: as `check_device` returns it.
        available: the devices of this machine.
        hint: "LATENCY" or "THROUGHPUT".
        streams: "", a number, or "<device>:<number>,…" for HETERO and AUTO.
        threads: of the CPU. None: OpenVINO decides.
        requests: how many are in flight at once. None: as many as the device recommends.
        precision: inference precision. None: f32 on CPU, the device's default elsewhere.

    Raises:
        OptionError: streams or threads do not go with the device.
    """
    config: dict[str, Any] = {"PERFORMANCE_HINT": hint}
    if requests is not None and hint == "THROUGHPUT":
        config["PERFORMANCE_HINT_NUM_REQUESTS"] = requests
    members = member_devices(device, available)
    counts = parse_streams(streams, members)
    of_device: dict[str, dict[str, Any]] = {
        name: {"NUM_STREAMS": counts[name]} if name in counts else {} for name in members
    }
    if "CPU" in of_device:
        of_device["CPU"] |= CPU_DEFAULTS
    if precision is not None:
        of_device = {
            name: properties | {"INFERENCE_PRECISION_HINT": precision} for name, properties in of_device.items()
        }
    if threads is not None:
        if "CPU" not in of_device:
            raise OptionError(f"{threads}, but device {device} does not use the CPU. Leave it out", "threads")
        of_device["CPU"] |= {"INFERENCE_NUM_THREADS": threads}
    if not device.startswith(("AUTO", "HETERO")):  # BATCH hands its own on to its one device
        return config | of_device[members[0]]
    return config | {"DEVICE_PROPERTIES": {name: properties for name, properties in of_device.items() if properties}}


def parse_streams(text: str, members: Sequence[str]) -> Mapping[str, int]:
    """Read how many streams each device gets. "GPU:2" is for GPU.0 and GPU.1 too.

    Args:
        text: "", "<n>" or "<device>:<n>,<device>:<n>".
        members: the plain devices of the run.

    Returns:
        Member -> number of streams.

    Raises:
        OptionError: `text` has another form, or names a device that is not a member.
    """
    if not text:
        return {}
    if re.fullmatch(r"[1-9]\d*", text):
        return dict.fromkeys(members, int(text))
    pairs = [re.fullmatch(r"([A-Za-z]+(?:\.\d+)?):([1-9]\d*)", part.strip()) for part in text.split(",")]
    if not all(pairs):
        raise OptionError(f'"{text}" is not a number of streams. Expected <n> or <device>:<n>,<device>:<n>', "streams")
    counts = {pair[1].upper(): int(pair[2]) for pair in pairs if pair}
    foreign = [name for name in counts if not any(_means(name, member) for member in members)]
    if foreign:
        raise OptionError(
            f'"{text}" names {", ".join(sorted(foreign))}, but the device is {", ".join(members)}', "streams"
        )
    return {member: count for name, count in counts.items() for member in members if _means(name, member)}


def _without_missing(device: str, available: Sequence[str]) -> str:
    """AUTO goes on with those devices of its list that this machine has, if it has one of them."""
    name, _, rest = device.partition(":")
    listed = rest.split(",")
    missing = [
        part
        for part in listed
        if part.split(".")[0] in KINDS and not any(_means(part, present) for present in available)
    ]
    left = [part for part in listed if part not in missing]
    if name != "AUTO" or not missing or not left:
        return device
    log.warning("%s: not on this machine. AUTO goes on with %s", ", ".join(missing), ", ".join(left))
    return f"{name}:{','.join(left)}"


def _means(name: str, device: str) -> bool:
    """Whether `name` stands for `device`: "GPU" for GPU.0 and GPU.1, "GPU.0" for a single "GPU" too."""
    return name in (device, device.split(".")[0]) or (name, device) == ("GPU.0", "GPU")
