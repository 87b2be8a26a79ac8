"""`python -m model_tools quantize MODEL -i CLIP…`: an 8-bit model, and how far it is from the one it was made from."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import openvino as ov

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.model_arguments import (
    add_model_arguments,
    inference_options_of,
    model_file,
    model_options_of,
    override_of,
)
from model_api import MattingModel, ModelOptions, Preprocessing, create_model
from model_api.create import recognized, say
from model_api.errors import ModelContractError, OptionError
from model_api.graph import editing
from model_api.layouts import image_size
from model_api.preprocessing import Override, Training
from model_api.recognition.file_facts import completed
from model_api.types import Binding
from model_tools.convert import command as convert
from model_tools.quantize.accuracy import compare, speeds
from model_tools.quantize.calibration import Moment, as_inputs, record, running
from model_tools.quantize.footage import Footage, Reading, footage_of
from model_tools.quantize.layer_search import quantize_to
from model_tools.quantize.layers import LayerPrecisions, layers_of, refiner

log = logging.getLogger(__name__)

SMALLEST_MAD = 0.05
"""Alpha MAD × 1000 below which a target must have been meant in another unit: an output of 8 bits rounds by 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add("model", type=model_file, help="IR, ONNX, another file that `convert` takes, or a bundled model's name.")
    add(
        "-i",
        "--input",
        nargs="+",
        required=True,
        metavar="CLIP",
        help="Required. Videos or folders of images that the 8-bit ranges are chosen by: your own, or clips made by "
        "`compose`.",
    )
    add("--check", nargs="+", required=True, metavar="CLIP", help="Required. Other clips, to compare both models on.")
    add(
        "--stills",
        action="store_true",
        help="Images in a folder do not follow one another: a recurrent model starts afresh at each.",
    )
    add(
        "--passes",
        type=values.positive,
        default=1,
        metavar="N",
        help="How often a recurrent model sees each still. Default: 1.",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.xml",
        help="Default: the model's name with _int8, in the current folder.",
    )
    add(
        "--frames",
        type=values.positive,
        default=60,
        metavar="N",
        help="Frames to calibrate on, spread over the clips. Default: 60.",
    )
    add(
        "--limit",
        type=values.positive,
        default=600,
        metavar="N",
        help="Frames read from each clip, images from each folder of stills. Default: 600.",
    )
    add(
        "--background",
        type=Path,
        metavar="IMAGE",
        help="The empty scene, for models that compare with it. Clips made by `compose` bring their own.",
    )
    add(
        "--max_mad",
        type=values.positive_number,
        default=2.0,
        metavar="MAD",
        help="The largest alpha MAD × 1000, as README.md's tables have it. Above it, the layers that hurt most stay in "
        "floating point. Default: 2.",
    )
    add("--keep_float", nargs="+", default=[], metavar="LAYER", help="More layers that stay in floating point.")
    add(
        "--input_size",
        type=values.resolution,
        metavar="WxH",
        help="Fix the size of a network that takes any. Default: it still takes any.",
    )
    add("--stateful", action="store_true", help="Keep the state inside, and fix the size, as `convert` does.")
    add_model_arguments(parser)


@dataclass(frozen=True)
class FloatNetwork:
    """The network in floating point, for BGR of 0..255, as the converter would write it.

    Attributes:
        model: Its graph.
        contract: What it is.
        binding: The roles of its inputs and outputs.
        was: What it expected before.
        training: What the file says about its training.
        options: What the user chose about it, with the ratio that it is run at.
        override: What the user knows better than the file.
    """

    model: ov.Model
    contract: type[MattingModel]
    binding: Binding
    was: Preprocessing
    training: Training
    options: ModelOptions
    override: Override


