"""How pictures become what an encoder takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import av
import cv2
import numpy as np

from background_subtraction.sinks.formats import VideoFormat
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import Picture, bgr_of, format_of
from model_api.pictures.yuv_image import (
    CHROMA_STEPS,
    Plane,
    YuvFormat,
    YuvImage,
    levels_of_depth,
    yuv_of,
    yuv_of_levels,
)
from model_api.resize import fit_to_window_letterbox
from model_api.types import Image, Size

HD_HEIGHT_PX = 720
"""From this height on colours are BT.709, below it BT.601, as players assume."""
NUMBERS = {"bt601": (6, 6, 6), "bt709": (1, 1, 1), "bt2020": (9, 9, 14)}
"""Matrix -> ITU-T H.273's numbers of matrix, primaries and transfer."""
LIMITED, FULL = 1, 2

PLANAR: Mapping[str, tuple[str, int]] = {
    f"yuv{letter}{chroma}p{suffix}": (chroma, depth)
    for chroma in CHROMA_STEPS
    for letter in ("", "a")
    for suffix, depth in (("", 8), ("10le", 10), ("12le", 12))
}
"""FFmpeg's names of formats in planes -> subsampling, and bits of a sample."""
INTERLEAVED: Mapping[str, tuple[str, int]] = {"nv12": ("420", 8)}
"""The same of formats with one plane for both of chroma."""
FORMATS = {**PLANAR, **INTERLEAVED, "yuvj420p": ("420", 8)}
PACKED: Mapping[str, Mapping[int, int | None]] = {
    "bgr0": {2: cv2.COLOR_GRAY2BGRA, 3: cv2.COLOR_BGR2BGRA, 4: None},
    "bgra": {2: cv2.COLOR_GRAY2BGRA, 3: cv2.COLOR_BGR2BGRA, 4: None},
    "rgb24": {2: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB},
    "rgba": {2: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA},
}
"""The same of formats in RGB -> channels of an image, 2 for grey without any -> OpenCV's conversion."""
BY_CHANNELS = {2: "gray", 3: "bgr24", 4: "bgra"}


@dataclass(frozen=True)
class EncoderFormat:
    """What an encoder takes.

    Attributes:
        pixel_format: FFmpeg's name.
        size: (width, height) in pixels.
        planes: how pictures are stored in planes; None for RGB.
    """

    pixel_format: str
    size: Size
    planes: YuvFormat | None

    def label(self, context: Any) -> None:
        """Say in the stream what the numbers of its pixels mean."""
        if self.planes:
            space = self.planes.space
            context.colorspace, context.color_primaries, context.color_trc = NUMBERS[space.matrix]
            context.color_range = FULL if space.full_range else LIMITED

    def frame_of(self, picture: Picture) -> Any:
        """Make an av.VideoFrame of a picture: planes, (H, W, 3) BGR, (H, W, 4) BGRA or (H, W) grey."""
        if self.planes:
            return _planar(_in_planes(picture, self.planes, self.size), self)
        return _packed(_of_size(bgr_of(picture), self.size), self.pixel_format)


def encoder_format(format_: VideoFormat, picture: Picture, size: Size) -> EncoderFormat:
    """Choose what an encoder gets, by the first picture: its own matrix and range where it has them.

    Args:
        format_: codec and pixel format.
        picture: the first picture.
        size: (width, height) of the video in pixels.
    """
    own = format_of(picture)
    if own and format_.codec.keeps_planes:
        return EncoderFormat(_name(own, alpha=_has_alpha(format_)), size, own)
    if format_.pixel_format not in FORMATS:
        return EncoderFormat(format_.pixel_format, size, None)
    chroma, depth = FORMATS[format_.pixel_format]
    if format_.codec.full_range:
        space = ColourSpace("bt601", full_range=True)
    elif own:
        space = own.space
    else:
        space = ColourSpace("bt709" if size[1] >= HD_HEIGHT_PX else "bt601")
    return EncoderFormat(format_.pixel_format, size, YuvFormat(replace(space, depth=depth), chroma))


