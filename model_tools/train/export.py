"""`python -m model_tools.train.export --network video --weights checkpoint.pt --output video.onnx`: weights into an
ONNX file with the inputs and outputs by which programs know such networks."""

from __future__ import annotations

import argparse
import logging
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from model_api.create import recognize
from model_api.errors import BackgroundSubtractionError, ModelFileError, OptionError, SinkError
from model_api.graph import loading
from model_api.models.robust_video_matting import auto_downsample_ratio
from model_api.types import Size
from model_tools.train import export_wrappers
from model_tools.train.export_wrappers import Contract
from model_tools.train.networks.matting_network import SMALLEST, EfficientMatting
from model_tools.train.networks.registry import Weights, load_exactly, read_weights
from model_tools.train.networks.robust_video_matting import REFINERS, MattingNetwork

log = logging.getLogger(__name__)

OPSET = 17
BASE_SIZE: Size = (384, 224)
ZOO_SIZE: Size = (1280, 720)
SMALLEST_SEEN = 16
"""Pixels a side, after the ratio, that leave one to the deepest features."""


@dataclass(frozen=True)
class Wishes:
    """What was asked for; None: what is usual. contract, ratio and refiner: for Robust Video Matting."""

    weights: Path
    size: Size | None = None
    contract: str | None = None
    ratio: float | None = None
    refiner: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    args = build_parser().parse_args(arguments)
    wishes = Wishes(args.weights, args.size, args.contract, args.downsample_ratio, args.refiner)
    try:
        export(args.network, args.output, wishes)
    except BackgroundSubtractionError as error:
        print(f"model_tools.train.export: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, OptionError) else 1
    except KeyboardInterrupt:
        print("model_tools.train.export: interrupted", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_tools.train.export", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--network", choices=tuple(EXPORTS), required=True, help="Required. What the weights belong to.")
    add(
        "--weights",
        type=Path,
        required=True,
        metavar="FILE",
        help="Required. A checkpoint of the training, a published .pth, or .npz. portrait takes those of video too.",
    )
    add("--output", type=Path, required=True, metavar="FILE.onnx", help="Required.")
    add(
        "--size",
        type=_size,
        metavar="WxH",
        help="Of the pictures. Default: any, resized to about 384x224; Open Model Zoo's 1280x720.",
    )
    rvm = parser.add_argument_group("Robust Video Matting")
    rvm.add_argument(
        "--contract",
        choices=("original", "open_model_zoo"),
        help="original: any size, any ratio. open_model_zoo: one size, one ratio. Default: original.",
    )
    rvm.add_argument(
        "--downsample_ratio",
        type=_ratio,
        help="Of open_model_zoo. Default: 512 / the picture's long side, 1 at most.",
    )
    rvm.add_argument("--refiner", choices=tuple(REFINERS), help="Default: deep_guided_filter, as published.")
    return parser


def export(network: str, output: Path, wishes: Wishes) -> None:
    """network: one of EXPORTS. Raises ModelFileError for weights that do not fit, OptionError, or SinkError."""
    if output.suffix != ".onnx":
        raise OptionError(f"{output}: an ONNX file's name ends in .onnx")
    contract = EXPORTS[network](wishes, read_weights(wishes.weights))
    write(contract, output)
    written = loading.read(output)
    kind, _ = recognize(written.signature, output.name)
    log.info("Wrote %s (%.1f MB): %s, %s", output, output.stat().st_size / 1e6, kind.__name__, written.signature)
    log.info("Next: python -m model_tools convert %s", output)


def write(contract: Contract, output: Path) -> None:
    """Under another name first, so that an interruption leaves no half of a file. Batch norms become part of the
    convolutions before them."""
    fresh = output.with_name(f"{output.stem}.part.onnx")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # It says that the exporter of TorchScript is the older one. The newer needs one more package.
            warnings.simplefilter("ignore", DeprecationWarning)
            # Of the amounts by which a picture is padded: OpenVINO folds them itself.
            warnings.filterwarnings("ignore", message="Constant folding", category=UserWarning)
            torch.onnx.export(
                contract.network.eval(),
                tuple(contract.inputs.values()),
                str(fresh),
                input_names=list(contract.inputs),
                output_names=list(contract.outputs),
                dynamic_axes={name: dict(axes) for name, axes in contract.open.items()},
                opset_version=OPSET,
                dynamo=False,
            )
        if facts := contract.training.as_info():
            _tell(fresh, **facts)
        fresh.replace(output)
    except (OSError, RuntimeError) as error:
        raise SinkError(f"{output} cannot be written: {loading.reason(error)}") from error
    finally:
        fresh.unlink(missing_ok=True)


def _tell(file: Path, **facts: str) -> None:
    model = onnx.load(file)
    onnx.helper.set_model_props(model, facts)
    onnx.save(model, file)


def _robust_video_matting(variant: str, wishes: Wishes, given: Weights) -> Contract:
    refiner = wishes.refiner or "deep_guided_filter"
    if refiner == "deep_guided_filter" and not any(name.startswith("refiner.") for name in given):
        raise ModelFileError(
            f"{wishes.weights} has no weights for the deep guided filter; --refiner fast_guided_filter needs none"
        )
    network = MattingNetwork(variant, refiner).eval()
    # The head that helped in training is no part of the file; the fast filter has no use for the deep one's weights.
    unused = ("project_seg.", *(("refiner.",) if refiner == "fast_guided_filter" else ()))
    load_exactly(network, given, wishes.weights, unused)
    if wishes.contract != "open_model_zoo":
        if wishes.size or wishes.ratio:
            raise OptionError(
                "--size and --downsample_ratio are for --contract open_model_zoo: the original release takes any"
            )
        return export_wrappers.original_release(network)
    size = wishes.size or ZOO_SIZE
    ratio = wishes.ratio or auto_downsample_ratio(*size)
    if min(size) * ratio < SMALLEST_SEEN:
        raise OptionError(
            f"--size {size[0]}x{size[1]} at ratio {ratio:g}: the network wants to see {SMALLEST_SEEN} pixels at least"
        )
    return export_wrappers.open_model_zoo(network, size, ratio)


def _bundled(
    make: Callable[[EfficientMatting, Size], Contract], pictures: int, recurrent: bool, wishes: Wishes, given: Weights
) -> Contract:
    if wishes.contract or wishes.ratio or wishes.refiner:
        raise OptionError("--contract, --downsample_ratio and --refiner are for Robust Video Matting alone")
    size = wishes.size or BASE_SIZE
    if any(side % SMALLEST for side in size):
        raise OptionError(f"--size {size[0]}x{size[1]}: this network wants multiples of {SMALLEST}, such as 384x224")
    network = EfficientMatting(pictures, recurrent).eval()
    load_exactly(network, given, wishes.weights, unused=("presence.",))
    contract = make(network, size)
    return contract if wishes.size else export_wrappers.of_any_size(contract, size)


def _portrait(wishes: Wishes, given: Weights) -> Contract:
    """Of a network that was trained for video every picture is a first one."""
    return _bundled(export_wrappers.bundled_portrait, 1, True, wishes, given)


EXPORTS: dict[str, Callable[[Wishes, Weights], Contract]] = {
    "video": lambda wishes, given: _bundled(export_wrappers.bundled_video, 1, True, wishes, given),
    "clean_plate": lambda wishes, given: _bundled(export_wrappers.bundled_clean_plate, 2, False, wishes, given),
    "portrait": _portrait,
    "rvm_mobilenetv3": lambda wishes, given: _robust_video_matting("mobilenetv3", wishes, given),
    "rvm_resnet50": lambda wishes, given: _robust_video_matting("resnet50", wishes, given),
}


def _size(text: str) -> Size:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found or "0" in found.groups():
        raise argparse.ArgumentTypeError(f'"{text}": expected WIDTHxHEIGHT, such as 384x224')
    return int(found[1]), int(found[2])


def _ratio(text: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        ratio = 0.0
    if not 0 < ratio <= 1:
        raise argparse.ArgumentTypeError(f'"{text}": expected a number above 0, 1 at most')
    return ratio


if __name__ == "__main__":
    sys.exit(main())
