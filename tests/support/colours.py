"""Videos whose planes are known number by number, with tags as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from background_subtraction.compositing.backgrounds import Unchanged
from background_subtraction.compositing.composite import CompositeFrame
from background_subtraction.sinks.base import Encoding, Output
from background_subtraction.sinks.outputs import Outputs
from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.open import open_source
from model_api.mattes.levels_matte import WholeMatte
from model_api.results import Result, StageTimes
from model_api.types import Size

Planes = Sequence[npt.NDArray[Any]]
RATE = Fraction(10)
TAGS = ("colorspace", "color_primaries", "color_trc", "color_range")
LOSSLESS = {"libx264": {"qp": "0"}, "libx265": {"x265-params": "log-level=error:lossless=1"}}


def write_planes(
    path: Path, frames: Iterable[Planes], pixel_format: str, codec: str = "libx264", *,
    tags: Mapping[str, int] | None = None, aspect: Fraction | None = None, matrix: Sequence[int] | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:  # fmt: skip
    """tags: names of TAGS and H.273's numbers. matrix: the display matrix. options: the encoder's."""
    with av.open(str(path), "w") as container:
        stream: Any = None
        for index, planes in enumerate(frames):
            height, width = planes[0].shape
            if stream is None:
                stream = container.add_stream(codec, rate=RATE, options=dict(options or LOSSLESS.get(codec, {})))
                stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
                for name, number in (tags or {}).items():
                    setattr(stream.codec_context, name, number)
                if aspect:
                    stream.codec_context.sample_aspect_ratio = aspect
                if matrix:
                    stream.set_display_matrix(matrix)
            frame = av.VideoFrame(width, height, pixel_format)
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.frombuffer(plane, values.dtype).reshape(-1, plane.line_size // values.itemsize)
                rows[: values.shape[0], : values.shape[1]] = values
            for name, number in (tags or {}).items():
                setattr(frame, name, number)
            frame.pts, frame.time_base = index, 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read_planes(path: Path) -> tuple[Planes, dict[str, int], tuple[int, Fraction]]:
    """The first frame's planes and tags, and the width of the picture and of its pixels."""
    with av.open(str(path)) as container:
        frame: Any = next(container.decode(video=0))
        aspect = container.streams.video[0].sample_aspect_ratio or Fraction(1)
        return planes_of(frame), {name: int(getattr(frame, name)) for name in TAGS}, (frame.width, aspect)


def planes_of(frame: Any) -> Planes:
    dtype = np.uint16 if frame.format.components[0].bits > 8 else np.uint8
    return [np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width].copy() for plane in frame.planes]


def pass_through(
    source_path: Path, path: Path, codec: str | None = None, *, view: str = "composite", resolution: Size | None = None
) -> Path:
    """As a run does whose network takes everything for the person."""
    encoding = Encoding(codec=codec, sound=False, resolution=resolution)
    hand_over(source_path, lambda source: Outputs((Output(path, view),), encoding, source))
    return path


def hand_over(source_path: Path, outputs_for: Callable[[SourceInfo], Outputs]) -> None:
    """The frames of a video to the outputs that are made for it."""
    with open_source(str(source_path)) as source:
        outputs, aspect = outputs_for(source.info), source.info.form.pixel_aspect
        outputs.check()
        with outputs:
            for frame in source:
                result = Result(frame, WholeMatte(frame.picture), StageTimes(0, 0, 0), 0.0)
                outputs.write(CompositeFrame(result, Unchanged(), aspect))


def bars(width: int, height: int, depth: int = 8, chroma: tuple[int, int] = (2, 2)) -> Planes:
    """Eight greys and eight colours of 8 bits, so far from the limits that they are colours in every matrix."""
    luma = np.repeat(np.linspace(60, 200, 8), width // 8)[np.newaxis].repeat(height, 0)
    u, v = (
        np.repeat(128 + sign * np.linspace(-16, 16, 8), width // 8)[np.newaxis].repeat(height, 0) for sign in (1, -1)
    )
    planes = [luma, u[:: chroma[1], :: chroma[0]], v[:: chroma[1], :: chroma[0]]]
    return [(np.rint(plane) * 2 ** (depth - 8)).astype(np.uint8 if depth == 8 else np.uint16) for plane in planes]