def takes(format_: VideoFormat, planes: YuvFormat) -> bool:
    """Whether an encoder takes planes: in their own format, or in another of the same matrix and transfer."""
    if format_.codec.keeps_planes:
        return _name(planes, alpha=_has_alpha(format_)) in _names(format_.codec.encoder)
    return format_.pixel_format in FORMATS and planes.space.transfer == "sdr"


def _has_alpha(format_: VideoFormat) -> bool:
    return format_.pixel_format == format_.codec.alpha_format


def _name(planes: YuvFormat, *, alpha: bool) -> str:
    wanted = (planes.chroma, planes.space.depth)
    names = (name for name, stored in PLANAR.items() if stored == wanted and name.startswith("yuva") == alpha)
    return next(names, "")


@cache
def _names(encoder: str) -> frozenset[str]:
    """The pixel formats of an encoder."""
    return frozenset(known.name for known in av.Codec(encoder, "w").video_formats or ())


def _in_planes(picture: Picture, planes: YuvFormat, size: Size) -> YuvImage:
    if isinstance(picture, YuvImage):
        missing = size[0] - picture.size[0], size[1] - picture.size[1]
        if all(0 <= pixels <= 1 for pixels in missing):  # the edge is repeated when the planes are copied
            return picture.in_format(planes)
        picture = picture.bgr
    image = _of_size(picture, size)
    if image.ndim == 2:
        return yuv_of_levels(image, planes)
    if image.shape[2] == 4:
        return yuv_of(cv2.cvtColor(image, cv2.COLOR_BGRA2BGR), planes, cv2.extractChannel(image, 3))
    return yuv_of(image, planes)


def _planar(image: YuvImage, wanted: EncoderFormat) -> Any:
    frame = av.VideoFrame(*wanted.size, wanted.pixel_format)
    frame.color_range = FULL if image.space.full_range else LIMITED
    frame.colorspace = NUMBERS[image.space.matrix][0]
    planes: list[Plane] = [*image.planes]
    if wanted.pixel_format in INTERLEAVED:
        planes = [image.y, cv2.merge([image.u, image.v]).reshape(image.u.shape[0], -1)]
    if len(frame.planes) > len(planes):
        alpha = np.full(image.y.shape, 255, np.uint8) if image.alpha is None else image.alpha
        planes.append(levels_of_depth(alpha, image.space.depth))
    for plane, samples in zip(frame.planes, planes, strict=True):
        _fill(plane, samples)
    return frame


def _packed(image: Image, pixel_format: str) -> Any:
    channels = image.ndim if image.ndim == 2 else image.shape[2]
    if pixel_format not in PACKED:
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format=BY_CHANNELS[channels])
        return frame.reformat(format=pixel_format)
    code = PACKED[pixel_format][channels]
    converted = image if code is None else cv2.cvtColor(image, code)
    frame = av.VideoFrame(image.shape[1], image.shape[0], pixel_format)
    _fill(frame.planes[0], converted.reshape(image.shape[0], -1))
    return frame


def _fill(plane: Any, samples: Plane) -> None:
    """Copy into a plane of the encoder's frame. The edge is repeated where the plane is larger."""
    target = np.frombuffer(plane, samples.dtype).reshape(plane.height, -1)
    height, width = samples.shape
    target[:height, :width] = samples
    target[:height, width:] = target[:height, width - 1 : width]
    target[height:] = target[height - 1]


def _of_size(image: Image, size: Size) -> Image:
    """Up to a pixel is added by repeating the edge; any other size is fitted with empty bars."""
    missing_x, missing_y = size[0] - image.shape[1], size[1] - image.shape[0]
    if (missing_x, missing_y) == (0, 0):
        return image
    if 0 <= missing_x <= 1 and 0 <= missing_y <= 1:
        return cv2.copyMakeBorder(image, 0, missing_y, 0, missing_x, cv2.BORDER_REPLICATE)
    return fit_to_window_letterbox((image.shape[1], image.shape[0]), size).apply(image)
