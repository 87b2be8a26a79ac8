"""From a picture to an encoder's frame: which pixels and colours a file gets."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from background_subtraction.sinks.formats import Codec
from background_subtraction.sources.pictures import PLANAR, LightLevels, PictureForm
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.colour_tags import UNTAGGED, ColourTags, assumed_matrix, tags_of, written_tags
from model_api.pictures.picture import Picture, bgr_of, in_format
from model_api.pictures.yuv_image import Plane, YuvFormat, YuvImage, levels_of_depth, yuv_of, yuv_of_levels
from model_api.types import Image, Size

DEEP_FORMATS = {"libx265": "yuv420p10le", "libsvtav1": "yuv420p10le", "libvpx-vp9": "yuv420p10le"}
"""Encoder -> its format with 10 bits. H.264 has one that hardly any player takes."""
ASPECT_IN_STREAM = frozenset({"libx264", "libx265", "h264_qsv", "ffv1"})
ASPECT_IN_HEADER = frozenset({".mp4", ".mov", ".m4v"})
INTERLEAVED = {"nv12": "yuv420p"}
"""Formats with one plane for both of chroma -> the same with planes apart."""
PACKED: Mapping[str, Mapping[int, int | None]] = {
    "bgr0": {2: cv2.COLOR_GRAY2BGRA, 3: cv2.COLOR_BGR2BGRA, 4: None},
    "bgra": {2: cv2.COLOR_GRAY2BGRA, 3: cv2.COLOR_BGR2BGRA, 4: None},
    "rgb24": {2: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB},
    "rgba": {2: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA},
}
"""Formats in RGB -> channels of an image, 2 for grey without any -> OpenCV's conversion, faster than swscale."""
BY_CHANNELS = {2: "gray", 3: "bgr24", 4: "bgra"}
ALWAYS_LIMITED = frozenset({"prores_ks"})
"""Encoders whose files cannot say that levels are of the full range."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """How pictures are handed to an encoder.

    Attributes:
        pixel_format: FFmpeg's name.
        space: what planes stand for, None where the format is RGB.
        chroma: a name in `yuv_image.CHROMA_STEPS`.
        tags: what the file says about its colours.
    """

    pixel_format: str
    space: ColourSpace | None = None
    chroma: str = "420"
    tags: ColourTags = UNTAGGED

    def label(self, context: Any) -> None:
        """Tell the encoder what the colours are."""
        if self.space is None:
            return
        context.colorspace, context.color_range = self.tags.matrix, self.tags.range
        context.color_primaries, context.color_trc = self.tags.primaries, self.tags.transfer

    def frame_of(self, picture: Picture) -> Any:
        """Make an av.VideoFrame.

        Args:
            picture: planes, or uint8 (H, W, 3) BGR, (H, W, 4) BGRA or (H, W) grey.
        """
        if self.space is None:
            return _rgb_frame(bgr_of(picture), self.pixel_format)
        planes = _in_planes(picture, YuvFormat(self.space, self.chroma))
        height, width = planes.y.shape
        frame = av.VideoFrame(width, height, self.pixel_format)
        samples: list[Plane] = [*planes.planes]
        if self.pixel_format in INTERLEAVED:
            samples[1:] = [cv2.merge(samples[1:]).reshape(planes.u.shape[0], -1)]
        if len(frame.planes) > len(samples):
            alpha = np.full((height, width), 255, np.uint8) if planes.alpha is None else planes.alpha
            samples.append(levels_of_depth(alpha, self.space.depth))
        for plane, values in zip(frame.planes, samples, strict=True):
            _fill(plane, values)
        frame.colorspace, frame.color_range = self.tags.matrix, self.tags.range
        frame.color_primaries, frame.color_trc = self.tags.primaries, self.tags.transfer
        return frame


def target_of(codec: Codec, pixel_format: str, form: PictureForm, size: Size, *, colours: bool) -> Target:
    """Decide what a file holds: the source's own bits and colours where the codec can, else the nearest.

    Args:
        codec: how it is encoded.
        pixel_format: the codec's, with or without alpha.
        form: what the source's pictures are.
        size: (width, height) of the file.
        colours: whether pictures have colours; levels of alpha have none, and are SDR.
    """
    own = form.space if colours else None
    if codec.keeps_planes and own is not None:
        letter = "a" if pixel_format == codec.alpha_format else ""
        same_planes = f"yuv{letter}{form.chroma}p" + (f"{own.depth}le" if own.depth > 8 else "")
        pixel_format = same_planes if _encodes(codec.encoder, same_planes) else pixel_format
    if pixel_format in INTERLEAVED:
        planar = target_of(codec, INTERLEAVED[pixel_format], form, size, colours=colours)
        return replace(planar, pixel_format=pixel_format)
    if PLANAR.match(pixel_format) is None:
        return Target(pixel_format)
    deep = DEEP_FORMATS.get(codec.encoder)
    if own is not None and own.depth > 8 and deep and "a" not in pixel_format and _encodes(codec.encoder, deep):
        pixel_format = deep
    match = PLANAR.match(pixel_format)
    assert match is not None
    depth, chroma = int(match["depth"] or 8), match["chroma"]
    if codec.full_range:
        space = ColourSpace("bt601", full_range=True)
    elif own is None:
        space = ColourSpace(assumed_matrix(size), depth=depth)
    elif own.hdr and depth == 8:
        space = ColourSpace(assumed_matrix(size))
    else:
        full = own.full_range and codec.encoder not in ALWAYS_LIMITED
        space = replace(own, depth=depth, full_range=full)
    same = own is not None and replace(space, depth=own.depth) == own
    tags = written_tags(form.tags, space, size) if same else tags_of(space)
    return Target(pixel_format, space, chroma, tags)


def says_aspect(path: Path, codec: Codec) -> bool:
    """Whether a file can say that its pixels are not square: in the stream, or in QuickTime's and MP4's header."""
    return codec.encoder in ASPECT_IN_STREAM or path.suffix.lower() in ASPECT_IN_HEADER


def warn_of_tone_mapping(path: Path, form: PictureForm, target: Target) -> None:
    """Say in one line that HDR becomes SDR."""
    if form.space is not None and form.space.hdr and (target.space is None or not target.space.hdr):
        log.warning(
            "%s: the input is HDR (%s) and this file is SDR: tone-mapped, 203 cd/m² to 249 of 255, 1000 to white. "
            "The codecs hevc, av1 and prores keep HDR", path, form.space.transfer.upper(),
        )  # fmt: skip


def with_light(options: Mapping[str, str], encoder: str, target: Target, light: LightLevels | None) -> dict[str, str]:
    """Add HDR10's metadata to the options of an encoder."""
    hdr = target.space is not None and target.space.hdr
    return joined_options(options, light_options(encoder, light) if hdr else {})


