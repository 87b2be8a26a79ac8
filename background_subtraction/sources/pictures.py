"""What a decoder gives as pictures: its planes as they are, or BGR where they are of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import Picture
from model_api.pictures.yuv_image import CHROMA_STEPS, Plane, YuvImage, subsampling

PLANAR: Mapping[str, int] = {
    f"yuv{letter}{chroma}p{suffix}": depth
    for chroma in CHROMA_STEPS
    for letter, suffix, depth in (("", "", 8), ("j", "", 8), ("", "10le", 10), ("", "12le", 12))
}
"""FFmpeg's names of formats with three planes -> bits of a sample."""
INTERLEAVED = {"nv12": 8, "nv16": 8, "nv24": 8}
"""The same of formats with one plane for both of chroma."""
MATRICES = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
"""ITU-T H.273's numbers of matrices."""
FULL_RANGE = 2
HD_HEIGHT_PX = 720
"""From this height on untagged pictures are BT.709, below it BT.601, as players assume."""


def picture_of(frame: Any) -> Picture:
    """Take the picture out of an av.VideoFrame, upright.

    Its planes are views of the decoder's buffers, which live as long as they do.
    """
    turns = round(frame.rotation / 90) % 4
    planes = _planes(frame)
    if planes is not None and subsampling(*(_size(np.rot90(plane, turns)) for plane in planes[:2])):
        y, u, v = (_turned(plane, turns) for plane in planes)
        return YuvImage(y, u, v, _space(frame))
    return _turned(frame.to_ndarray(format="bgr24"), turns)


def _planes(frame: Any) -> tuple[Plane, Plane, Plane] | None:
    """Luma and both planes of chroma; None of formats that have something else."""
    name = frame.format.name
    if name in PLANAR:
        y, u, v = (_view(plane, PLANAR[name]) for plane in frame.planes)
        return y, u, v
    if name in INTERLEAVED:
        luma, both = frame.planes
        y = _view(luma, INTERLEAVED[name])
        chroma = np.frombuffer(both, y.dtype).reshape(both.height, -1)[:, : 2 * both.width]
        return y, np.ascontiguousarray(chroma[:, ::2]), np.ascontiguousarray(chroma[:, 1::2])
    return None


def _view(plane: Any, depth: int) -> Plane:
    samples = np.frombuffer(plane, np.uint8 if depth == 8 else np.uint16)
    view = samples.reshape(plane.height, -1)[:, : plane.width]
    view.flags.writeable = False
    return view


def _space(frame: Any) -> ColourSpace:
    name = frame.format.name
    untagged = "bt709" if frame.height >= HD_HEIGHT_PX else "bt601"
    matrix = MATRICES.get(int(frame.colorspace), untagged)
    full_range = int(frame.color_range) == FULL_RANGE or name.startswith("yuvj")
    return ColourSpace(matrix, full_range, PLANAR.get(name) or INTERLEAVED[name])


def _turned(plane: Plane, turns: int) -> Plane:
    """turns: by 90 degrees, counterclockwise."""
    return np.ascontiguousarray(np.rot90(plane, turns)) if turns else plane


def _size(plane: Plane) -> tuple[int, int]:
    return plane.shape[1], plane.shape[0]
