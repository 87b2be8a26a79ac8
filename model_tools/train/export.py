"""`python -m model_tools export --network video --weights checkpoint.pt --output video.onnx`: weights to an ONNX file.

Its inputs and outputs have the names and shapes by which programs know such networks.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from background_subtraction.cli import argument_types as values
from model_api.create import recognize
from model_api.errors import ModelFileError, OptionError, SinkError
from model_api.graph import loading
from model_api.models.robust_video_matting import auto_downsample_ratio
from model_api.types import Size
from model_tools.reporting.files import replacing
from model_tools.train import export_wrappers
from model_tools.train.export_wrappers import Contract
from model_tools.train.networks.matting_network import SMALLEST, EfficientMatting
from model_tools.train.networks.registry import Weights, load_exactly, read_weights
from model_tools.train.networks.robust_video_matting import REFINERS, MattingNetwork

log = logging.getLogger(__name__)

OPSET = 17
BASE_SIZES: dict[int, Size] = {1: (480, 288), 2: (448, 256)}
"""Images that a bundled network takes -> the size at which it sees a frame, as (width, height) of that area."""

ZOO_SIZE: Size = (1280, 720)
SMALLEST_SEEN = 16
"""Pixels a side, after the ratio, that leave one to the deepest features."""


@dataclass(frozen=True)
class ExportOptions:
    """None: the default. contract, ratio and refiner: for Robust Video Matting only."""

    weights: Path
    size: Size | None = None
    contract: str | None = None
    ratio: float | None = None
    refiner: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add("--network", choices=tuple(EXPORTS), required=True, help="Required. The network that the weights belong to.")
    add(
        "--weights",
        type=Path,
        required=True,
        metavar="FILE",
        help="Required. A checkpoint of train, a published .pth, or .npz. For portrait also one of video.",
    )
    add("-o", "--output", type=Path, required=True, metavar="FILE.onnx", help="Required.")
    add(
        "--size",
        type=values.resolution,
        metavar="WxH",
        help="Size of the network's input. Default: any, resized to about 480x288 (clean_plate: 384x224); for "
        "the contract open_model_zoo 1280x720.",
    )
    rvm = parser.add_argument_group("Robust Video Matting").add_argument
    rvm(
        "--contract",
        choices=("original", "open_model_zoo"),
        help="original: any size, any ratio. open_model_zoo: one size, one ratio. Default: original.",
    )
    rvm(
        "--downsample_ratio",
        type=values.ratio,
        help="For open_model_zoo. Default: 512 / the longer side of the input, 1 at most.",
    )
    rvm("--refiner", choices=tuple(REFINERS), help="Default: deep_guided_filter, as published.")


def run(args: argparse.Namespace) -> None:
    """Write the ONNX file that the command line asks for. Raises what `export` raises."""
    options = ExportOptions(args.weights, args.size, args.contract, args.downsample_ratio, args.refiner)
    export(args.network, args.output, options)


def export(network: str, output: Path, options: ExportOptions) -> None:
    """Write a network as an ONNX file.

    Args:
        network: One of EXPORTS.
        output: Where it goes, a name that ends in .onnx.
        options: Its weights, and what the file is to be like.

    Raises:
        ModelFileError: the weights do not fit.
        OptionError: an option does not fit the network.
        SinkError: the file cannot be written.
    """
    if output.suffix != ".onnx":
        raise OptionError(f"{output}: expected a name that ends in .onnx")
    contract = EXPORTS[network](options, read_weights(options.weights))
    write(contract, output)
    written = loading.read(output)
    kind, _ = recognize(written.signature, output.name)
    log.info("Wrote %s (%.1f MB): %s, %s", output, output.stat().st_size / 1e6, kind.__name__, written.signature)
    log.info("Next: python -m model_tools convert %s", output)


def write(contract: Contract, output: Path) -> None:
    """Write an ONNX file, batch norms folded into the convolutions before them. Raises SinkError."""
    try:
        with replacing(output) as part:
            _export(contract, part)
            pixels = contract.pixels.as_info() if contract.pixels else {}
            if facts := {**contract.training.as_info(), **pixels}:
                _tell(part, **facts)
    except (OSError, RuntimeError) as error:
        raise SinkError(f"{output} cannot be written: {loading.reason(error)}") from error


def _export(contract: Contract, file: Path) -> None:
    with warnings.catch_warnings():
        # It says that the exporter of TorchScript is the older one. The newer needs one more package.
        warnings.simplefilter("ignore", DeprecationWarning)
        # OpenVINO itself folds the constants by which images are padded.
        warnings.filterwarnings("ignore", message="Constant folding", category=UserWarning)
        torch.onnx.export(
            contract.network.eval(),
            tuple(contract.inputs.values()),
            str(file),
            input_names=list(contract.inputs),
            output_names=list(contract.outputs),
            dynamic_axes={name: dict(axes) for name, axes in contract.open.items()},
            opset_version=OPSET,
            dynamo=False,
        )


def _tell(file: Path, **facts: str) -> None:
    model = onnx.load(file)
    onnx.helper.set_model_props(model, facts)
    onnx.save(model, file)


def _robust_video_matting(variant: str, options: ExportOptions, weights: Weights) -> Contract:
    refiner = options.refiner or "deep_guided_filter"
    if refiner == "deep_guided_filter" and not any(name.startswith("refiner.") for name in weights):
        raise ModelFileError(
            f"{options.weights} has no weights for the deep guided filter. Use --refiner fast_guided_filter, "
            "which needs none"
        )
    network = MattingNetwork(variant, refiner).eval()
    # The segmentation head is only for training; the fast filter does not take the weights of the deep one.
    unused = ("project_seg.", *(("refiner.",) if refiner == "fast_guided_filter" else ()))
    load_exactly(network, weights, options.weights, unused)
    if options.contract != "open_model_zoo":
        if options.size or options.ratio:
            raise OptionError(
                "--size and --downsample_ratio are for --contract open_model_zoo: the original release takes any"
            )
        return export_wrappers.original_release(network)
    size = options.size or ZOO_SIZE
    ratio = options.ratio or auto_downsample_ratio(*size)
    if min(size) * ratio < SMALLEST_SEEN:
        raise OptionError(
            f"--size {size[0]}x{size[1]} at ratio {ratio:g}: the network needs {SMALLEST_SEEN} pixels a side at least"
        )
    return export_wrappers.open_model_zoo(network, size, ratio)


def _bundled(
    make: Callable[[EfficientMatting, Size], Contract],
    pictures: int,
    options: ExportOptions,
    weights: Weights,
) -> Contract:
    if options.contract or options.ratio or options.refiner:
        raise OptionError("--contract, --downsample_ratio and --refiner are only for Robust Video Matting")
    size = options.size or BASE_SIZES[pictures]
    if any(side % SMALLEST for side in size):
        raise OptionError(f"--size {size[0]}x{size[1]}: this network takes multiples of {SMALLEST}, such as 384x224")
    network = EfficientMatting(pictures, recurrent=pictures == 1).eval()
    load_exactly(network, weights, options.weights, unused=("presence.",))
    contract = make(network, size)
    return contract if options.size else export_wrappers.of_any_size(contract, size)


def _portrait(options: ExportOptions, weights: Weights) -> Contract:
    """A network that was trained for video: every image is a first frame."""
    return _bundled(export_wrappers.bundled_portrait, 1, options, weights)


EXPORTS: dict[str, Callable[[ExportOptions, Weights], Contract]] = {
    "video": lambda options, weights: _bundled(export_wrappers.bundled_video, 1, options, weights),
    "clean_plate": lambda options, weights: _bundled(export_wrappers.bundled_clean_plate, 2, options, weights),
    "portrait": _portrait,
    "rvm_mobilenetv3": lambda options, weights: _robust_video_matting("mobilenetv3", options, weights),
    "rvm_resnet50": lambda options, weights: _robust_video_matting("resnet50", options, weights),
}
