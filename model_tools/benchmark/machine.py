"""The machine that a benchmark ran on, in words and figures."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import openvino as ov

from model_api.adapters.cores import cores

INSTRUCTION_SETS = (
    "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
)  # fmt: skip
"""Those that decide how fast OpenVINO computes, as Linux names them."""

GIGA = 1e9


@dataclass(frozen=True)
class Machine:
    """The machine that a benchmark ran on.

    Attributes:
        devices: OpenVINO's name -> the hardware's.
        cores: Of the CPU. None: the system does not say.
        threads: Those that this process may use at once.
        instruction_sets: See INSTRUCTION_SETS. Empty: the system does not say.
        memory_gb: None: the system does not say.
        load: Programs that were running or waiting, as a mean over the last minute. None: the system does not say.
        system: Name and version.
        python: Version.
        openvino: Version.
    """

    devices: Mapping[str, str]
    cores: int | None
    threads: int
    instruction_sets: tuple[str, ...]
    memory_gb: float | None
    load: float | None
    system: str
    python: str
    openvino: str

    def lines(self) -> list[str]:
        """The machine in words, for people."""
        cores = f"{self.cores} cores, " if self.cores else ""
        memory = f", {self.memory_gb:.1f} GB of memory" if self.memory_gb else ""
        sets = f", {' '.join(self.instruction_sets)}" if self.instruction_sets else ""
        load = f", load {self.load:.1f} before" if self.load is not None else ""
        return [
            *(f"{device}: {name}" for device, name in self.devices.items()),
            f"{cores}{self.threads} threads{sets}{memory}{load}",
            f"{self.system}, Python {self.python}, OpenVINO {self.openvino}",
        ]


def this_machine() -> Machine:
    """Describe the machine that this process runs on."""
    core = ov.Core()
    file = Path("/proc/cpuinfo")
    cpuinfo = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    return Machine(
        {device: core.get_property(device, "FULL_DEVICE_NAME").strip() for device in core.available_devices},
        _cores(cpuinfo),
        cores(),
        _instruction_sets(cpuinfo),
        _memory_gb(),
        os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        platform.platform(),
        platform.python_version(),
        ov.get_version(),
    )


def _cores(cpuinfo: str) -> int | None:
    pairs = re.findall(r"^physical id\s*: (\d+)$.*?^core id\s*: (\d+)$", cpuinfo, re.DOTALL | re.MULTILINE)
    return len(set(pairs)) or None


def _instruction_sets(cpuinfo: str) -> tuple[str, ...]:
    match = re.search(r"^flags\s*: (.*)$", cpuinfo, re.MULTILINE)
    flags = set(match[1].split()) if match else set()
    return tuple(name for name in INSTRUCTION_SETS if name in flags)


def _memory_gb() -> float | None:
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIGA
