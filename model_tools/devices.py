"""Which devices of this machine run a model, how fast, and how far their alphas are from the CPU's."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import cv2
import numpy as np
import openvino as ov
from openvino import opset13 as ops

from background_subtraction.cli.model_arguments import model_file
from model_api import AsyncPipeline, Frame, create_model
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.errors import DeviceError, InferenceError, ShapeError
from model_api.graph.loading import reason
from model_api.preprocessing import ZERO_TO_ONE
from model_api.terminal.foreign_text import printable
from model_api.types import Alpha, Image, Size
from model_tools.reporting.quiet import quiet

FAILURES = (DeviceError, InferenceError, ShapeError, RuntimeError)
FRAMES = 5
FRAME_WH = 640, 360
"""For networks that take any size."""

TEST_WH = 320, 192
CHANNELS = 16


@dataclass(frozen=True, eq=False)
class Measured:
    """How a device runs a model.

    Attributes:
        compiled_s: From the file to a network that is ready.
        inference_s: Of each frame, one at a time.
        alphas: Of each frame.
    """

    compiled_s: float
    inference_s: list[float]
    alphas: list[Alpha]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    parser.add_argument(
        "-m",
        "--model",
        type=model_file,
        help="The network to run: a file, or a bundled model's name. Default: a small one with random weights.",
    )
    parser.add_argument(
        "-d",
        "--device",
        nargs="+",
        metavar="DEVICE",
        help="CPU, GPU, NPU, AUTO, HETERO:GPU,CPU, … Default: every device of this machine, then AUTO and HETERO of "
        "all.",
    )


def run(args: argparse.Namespace) -> None:
    """Print a row for each device. Raises DeviceError at the end if one that was asked for, or a plain one, failed."""
    core = ov.Core()
    plain = list(core.available_devices)
    devices = args.device or [*plain, "AUTO", f"HETERO:{','.join(plain)}"]
    width = max(map(len, devices))
    with network_file(args.model) as path, quiet("model_api"):  # its lines would break the table
        expected = alphas_of_cpu(path)
        print(f"{'device':<{width}}  compiled s  inference ms  alpha off by  name")
        failed = []
        for device in devices:
            works, text = row(core, path, device, expected)
            print(printable(f"{device:<{width}}  {text}"), flush=True)
            failed += [] if works else [device]
    grave = [device for device in failed if args.device or device in plain]
    if grave:
        raise DeviceError(f"{len(grave)} of {len(devices)} devices failed: {', '.join(grave)}")


def alphas_of_cpu(path: Path) -> list[Alpha] | None:
    """None if the CPU does not run it. Raises ModelFileError or ModelContractError for what no device could run."""
    try:
        return measure(path, "CPU").alphas
    except FAILURES:
        return None


def row(core: ov.Core, path: Path, device: str, expected: Sequence[Alpha] | None) -> tuple[bool, str]:
    """Whether the device works, and its line of the table."""
    try:
        measured = measure(path, device)
    except FAILURES as error:
        return False, f"failed: {reason(error)}"
    name = core.get_property(device, "FULL_DEVICE_NAME") if device in core.available_devices else ""
    off_by = "unknown" if expected is None else f"{difference(measured.alphas, expected):.2g}"
    return (
        True,
        f"{measured.compiled_s:>10.2f}  {median(measured.inference_s) * 1000:>12.1f}  {off_by:>12}  {name}".rstrip(),
    )


def difference(alphas: Sequence[Alpha], others: Sequence[Alpha]) -> float:
    """The largest, in 0..1."""
    return max(float(np.abs(alpha - other).max()) for alpha, other in zip(alphas, others, strict=True))


def measure(path: Path, device: str) -> Measured:
    """Raises DeviceError, InferenceError, ShapeError, or what OpenVINO raises on hardware that breaks down."""
    started_s = perf_counter()
    with create_model(path, device, inference=InferenceOptions(requests=1)) as model:
        size = model.input_size(FRAME_WH)
        model.compile_for(size)
        compiled_s = perf_counter() - started_s
        plate = picture(size, 0)
        frames = (Frame(index, picture(size, 1 + index), clean_plate=plate) for index in range(FRAMES))
        results = list(AsyncPipeline(model).run(frames))
    alphas = [result.matte.alpha for result in results]
    if model.faults.count:
        raise InferenceError(f"Device {device} answers alphas that are not numbers")
    return Measured(compiled_s, [result.times.inference_s for result in results], alphas)


def picture(size: Size, seed: int) -> Image:
    """(H, W, 3) uint8 BGR clouds of colour, the same for the same seed."""
    dots = np.random.default_rng(seed).integers(0, 256, (6, 10, 3), np.uint8)
    return np.asarray(cv2.resize(dots, size, interpolation=cv2.INTER_CUBIC), np.uint8)


@contextmanager
def network_file(path: Path | None) -> Iterator[Path]:
    """`path`, else a small portrait network that lasts as long as the context."""
    if path is not None:
        yield path
        return
    with TemporaryDirectory(prefix="devices-") as folder:
        made = Path(folder) / "small.xml"
        ov.save_model(small_network(), made, compress_to_fp16=False)
        yield made


def small_network() -> ov.Model:
    """1×3×192×320 RGB in [0, 1] -> alpha of the same size: what matting networks are made of, with random weights."""
    random = np.random.default_rng(0)

    def weights(*shape: int, gain: float = 2.0) -> ov.Node:
        spread = np.sqrt(gain / np.prod(shape[1:]))
        return ops.constant(random.normal(0, spread, shape).astype(np.float32))

    width, height = TEST_WH
    image = ops.parameter([1, 3, height, width], np.float32, "image")
    sides = {"strides": [1, 1], "pads_begin": [1, 1], "pads_end": [1, 1], "dilations": [1, 1]}
    halved = ops.relu(ops.convolution(image, weights(CHANNELS, 3, 3, 3), **{**sides, "strides": [2, 2]}))
    each = ops.group_convolution(halved, weights(CHANNELS, 1, 1, 3, 3), **sides)
    mixed = ops.relu(ops.convolution(each, weights(CHANNELS, CHANNELS, 3, 3), **sides))
    whole = ops.interpolate(mixed, [height, width], "linear_onnx", "sizes", axes=[2, 3])
    alpha = ops.sigmoid(ops.convolution(whole, weights(1, CHANNELS, 3, 3, gain=200), **sides))
    image.output(0).get_tensor().set_names({"image"})
    alpha.output(0).get_tensor().set_names({"alpha"})
    model = ov.Model([alpha], [image], "small")
    for key, value in ZERO_TO_ONE.as_info().items():
        model.set_rt_info(value, ["model_info", key])
    return model
