"""`python -m model_tools convert MODEL`: a network to an IR that contains its size, preprocessing and state."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import openvino as ov

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.model_arguments import add_preprocessing_arguments, model_file, override_of
from model_api import Override
from model_api.create import recognized, say
from model_api.errors import OptionError, SinkError
from model_api.graph import editing, loading
from model_api.graph.loading import Network
from model_api.graph.reading.formats import files_of
from model_api.layouts import image_layout, image_size
from model_api.models.background_matting_v2 import PATCH_PX, BackgroundMatting
from model_api.models.base import MattingModel
from model_api.models.network_facts import NetworkFacts
from model_api.models.portrait_matting import SHORT_SIDE_PX, PortraitMatting
from model_api.models.robust_video_matting import RobustVideoMatting, auto_downsample_ratio
from model_api.preprocessing import AS_THEY_ARE, ImageInput, Preprocessing, Training
from model_api.recognition.file_facts import GUESSED, ORIGIN, as_info, completed
from model_api.resize import next_multiples
from model_api.types import Binding, Size
from model_tools.convert import torch_checkpoint
from model_tools.convert.comparison import compare
from model_tools.convert.trial_run import require_running
from model_tools.reporting.files import replacing
from model_tools.trials.candidates import override_of as as_override
from model_tools.trials.command import add_trial_arguments, tried
from model_tools.trials.sheet import table

log = logging.getLogger(__name__)

DEFAULT_SIZES: dict[type[MattingModel], Size] = {PortraitMatting: (SHORT_SIDE_PX, SHORT_SIDE_PX)}
DEFAULT_SIZE: Size = (1280, 720)
MULTIPLES_PX: dict[type[MattingModel], int] = {BackgroundMatting: PATCH_PX}
"""What both sides must be multiples of, for networks that would answer to others, wrongly."""


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
        origin: Who chose the colours, where it was not the network's publisher.
    """

    size: Size | None = None
    dynamic: bool = False
    ratio: float | None = None
    precision: str = "FP16"
    stateful: bool = False
    override: Override = Override()
    origin: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add(
        "model",
        type=model_file,
        help="ONNX, TorchScript, another format that OpenVINO reads, a bundled model's name, or MODNet's checkpoint "
        "(.ckpt) with the source of its network beside it.",
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
    add_trial_arguments(parser, "write the best into the IR as a choice")


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
    options = chosen(args, options)
    convert(args.model, output, options)
    log.info("Next: python -m background_subtraction -m %s -i 0", output)


def chosen(args: argparse.Namespace, options: ConversionOptions) -> ConversionOptions:
    """The options with what comes out best on the picture of --image. Raises what `trials.command.tried` raises."""
    network = read(args.model) if args.image or args.sheet else None
    done = tried(args, network, options.override) if network else None
    if done is None:
        return options
    trials, sheet = done
    for line in (*table(trials), f"Sheet: {sheet}"):
        log.info(line)
    best = trials.best
    if best.is_own and not best.candidate.preprocessing.guessed:
        return options
    wanted = as_override(best.candidate.preprocessing, best.reading)
    override = replace(wanted, layouts=options.override.layouts, output_name=options.override.output_name)
    size = options.size if options.dynamic else options.size or best.candidate.size
    names = ", ".join(image.name for image in args.image)
    origin = f"a choice made with {names}: agreement {best.agreement:.2f} with the model portrait"
    return replace(options, override=override, size=size, origin=origin)


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
    require_apart(path, output)
    network = read(path)
    contract, facts = recognized(network, options.override)
    binding = facts.binding
    say(path.name, contract, facts)
    options = decided(options, network, contract, facts)
    model = complete(network, binding, facts.preprocessing, options)
    training = facts.training if options.dynamic else replace(facts.training, base_wh=None)
    override = completed(options.override, network.info)
    describe(model, contract, facts.preprocessing, training, override, options.origin)
    write(model, output, options.precision)
    log.info("Wrote %s", _summary(output, network, binding, model, options))
    if path.suffix != ".ckpt" and "alpha" in binding.answers:
        compare(path, output, binding, options.override, options.ratio, dynamic=options.dynamic)


def require_apart(path: Path, *outputs: Path) -> None:
    """Raise OptionError where an IR that is to be written is a part of the model that it is made from."""
    read = [file for file in files_of(path) if file.exists()]
    for output in (file for xml in outputs for file in files_of(xml)):
        if output.exists() and any(output.samefile(file) for file in read):
            raise OptionError(f"{output} belongs to the model itself: give the result another name with -o")


def read(path: Path) -> Network:
    """Read a network from any file that the tool takes, MODNet's checkpoint included."""
    return torch_checkpoint.read(path) if path.suffix == ".ckpt" else loading.read(path)


def decided(
    options: ConversionOptions, network: Network, contract: type[MattingModel], facts: NetworkFacts
) -> ConversionOptions:
    """Fill in the size and the ratio where they are None. Raises OptionError for options that do not fit."""
    binding = facts.binding
    if options.stateful and not binding.states:
        raise OptionError(f"--stateful: {network.path.name} is not recurrent, it has no state")
    takes_ratio = contract is RobustVideoMatting and (
        binding.shape_inputs or editing.shrinks_first(network.model, binding.images[0])
    )
    if options.ratio is not None and not takes_ratio:
        raise OptionError(f"--downsample_ratio is for Robust Video Matting; {network.path.name} takes none")
    if options.dynamic:
        return options
    if options.size is not None:
        _require_multiples(options.size, MULTIPLES_PX.get(contract, 1))
    own, base = image_size(network.signature.input(binding.images[0])), facts.training.base_wh
    if base and not (own or options.size or options.stateful):
        return replace(options, dynamic=True)
    made_for = facts.known.made_for if facts.known else None
    size = options.size or own or base or made_for or DEFAULT_SIZES.get(contract, DEFAULT_SIZE)
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
    model: ov.Model,
    contract: type[MattingModel],
    was: Preprocessing,
    training: Training = Training(),
    override: Override = Override(),
    origin: str = "",
) -> None:
    """Write into rt_info that the network takes BGR of 0..255, for Model API's programs and this one.

    Args:
        model: The graph, changed in place.
        contract: What it is.
        was: What it expected before its preprocessing was embedded.
        training: What its file says about its training.
        override: What the user and its file say about its mask.
        origin: Who chose `was`, where it was not the network's publisher.
    """
    facts = {
        "model_type": contract.__name__,
        **AS_THEY_ARE.as_info(),
        "embedded_processing": "YES",
        "embedded_preprocessing": str(was),
        **training.as_info(),
        **as_info(override),
        **({ORIGIN: origin} if (origin := origin or _guess(was)) else {}),
    }
    if was.is_none and model.has_rt_info(["model_info", "embedded_preprocessing"]):
        del facts["embedded_preprocessing"]  # it was embedded before, and the file says so
    for key, value in facts.items():
        model.set_rt_info(value, ["model_info", key])