def joined_options(options: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Options of an encoder, and more. Those that hold a list get the entries of both."""
    joined = {name: f"{options[name]}:{more[name]}" for name in more if name in options and name.endswith("-params")}
    return {**options, **more, **joined}


def light_options(encoder: str, light: LightLevels | None) -> dict[str, str]:
    """HDR10's metadata as options of x265 and of SVT-AV1."""
    if light is None or encoder not in ("libx265", "libsvtav1"):
        return {}
    options = []
    hevc = encoder == "libx265"
    if light.primaries and light.luminance_nits:
        xy, nits = (50_000, 10_000) if hevc else (1, 1)
        red, green, blue, white = (",".join(_number(n * xy) for n in light.primaries[i : i + 2]) for i in (0, 2, 4, 6))
        darkest, brightest = (_number(n * nits) for n in light.luminance_nits)
        screen = f"G({green})B({blue})R({red})WP({white})L({brightest},{darkest})"
        options.append(f"{'master-display' if hevc else 'mastering-display'}={screen}")
    if light.content_nits:
        options.append(f"{'max-cll' if hevc else 'content-light'}={light.content_nits[0]},{light.content_nits[1]}")
    return {"x265-params" if hevc else "svtav1-params": ":".join(options)} if options else {}


def _number(value: float) -> str:
    return f"{round(value, 4):.10g}"


@cache
def _encodes(encoder: str, pixel_format: str) -> bool:
    return any(known.name == pixel_format for known in av.Codec(encoder, "w").video_formats or ())


def _in_planes(picture: Picture, wanted: YuvFormat) -> YuvImage:
    """picture: planes, or (H, W, 3) BGR, (H, W, 4) BGRA or (H, W) grey."""
    if not isinstance(picture, YuvImage):
        if picture.ndim == 2:
            return yuv_of_levels(picture, wanted)
        alpha = cv2.extractChannel(picture, 3) if picture.shape[2] == 4 else None
        return yuv_of(np.ascontiguousarray(picture[..., :3]), wanted, alpha)
    planes = in_format(picture, wanted)
    assert isinstance(planes, YuvImage)
    return planes


def _rgb_frame(image: Image, pixel_format: str) -> Any:
    channels = image.ndim if image.ndim == 2 else image.shape[2]
    if pixel_format not in PACKED:
        # Not copied: images are read-only, and this one is converted to the codec's colours at once.
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format=BY_CHANNELS[channels])
        return frame.reformat(format=pixel_format)
    code = PACKED[pixel_format][channels]
    converted = image if code is None else cv2.cvtColor(image, code)
    frame = av.VideoFrame(image.shape[1], image.shape[0], pixel_format)
    _fill(frame.planes[0], converted.reshape(image.shape[0], -1))
    return frame


def _fill(plane: Any, values: Plane) -> None:
    row = plane.line_size // values.itemsize
    np.frombuffer(plane, values.dtype).reshape(-1, row)[: values.shape[0], : values.shape[1]] = values