def run(args: argparse.Namespace) -> None:
    """Quantize a model, and compare it with the one it was made from.

    Raises:
        BackgroundSubtractionError: the model or a clip cannot be read, the options do not fit, or NNCF fails.
        ImportError: NNCF is missing.
    """
    output = args.output or Path(f"{args.model.stem}_int8.xml")
    beside = output.with_name(f"{output.stem}_float.xml")
    convert.require_apart(args.model, output, beside)
    if args.max_mad < SMALLEST_MAD:
        log.warning("--max_mad %g is in thousandths: no 8-bit model comes so near. Default: 2", args.max_mad)
    both = set(args.input) & set(args.check)
    if both:
        raise OptionError(
            f"--check {' '.join(sorted(both))}: any model looks good on the clips that it was calibrated on. "
            "Give other clips"
        )
    nncf = _nncf()
    conversion = convert.ConversionOptions(
        size=args.input_size, ratio=args.downsample_ratio, stateful=args.stateful, override=override_of(args)
    )
    network = _float_network(args.model, conversion, model_options_of(args))
    reading = Reading(
        limit=args.limit,
        stills=args.stills,
        passes=args.passes,
        needs_plate=network.contract.needs_clean_plate,
        plate=args.background,
    )
    clips, others = (footage_of(inputs, reading) for inputs in (args.input, args.check))
    moments = _moments(network, clips, args.frames)
    log.info("Calibrating on %d frames of %s", len(moments), ", ".join(args.input))
    ignored = [*refiner(network.model, network.binding), *args.keep_float]
    quantize = partial(_quantized, nncf, network.model, moments, ignored)
    quantized = quantize_to(args.max_mad, quantize, network.model, network.binding, moments)
    _log_layers(layers_of(quantized))
    for model, path in ((quantized, output), (network.model, beside)):
        _write(model, path, network, stateful=args.stateful)
    log.info("Wrote %s, and %s to compare with", output, beside)
    opened = partial(create_model, device=args.device, inference=inference_options_of(args), options=network.options)
    try:
        with opened(beside) as true, opened(output) as other:
            for line in chain(
                compare(true, other, (clip.frames() for clip in others)), speeds({beside: true, output: other})
            ):
                log.info(line)
    except KeyboardInterrupt:
        log.warning("Stopped before the comparison had ended. %s is whole", output)


def _float_network(path: Path, conversion: convert.ConversionOptions, options: ModelOptions) -> FloatNetwork:
    """Of the size that is asked for, else of the file's own, which may be any."""
    network = convert.read(path)
    contract, facts = recognized(network, conversion.override)
    binding = facts.binding
    if "alpha" not in binding.answers:
        raise ModelContractError(
            f"{path.name} has no output for alpha, which both models are compared by: only matting networks are "
            "quantized here"
        )
    if layers_of(network.model).quantized:
        raise ModelContractError(
            f"{path.name} is in 8 bits already: there is nothing to gain. Give the float model that it was made from"
        )
    say(path.name, contract, facts)
    takes_any = image_size(network.signature.input(binding.images[0])) is None
    conversion = replace(conversion, dynamic=takes_any and not conversion.size and not conversion.stateful)
    # NNCF has to see the state.
    conversion = replace(convert.decided(conversion, network, contract, facts), stateful=False)
    training = facts.training if conversion.dynamic else replace(facts.training, base_wh=None)
    options = replace(options, downsample_ratio=conversion.ratio if conversion.dynamic else None)
    model = convert.complete(network, binding, facts.preprocessing, conversion)
    if not conversion.dynamic:
        binding = replace(binding, shape_inputs=frozenset())
    override = completed(conversion.override, network.info)
    return FloatNetwork(model, contract, binding, facts.preprocessing, training, options, override)


def _moments(network: FloatNetwork, clips: Sequence[Footage], count: int) -> list[Moment]:
    with running(
        network.model, network.contract, network.binding, network.training, network.options, network.override
    ) as model:
        return record(model, (clip.frames() for clip in clips), count)


def _write(model: ov.Model, path: Path, network: FloatNetwork, *, stateful: bool) -> None:
    convert.describe(model, network.contract, network.was, network.training, network.override)
    if stateful:
        editing.keep_state_inside(model, network.binding.states or {})
    convert.write(model, path, "FP16")


def _quantized(
    nncf: Any, model: ov.Model, moments: Sequence[Moment], refiner: Sequence[str], hurt: Sequence[str]
) -> ov.Model:
    data = nncf.Dataset(moments, lambda moment: as_inputs(model, moment))
    scope = nncf.IgnoredScope(names=[*refiner, *hurt], validate=False)
    try:
        return nncf.quantize(
            model,
            data,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(moments),
            fast_bias_correction=True,
            ignored_scope=scope,
            # Processors without VNNI add pairs of products in 16 bits, which weights of full size overflow.
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
        )
    except (RuntimeError, nncf.ValidationError) as error:
        raise ModelContractError(f"NNCF cannot quantize this network: {error}") from error


def _log_layers(layers: LayerPrecisions) -> None:
    count = len(layers.quantized)
    log.info("In 8 bits: %d of %d convolutions and products", count, count + len(layers.kept))
    if layers.kept:
        log.info("Left in floating point: %s", ", ".join(layers.kept))


def _nncf() -> Any:
    """Asked for first, because all that comes before it takes long. Raises ImportError."""
    nncf = import_module("nncf")
    nncf.set_log_level(logging.ERROR)
    return nncf
