"""From a decoder's frame to a picture: its planes as they are, and what their numbers mean."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData

from background_subtraction.sources.orientation import Orientation, orientation_of, side_data
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.colour_tags import CODE_OF, FULL, UNTAGGED, ColourTags
from model_api.pictures.picture import Picture, size_of
from model_api.pictures.yuv_image import Plane, YuvImage, subsampling
from model_api.types import Image, Size

PLANAR = re.compile(r"yuv(?P<alpha>a?)j?(?P<chroma>420|422|444|440|411)p(?P<depth>\d\d?)?(le)?$")
"""FFmpeg's names of formats whose planes can be taken as they are."""
FULL_RANGE_NAME = "yuvj"
BGR_OF = {
    "rgb24": cv2.COLOR_RGB2BGR, "bgr0": cv2.COLOR_BGRA2BGR, "rgb0": cv2.COLOR_RGBA2BGR, "rgba": cv2.COLOR_RGBA2BGRA,
}  # fmt: skip
"""Packed formats that OpenCV converts, faster than swscale."""
INTERLEAVED = frozenset({"nv12", "nv16", "nv24"})
"""Formats with one plane for both of chroma, in 8 bits."""
WIDEST_PIXEL = 8
"""By height. The widest that are in use are 2."""
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoder -> the one that decodes alpha."""


@dataclass(frozen=True)
class LightLevels:
    """HDR10's static metadata (SMPTE ST 2086, CTA-861.3).

    Attributes:
        primaries: x and y of red, green and blue, then of white. None: unknown.
        luminance_nits: the darkest and the brightest the screen shows. None: unknown.
        content_nits: the brightest pixel, and the brightest frame's mean. None: unknown.
    """

    primaries: tuple[float, ...] | None = None
    luminance_nits: tuple[float, float] | None = None
    content_nits: tuple[int, int] | None = None


@dataclass(frozen=True)
class PictureForm:
    """What the pictures of a source are, for outputs that are to be like them.

    Attributes:
        tags: what the file says about its colours.
        space: what planes stand for, None for BGR.
        chroma: a name in `yuv_image.CHROMA_STEPS`.
        pixel_aspect: the width of a pixel by its height, once the picture is upright.
        light: of HDR10, the screen that it was mastered on and how bright it gets.
    """

    tags: ColourTags = UNTAGGED
    space: ColourSpace | None = None
    chroma: str = "444"
    pixel_aspect: Fraction = Fraction(1)
    light: LightLevels | None = None


BGR_FORM = PictureForm()


def tags_of_frame(frame: Any) -> ColourTags:
    """What a frame says about its colours."""
    full = frame.format.name.startswith(FULL_RANGE_NAME)
    return ColourTags(
        int(frame.colorspace),
        int(frame.color_primaries),
        int(frame.color_trc),
        FULL if full else int(frame.color_range),
    )


def alpha_decoder(stream: Any) -> Any:
    """A decoder that gives the alpha of VP8 and VP9 too: libvpx's. None where the stream's own is right.

    Args:
        stream: an av.VideoStream.
    """
    name = ALPHA_DECODERS.get(stream.codec_context.name) if stream.metadata.get("alpha_mode") == "1" else None
    return av.CodecContext.create(name, "r") if name else None


def picture_of(frame: Any) -> Picture:
    """Take the pixels of a frame, turned upright.

    Args:
        frame: an av.VideoFrame.

    Returns:
        Planes; for RGB (H, W, 3) uint8 BGR, and (H, W, 4) BGRA with straight alpha for formats that have alpha. The
        arrays may be the frame's own memory.
    """
    upright = orientation_of(frame)
    if frame.format.is_rgb or frame.format.has_palette or frame.format.is_bayer:
        return upright.apply(_packed(frame))
    name, tags = frame.format.name, tags_of_frame(frame)
    if name in INTERLEAVED:
        return _upright_planes(_parted_planes(frame, tags), upright)
    match = PLANAR.match(name)
    if match is None:
        frame = _nearest_planar(frame, tags)
        match = PLANAR.match(frame.format.name)
        assert match is not None, frame.format.name
    space = tags.space((frame.width, frame.height), int(match["depth"] or 8))
    y, u, v, *opacity = (_plane(frame, index) for index in range(len(frame.planes)))
    picture = _upright_planes(YuvImage(y, u, v, space), upright)
    if not opacity:
        return picture
    levels = cv2.convertScaleAbs(upright.apply(opacity[0]), alpha=255 / ((1 << space.depth) - 1))
    return cv2.merge([*cv2.split(picture.bgr), levels])


def _upright_planes(picture: YuvImage, upright: Orientation) -> YuvImage:
    y, u, v = (upright.apply(plane) for plane in picture.planes)
    size = y.shape[1], y.shape[0]
    if subsampling(size, (u.shape[1], u.shape[0])) is None:  # such as 4:1:1 on its side, which nothing takes
        u, v = (cv2.resize(plane, size) for plane in (u, v))
    return YuvImage(y, u, v, picture.space)


def _parted_planes(frame: Any, tags: ColourTags) -> YuvImage:
    u, v = cv2.split(_plane(frame, 1, 2))
    return YuvImage(_plane(frame, 0), u, v, tags.space((frame.width, frame.height)))


def _packed(frame: Any) -> Image:
    """(H, W, 3) BGR or (H, W, 4) BGRA of RGB, palettes and raw sensors."""
    name = frame.format.name
    alpha = frame.format.has_palette or any(component.is_alpha for component in frame.format.components)
    if name in BGR_OF:
        channels = 3 if name == "rgb24" else 4
        return cv2.cvtColor(_plane(frame, 0, channels), BGR_OF[name])
    if name in ("bgr24", "bgra"):
        return _plane(frame, 0, len(name) - (name == "bgr24") * 2)
    _neutralize(frame)
    image: Image = frame.to_ndarray(format="bgra" if alpha else "bgr24")
    if alpha and frame.format.has_palette and int(image[..., 3].min()) == 255:
        return np.ascontiguousarray(image[..., :3])
    return image


def _nearest_planar(frame: Any, tags: ColourTags) -> Any:
    """Other formats, by swscale, with the numbers kept: interleaved, big-endian, grey, 4:1:1, of uneven bits."""
    components = frame.format.components
    bits = max(component.bits for component in components)
    depth = next((known for known in (8, 10, 12, 16) if bits <= known), 16)
    wide = [c.width for c in components if c.is_chroma]
    chroma = "444"
    if wide and wide[0] * 2 == frame.width + frame.width % 2:
        high = next(c.height for c in components if c.is_chroma)
        chroma = "422" if high == frame.height else "420"
    alpha = "a" if any(component.is_alpha for component in components) else ""
    target = f"yuv{alpha}{chroma}p" + (f"{depth}le" if depth > 8 else "")
    _neutralize(frame)
    full = FULL if tags.range == FULL else 1
    return frame.reformat(format=target, src_color_range=full, dst_color_range=full)


def _neutralize(frame: Any) -> None:
    """Swscale refuses matrices that it does not know."""
    frame.colorspace = CODE_OF[tags_of_frame(frame).space((frame.width, frame.height)).matrix]


def _plane(frame: Any, index: int, channels: int = 1) -> Plane:
    """(H, W) or (H, W, channels) of a plane's own memory."""
    plane = frame.planes[index]
    wide = frame.format.components[0].bits > 8
    row = abs(plane.line_size)
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, row)[:, : plane.width * channels * (1 + wide)]
    pixels: Any = rows.view(np.uint16) if wide else rows
    if plane.line_size < 0:  # stored from the bottom up
        pixels = np.ascontiguousarray(pixels[::-1])
    return pixels if channels == 1 else pixels.reshape(plane.height, plane.width, channels)


