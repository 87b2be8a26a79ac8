"""How far colours of outputs are from those of inputs: bars, ramps and a clip, by codec and by the input's colours.

    python -m benchmarks.colour_accuracy [--clip ../shared/media/juggle_720p.mp4]

The network takes the left half of each frame for the person, and the background is one colour, so that each pixel's
right value is known. Differences are of red, green and blue in 255ths, computed here by the formulas of ITU-T H.273,
not by the program: their mean, with its sign, and the largest of the mean over blocks of 8×8 pixels.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from background_subtraction import convert_video
from background_subtraction.options import Encoding
from background_subtraction.sinks.base import Quality

Image = npt.NDArray[np.float64]
SIZE, FRAMES, PASSES = (640, 720), 3, 5
BACKGROUND = (40, 160, 90)
"""Red, green, blue."""
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
EDGE_PX = 24
"""Pixels at the borders between person and background that are not compared."""


@dataclass(frozen=True)
class Colours:
    """How an input is made. matrix, primaries, transfer and range: H.273's numbers, 2 and 0 for untagged."""

    name: str
    matrix: int
    primaries: int
    transfer: int
    range: int
    depth: int = 8

    @property
    def meant(self) -> tuple[int, bool]:
        """The matrix and whether levels are full, untagged HD taken as players take it."""
        return (1 if self.matrix == 2 else self.matrix), self.range == 2