def _guess(was: Preprocessing) -> str:
    return f"{GUESSED}: nothing said it when this was converted" if was.guessed else ""


def write(model: ov.Model, output: Path, precision: str) -> None:
    """Write an IR, .xml and .bin, once it has run.

    Args:
        model: The graph.
        output: A name that ends in .xml.
        precision: Of the weights, "FP16" or "FP32".

    Raises:
        SinkError: the disk refuses.
        ModelContractError: what was written does not run. Nothing is left of it.
    """
    try:
        with replacing(output, companion=".bin") as part:
            ov.save_model(model, part, compress_to_fp16=precision == "FP16")
            require_running(part, output.name, DEFAULT_SIZE)
    except (OSError, RuntimeError) as error:
        raise SinkError(f"{output} cannot be written: {loading.reason(error)}") from error


def _require_multiples(size: Size, multiple: int) -> None:
    width, height = next_multiples(size, multiple)
    if size != (width, height):
        raise OptionError(
            f"--input_size {size[0]}x{size[1]}: the network takes multiples of {multiple}. Try {width}x{height}"
        )


def _summary(output: Path, network: Network, binding: Binding, model: ov.Model, options: ConversionOptions) -> str:
    megabytes = output.with_suffix(".bin").stat().st_size / 1e6
    size = f"{options.size[0]}x{options.size[1]}" if options.size else "any size"
    parts = [f"{output} ({megabytes:.1f} MB): {size}, {options.precision}"]
    parts += [f"downsample ratio {options.ratio:.4g}"] if options.ratio else []
    states = [] if options.stateful or options.dynamic else list(binding.states or {})
    parts += [f"{name} {model.input(name).partial_shape}" for name in states]
    return ", ".join([*parts, *(["state inside"] if options.stateful else [])])