def form_of(frame: Any, picture: Picture, pixel_aspect: Fraction | None, resized: Size | None) -> PictureForm:
    """What a frame and its picture are.

    Args:
        frame: an av.VideoFrame.
        picture: what `picture_of` made of it.
        pixel_aspect: the stream's, None where it says nothing.
        resized: the (width, height) that pictures are resized to, None for their own. They look as before, so that
            720×576 with pixels of 64:45 becomes 1024×576 with square ones.
    """
    aspect = orientation_of(frame).aspect(believed(pixel_aspect))
    if resized and aspect != 1:
        width, height = size_of(picture)
        aspect *= Fraction(width * resized[1], height * resized[0])
    if not isinstance(picture, YuvImage):
        return PictureForm(pixel_aspect=aspect)
    return PictureForm(tags_of_frame(frame), picture.space, picture.format.chroma, aspect, light_levels_of(frame))


def believed(pixel_aspect: Fraction | None) -> Fraction:
    """A pixel's width by its height; 1 where the file says nothing, or what would need millions of square pixels."""
    return pixel_aspect if pixel_aspect and 1 / WIDEST_PIXEL <= pixel_aspect <= WIDEST_PIXEL else Fraction(1)


def light_levels_of(frame: Any) -> LightLevels | None:
    """Read HDR10's metadata: FFmpeg's AVMasteringDisplayMetadata and AVContentLightMetadata."""
    screen, content = (
        side_data(frame, kind) for kind in (SideData.MASTERING_DISPLAY_METADATA, SideData.CONTENT_LIGHT_LEVEL)
    )
    if screen is None and content is None:
        return None
    primaries = luminance = None
    if screen is not None:
        numbers = struct.unpack("=22i", bytes(screen)[:88])
        ratios = [top / (bottom or 1) for top, bottom in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
        primaries = tuple(ratios[:8]) if numbers[20] else None
        luminance = (ratios[8], ratios[9]) if numbers[21] else None
    brightest = struct.unpack("=2I", bytes(content)[:8]) if content is not None else None
    return LightLevels(primaries, luminance, (brightest[0], brightest[1]) if brightest else None)
