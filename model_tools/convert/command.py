"""`python -m model_tools convert MODEL`: a network to an IR that contains its size, preprocessing and state."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import openvino as ov

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.model_arguments import add_preprocessing_arguments, model_file, override_of
from model_api import AsyncPipeline, InferenceOptions, Override, create_model
from model_api.create import default_preprocessing, recognize
from model_api.errors import OptionError, SinkError
from model_api.graph import editing, loading
from model_api.graph.loading import Network
from model_api.layouts import image_layout, image_size
from model_api.models.base import MattingModel, ModelOptions
from model_api.models.portrait_matting import SHORT_SIDE_PX, PortraitMatting
from model_api.models.robust_video_matting import RobustVideoMatting, auto_downsample_ratio
from model_api.preprocessing import ImageInput, Preprocessing, Training, find_preprocessing, find_training
from model_api.types import Alpha, Binding, Frame, Image, Size
from model_tools.convert import torch_checkpoint
from model_tools.reporting.files import replacing

log = logging.getLogger(__name__)

DEFAULT_SIZES: dict[type[MattingModel], Size] = {PortraitMatting: (SHORT_SIDE_PX, SHORT_SIDE_PX)}
DEFAULT_SIZE: Size = (1280, 720)
CHECKED_FRAMES = 3
WHOLE = InferenceOptions(refiner_outside=False)


@dataclass(frozen=True, kw_only=True)
class ConversionOptions:
    """What the IR is to be like.

    Attributes:
        size: (width, height) of its images. None: the file's own.
        dynamic: Leave the size open.
        ratio: The downsample ratio, for networks that reduce their image first. None: automatic.
        precision: Of the weights, "FP16" or "FP32".
        stateful: Keep the state inside.
        override: What the file says wrongly, or does not say, about colours and layouts.
    """

    size: Size | None = None
    dynamic: bool = False
    ratio: float | None = None
    precision: str = "FP16"
    stateful: bool = False
    override: Override = Override()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add(
        "model",
        type=model_file,
        help="ONNX, another format that OpenVINO reads, a bundled model's name, or MODNet's checkpoint (.ckpt) with "
        "the source of its network beside it.",
    )
    add("-o", "--output", type=Path, metavar="FILE.xml", help="Default: the model's name, in the current folder.")
    add(
        "--input_size",
        type=values.resolution,
        metavar="WxH",
        help="Size of the network's input. Default: the file's own; where the file leaves it open, 1280x720, for "
        "MODNet 512x512.",
    )
    add("--dynamic", action="store_true", help="Leave the size open. An NPU takes fixed sizes only.")
    add(
        "--downsample_ratio",
        type=values.ratio,
        help="For Robust Video Matting. Default: 512 / the longer side of the input, 1 at most.",
    )
    add("--data_type", choices=("FP16", "FP32"), default="FP16", help="Precision of the weights. Default: FP16.")
    add("--stateful", action="store_true", help="Keep the state of a recurrent network inside it (ReadValue, Assign).")
    add_preprocessing_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Convert the model that the command line names. Raises what `convert` raises."""
    if args.dynamic and (args.input_size or args.stateful):
        raise OptionError("--dynamic leaves the size open: it does not go with --input_size or --stateful")
    options = ConversionOptions(
        size=args.input_size,
        dynamic=args.dynamic,
        ratio=args.downsample_ratio,
        precision=args.data_type,
        stateful=args.stateful,
        override=override_of(args),
    )
    output = args.output or Path(f"{args.model.stem}.xml")
    convert(args.model, output, options)
    log.info("Next: python -m background_subtraction -m %s -i 0", output)


def convert(path: Path, output: Path, options: ConversionOptions = ConversionOptions()) -> None:
    """Write a network as an IR that contains its preprocessing and sizes, and compare both.

    Args:
        path: The network.
        output: Where the IR goes, a name that ends in .xml.
        options: What it is to be like.

    Raises:
        ModelFileError: the network cannot be read.
        ModelContractError: it follows no known contract.
        OptionError: an option does not fit the network.
        SinkError: `output` cannot be written.
    """
    if output.suffix != ".xml":
        raise OptionError(f"{output}: an IR's name ends in .xml")
    if output.exists() and path.exists() and output.samefile(path):
        raise OptionError(f"{output} is the model itself: give the result another name with -o")
    network = read(path)
    contract, binding = recognize(network.signature, path.name)
    preprocessing = preprocessing_of(network, contract, binding, options.override)
    log.info("%s: %s, takes %s", path.name, contract.__name__, preprocessing)
    options = decided(options, network, contract, binding)
    model = complete(network, binding, preprocessing, options)
    training = find_training(network.info)
    describe(model, contract, preprocessing, training if options.dynamic else replace(training, base_wh=None))
    write(model, output, options.precision)
    log.info("Wrote %s", _summary(output, network, binding, model, options))
    if path.suffix != ".ckpt" and "alpha" in binding.answers:
        _compare(path, output, binding, options)


def read(path: Path) -> Network:
    """Read a network from any file that the tool takes, MODNet's checkpoint included."""
    return torch_checkpoint.read(path) if path.suffix == ".ckpt" else loading.read(path)


def preprocessing_of(
    network: Network, contract: type[MattingModel], binding: Binding, override: Override
) -> Preprocessing:
    """What the network expects: the user's word, else the file's, else the contract's."""
    default = default_preprocessing(contract, binding, network.signature)
    return find_preprocessing(override, network.info, is_ir=network.is_ir, default=default)


