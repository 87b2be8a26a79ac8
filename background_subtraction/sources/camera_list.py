"""The cameras of this machine, by number, name and path where the system tells them."""

from __future__ import annotations

import os
import re
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from background_subtraction.sources.camera import gives_image

QUERY_CAPABILITIES = 0x80685600
"""VIDIOC_QUERYCAP of linux/videodev2.h."""
CAPABILITIES = struct.Struct("=16s32s32sIII12x")
"""Its struct v4l2_capability: driver, card, bus_info, version, capabilities, device_caps."""
CAPTURES = 0x1 | 0x1000
"""V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE."""
PROBED = 10
"""Numbers that are tried where the system has no list."""


@dataclass(frozen=True)
class CameraInfo:
    """A camera.

    Attributes:
        number: what `-i` takes.
        name: as the system has it, "" where it tells none.
        paths: what `-i` takes too. Those by its identity stay when it is plugged in elsewhere.
    """

    number: int
    name: str = ""
    paths: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "  ".join([f"-i {self.number}", *filter(None, [self.name]), *self.paths])


def cameras(system: Path = Path("/sys/class/video4linux"), devices: Path = Path("/dev")) -> list[CameraInfo]:
    """List the cameras of this machine.

    Args:
        system: where Linux lists them.
        devices: where their files are.
    """
    if sys.platform.startswith("linux"):
        return list(_video4linux(system, devices))
    return [CameraInfo(number) for number in range(PROBED) if gives_image(number)]


def _video4linux(system: Path, devices: Path) -> Iterator[CameraInfo]:
    """A camera has further files of metadata, which give no images."""
    numbers = [int(match[1]) for path in system.glob("video*") if (match := re.fullmatch(r"video(\d+)", path.name))]
    for number in sorted(numbers):
        path = devices / f"video{number}"
        if not _captures(path):
            continue
        name = ""
        with suppress(OSError):
            name = (system / path.name / "name").read_text(encoding="utf-8", errors="replace").strip()
        aliases = [alias for alias in sorted(devices.glob("v4l/by-id/*")) if os.path.realpath(alias) == str(path)]
        yield CameraInfo(number, name, tuple(map(str, [path, *aliases])))


def _captures(path: Path) -> bool:
    """Whether a device gives images. One that cannot be asked, as another program has it alone, may."""
    answer = bytearray(CAPABILITIES.size)
    try:
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return path.exists()
    try:
        import_module("fcntl").ioctl(device, QUERY_CAPABILITIES, answer)
    except OSError:
        return True
    finally:
        os.close(device)
    *_, device_capabilities = CAPABILITIES.unpack(answer)
    return bool(device_capabilities & CAPTURES)