KINDS = (
    Colours("709", 1, 1, 1, 1), Colours("untagged", 2, 2, 2, 0), Colours("709 full", 1, 1, 1, 2),
    Colours("601", 5, 5, 6, 1), Colours("2020", 9, 9, 14, 1, 10),
)  # fmt: skip
OUTPUTS = {"h264": ".mp4", "hevc": ".mkv", "prores": ".mov", "ffv1": ".mkv"}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="a video to take frames from, too")
    clip = parser.parse_args().clip
    pictures = {"bars": [bars()] * FRAMES, "ramp": [ramp()] * FRAMES}
    if clip:
        pictures["clip"] = list(frames_of(clip))
    print("| input | colours | output | person: mean, largest | background: mean, largest |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        model = half(Path(folder) / "half.onnx")
        for name, images in pictures.items():
            for kind in KINDS:
                for codec, suffix in OUTPUTS.items():
                    deep = replace(kind, depth=10) if codec in ("hevc", "prores") else kind
                    _row(Path(folder), model, name, images, deep, codec, suffix, 1)
                _row(Path(folder), model, name, images, replace(kind, depth=8), "h264", ".mp4", PASSES)


def _row(
    folder: Path, model: Path, name: str, images: list[Image], kind: Colours, codec: str, suffix: str, passes: int
) -> None:
    source = write(folder / "input.mkv", images, kind)
    quality = Quality(crf=1) if codec in ("h264", "hevc") else Quality()
    for number in range(passes):
        target = folder / f"{number}{suffix}"
        convert_video(
            str(model), source if number == 0 else folder / f"{number - 1}{suffix}", output_composition=target,
            background="{},{},{}".format(*BACKGROUND), progress=False, encoding=Encoding(codec=codec, quality=quality),
        )  # fmt: skip
    before, after = next(shown(folder / "input.mkv", kind)), next(shown(target, kind))
    half_px = before.shape[1] // 2
    person, behind = slice(EDGE_PX, half_px - EDGE_PX), slice(half_px + EDGE_PX, -EDGE_PX)
    inside = _difference(after[:, person], before[:, person])
    right = _in_primaries(BACKGROUND, kind)
    outside = _difference(after[:, behind], np.broadcast_to(right[::-1], after[:, behind].shape))
    label = codec + (f", {passes} passes" if passes > 1 else "")
    print(f"| {name} | {kind.name}, {kind.depth} bits | {label} | {inside} | {outside} |", flush=True)


def _in_primaries(colour: tuple[int, int, int], kind: Colours) -> Image:
    """Red, green, blue of BT.709 as those of the input's primaries: ITU-R BT.2087's matrix, and BT.1886's gamma."""
    if kind.primaries != 9:
        return np.array(colour, np.float64)
    matrix = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    light = np.array(matrix) @ (np.array(colour) / 255) ** 2.4
    converted: Image = light ** (1 / 2.4) * 255
    return converted


def _difference(image: Image, right: Image) -> str:
    difference = image - right
    blocks = cv2.resize(difference, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    return f"{difference.mean():+.2f}, {np.abs(blocks).max():.2f}"


def bars() -> Image:
    """(H, W, 3) blue, green, red: bars of 75 % on both halves."""
    levels = [(b, g, r) for g in (191, 20) for r in (191, 20) for b in (191, 20)]
    row = np.repeat(np.array(levels * 2, np.float64), SIZE[0] // 16, axis=0)
    return np.repeat(row[np.newaxis], SIZE[1], axis=0)


def ramp() -> Image:
    """From black to white downwards, and of red, green and blue in columns."""
    image = np.linspace(0, 255, SIZE[1])[:, np.newaxis, np.newaxis].repeat(SIZE[0], 1).repeat(3, 2)
    for channel in range(3):
        image[:, 40 + 80 * channel : 80 + 80 * channel, np.arange(3) != channel] = 40
    return image


def frames_of(path: Path) -> Iterator[Image]:
    """The first frames of a clip as (H, W, 3) blue, green, red."""
    with av.open(str(path)) as container:
        for _, frame in zip(range(FRAMES), container.decode(video=0), strict=False):
            yield frame.to_ndarray(format="bgr24").astype(np.float64)


def write(path: Path, images: list[Image], kind: Colours) -> Path:
    """A lossless video of these images, 4:2:0."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=Fraction(10))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p" if kind.depth == 8 else "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries = kind.matrix, kind.primaries
        context.color_trc, context.color_range = kind.transfer, kind.range
        for image in images:
            frame = av.VideoFrame(stream.width, stream.height, stream.pix_fmt)
            for plane, values in zip(frame.planes, _planes(image, kind), strict=True):
                rows = np.frombuffer(plane, values.dtype).reshape(plane.height, -1)
                rows[:, : plane.width] = values
            frame.colorspace, frame.color_range = kind.matrix, kind.range
            frame.color_primaries, frame.color_trc = kind.primaries, kind.transfer
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _scale(kind: Colours, depth: int) -> tuple[float, float, float, float]:
    unit = 1 << (depth - 8)
    top = (1 << depth) - 1
    return (0, top, top, 128 * unit) if kind.meant[1] else (16 * unit, 219 * unit, 224 * unit, 128 * unit)


def _planes(image: Image, kind: Colours) -> list[npt.NDArray[Any]]:
    red_share, blue_share = WEIGHTS[kind.meant[0]]
    black, luma_span, chroma_span, neutral = _scale(kind, kind.depth)
    blue, green, red = (image[..., channel] / 255 for channel in range(3))
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    planes = [luma, (blue - luma) / (2 - 2 * blue_share), (red - luma) / (2 - 2 * red_share)]
    small = [cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for plane in planes[1:]]
    codes = [planes[0] * luma_span + black, *(plane * chroma_span + neutral for plane in small)]
    return [np.rint(plane).astype(np.uint8 if kind.depth == 8 else np.uint16) for plane in codes]


def shown(path: Path, kind: Colours) -> Iterator[Image]:
    """Frames as (H, W, 3) blue, green, red, by the tags of the file, or as players show it without."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.format.is_rgb:
                yield frame.to_ndarray(format="bgr24").astype(np.float64)
                continue
            matrix = int(frame.colorspace) if int(frame.colorspace) in WEIGHTS else kind.meant[0]
            said = replace(kind, matrix=matrix, range=int(frame.color_range))
            depth = frame.format.components[0].bits
            dtype = np.uint8 if depth == 8 else np.uint16
            planes = [
                np.frombuffer(p, dtype).reshape(p.height, -1)[:, : p.width].astype(np.float64) for p in frame.planes
            ]
            luma, u, v = (
                cv2.resize(p, (frame.width, frame.height), interpolation=cv2.INTER_NEAREST) for p in planes[:3]
            )
            yield _image(luma, u, v, said, depth)


def _image(luma: Image, u: Image, v: Image, kind: Colours, depth: int) -> Image:
    red_share, blue_share = WEIGHTS[kind.meant[0]]
    black, luma_span, chroma_span, neutral = _scale(kind, depth)
    y, cb, cr = (luma - black) / luma_span, (u - neutral) / chroma_span, (v - neutral) / chroma_span
    blue, red = y + (2 - 2 * blue_share) * cb, y + (2 - 2 * red_share) * cr
    green = (y - blue_share * blue - red_share * red) / (1 - red_share - blue_share)
    return np.clip(np.dstack([blue, green, red]), 0, 1) * 255


def half(path: Path) -> Path:
    """A network that takes the left half of every image for the person."""
    alpha = np.zeros((1, 1, 64, 64), np.float32)
    alpha[..., :32] = 1
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "alpha"], ["y"]),
    ]
    values = [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(alpha, "alpha")]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 64, 64])
    graph = helper.make_graph(nodes, "half", [x], [y], values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


if __name__ == "__main__":
    main()