def decided(
    options: ConversionOptions, network: Network, contract: type[MattingModel], binding: Binding
) -> ConversionOptions:
    """Fill in the size and the ratio where they are None. Raises OptionError for options that do not fit."""
    if options.stateful and not binding.states:
        raise OptionError(f"--stateful: {network.path.name} is not recurrent, it has no state")
    takes_ratio = contract is RobustVideoMatting and (
        binding.shape_inputs or editing.shrinks_first(network.model, binding.images[0])
    )
    if options.ratio is not None and not takes_ratio:
        raise OptionError(f"--downsample_ratio is for Robust Video Matting; {network.path.name} takes none")
    if options.dynamic:
        return options
    own, base = image_size(network.signature.input(binding.images[0])), find_training(network.info).base_wh
    if base and not (own or options.size or options.stateful):
        return replace(options, dynamic=True)
    size = options.size or own or base or DEFAULT_SIZES.get(contract, DEFAULT_SIZE)
    shrinks = takes_ratio and (bool(binding.shape_inputs) or size != own or options.ratio is not None)
    return replace(options, size=size, ratio=options.ratio or auto_downsample_ratio(*size) if shrinks else None)


def complete(network: Network, binding: Binding, preprocessing: Preprocessing, options: ConversionOptions) -> ov.Model:
    """Put the size, the preprocessing and, if asked for, the state into the graph, which is changed in place."""
    model = network.model
    images = {
        name: ImageInput(image_layout(network.signature.input(name), options.override.layouts), preprocessing)
        for name in binding.images
    }
    if options.size is not None:
        editing.set_size(model, network.signature, binding, options.size, options.ratio)
    model = editing.embed_preprocessing(model, images)
    if options.stateful:
        editing.keep_state_inside(model, binding.states or {})
    return model


def describe(
    model: ov.Model, contract: type[MattingModel], was: Preprocessing, training: Training = Training()
) -> None:
    """Write into rt_info that the network takes BGR of 0..255, for Model API's programs and this one.

    Args:
        model: The graph, changed in place.
        contract: What it is.
        was: What it expected before its preprocessing was embedded.
        training: What its file says about its training.
    """
    facts = {
        "model_type": contract.__name__,
        "reverse_input_channels": "NO",
        "mean_values": "0 0 0",
        "scale_values": "1 1 1",
        "embedded_processing": "YES",
        "embedded_preprocessing": str(was),
        **training.as_info(),
    }
    if was.is_none and model.has_rt_info(["model_info", "embedded_preprocessing"]):
        del facts["embedded_preprocessing"]  # it was embedded before, and the file says so
    for key, value in facts.items():
        model.set_rt_info(value, ["model_info", key])


def write(model: ov.Model, output: Path, precision: str) -> None:
    """Write an IR, .xml and .bin. precision: of the weights, "FP16" or "FP32". Raises SinkError."""
    try:
        with replacing(output, companion=".bin") as part:
            ov.save_model(model, part, compress_to_fp16=precision == "FP16")
    except (OSError, RuntimeError) as error:
        raise SinkError(f"{output} cannot be written: {loading.reason(error)}") from error


def _summary(output: Path, network: Network, binding: Binding, model: ov.Model, options: ConversionOptions) -> str:
    megabytes = output.with_suffix(".bin").stat().st_size / 1e6
    size = f"{options.size[0]}x{options.size[1]}" if options.size else "any size"
    parts = [f"{output} ({megabytes:.1f} MB): {size}, {options.precision}"]
    parts += [f"downsample ratio {options.ratio:.4g}"] if options.ratio else []
    states = [] if options.stateful or options.dynamic else list(binding.states or {})
    parts += [f"{name} {model.input(name).partial_shape}" for name in states]
    return ", ".join([*parts, *(["state inside"] if options.stateful else [])])


def _compare(path: Path, output: Path, binding: Binding, options: ConversionOptions) -> None:
    """Say how far the alphas of the result are from the original's, where both see images of one size."""
    with_ratio = ModelOptions(downsample_ratio=options.ratio if binding.shape_inputs else None)
    with (
        create_model(path, inference=WHOLE, override=options.override, options=with_ratio) as original,
        create_model(output, inference=WHOLE, options=with_ratio if options.dynamic else ModelOptions()) as converted,
    ):
        size = converted.input_size(DEFAULT_SIZE)
        if original.input_size(size) != size:
            return
        pairs = zip(_alphas(original, size), _alphas(converted, size), strict=True)
        difference = max(float(np.abs(before - after).mean()) for before, after in pairs)
    log.info(
        "Its alphas differ from the original's by %.3f/255 on %d frames of noise, the hardest case",
        difference * 255,
        CHECKED_FRAMES,
    )


def _alphas(model: MattingModel, size: Size) -> list[Alpha]:
    """Of a few frames of soft noise, always the same, each with the state of the one before."""
    frames = (
        Frame(index, image, clean_plate=cv2.GaussianBlur(image, (0, 0), 15)) for index, image in enumerate(_noise(size))
    )
    return [result.matte.alpha for result in AsyncPipeline(model, scene_cuts=False).run(frames)]


def _noise(size: Size) -> list[Image]:
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (9, 16, 3), np.uint8) for _ in range(CHECKED_FRAMES)]
    return [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in coarse]
