"""Videos that take a while to compute, and none to make."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def long_video(path: Path, frames: int, width: int = 320, height: int = 180) -> Path:
    """One grey JPEG, over and over."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        grey = av.VideoFrame.from_ndarray(np.full((height, width, 3), 90, np.uint8), format="bgr24")
        grey.pts = 0
        image = bytes([*stream.encode(grey), *stream.encode()][0])
        for number in range(frames):
            packet = av.Packet(image)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            out.mux(packet)
    return path
