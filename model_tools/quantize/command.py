"""`python -m model_tools quantize MODEL -i CLIP…`: an 8-bit model, and how far it is from the one it was made from."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import openvino as ov

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.model_arguments import model_file
from background_subtraction.image_files import read_image
from model_api import MattingModel, ModelOptions, Override, Preprocessing, create_model
from model_api.create import recognize
from model_api.errors import ModelContractError, OptionError
from model_api.graph import editing
from model_api.graph.traversal import upstream
from model_api.layouts import image_size
from model_api.preprocessing import Training, find_preprocessing, find_training
from model_api.types import Binding
from model_tools.convert import command as convert
from model_tools.footage import Footage, Reading, footage_of
from model_tools.quantize.accuracy import compare, speeds
from model_tools.quantize.calibration import Moment, as_inputs, record, running
from model_tools.quantize.layer_search import quantize_to

log = logging.getLogger(__name__)

HEAVY = ("Convolution", "GroupConvolution", "MatMul")
MOVES = ("Broadcast", "Split", "VariadicSplit", "Slice", "StridedSlice", "Reshape", "Transpose")
MATTE_CHANNELS = 4
"""Alpha and foreground of Robust Video Matting, before its refiner."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", type=model_file, help="IR, ONNX, what else `convert` takes, or a bundled model's name.")
    add(
        "-i",
        "--input",
        nargs="+",
        required=True,
        metavar="CLIP",
        help="Required. Videos or folders of images to choose the 8-bit ranges by: your own, or what `compose` makes.",
    )
    add("--check", nargs="+", required=True, metavar="CLIP", help="Required. Others, to judge the result by.")
    add("--stills", action="store_true", help="Folders of images hold stills: a recurrent model starts afresh at each.")
    add("--passes", type=values.positive, default=1, help="How often a still is seen. Default: 1.")
    add("-o", "--output", type=Path, metavar="FILE.xml", help="Default: the model's name with _int8.")
    add("--frames", type=values.positive, default=60, help="To calibrate on, spread over the clips. Default: 60.")
    add(
        "--limit",
        type=values.positive,
        default=600,
        help="Frames read of each clip, stills of each folder. Default: 600.",
    )
    add(
        "--background",
        type=Path,
        metavar="IMAGE",
        help="The empty scene, for models that compare with it. Clips of `compose` bring their own.",
    )
    add(
        "--max_mad",
        type=values.positive_number,
        default=2.0,
        help="Alpha MAD x 1e3 above which the layers that hurt most are left in floating point. Default: 2.",
    )
    add("--keep_float", nargs="+", default=[], metavar="LAYER", help="Further layers to leave in floating point.")
    add(
        "--input_size",
        type=values.resolution,
        metavar="WxH",
        help="Fixes the size of a network that takes any. Default: it goes on to take any.",
    )
    add("--downsample_ratio", type=values.ratio, help="For Robust Video Matting. Default: by the frame's size.")
    add("--stateful", action="store_true", help="Keep the state inside, and fix the size, as `convert` does.")


@dataclass(frozen=True)
class Layers:
    """Names of the layers that multiply: in 8 bits, and in floating point."""

    quantized: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """The network in floating point, for BGR of 0..255, as the converter would write it. was: what it took before.
    training: what the file tells of how it was trained. ratio: of one that takes one with each
    frame."""

    model: ov.Model
    contract: type[MattingModel]
    binding: Binding
    was: Preprocessing
    training: Training
    ratio: float | None


def run(args: argparse.Namespace) -> None:
    """Raises BackgroundSubtractionError."""
    output = args.output or Path(f"{args.model.stem}_int8.xml")
    both = set(args.input) & set(args.check)
    if both:
        raise OptionError(
            f"--check {' '.join(sorted(both))}: judged by what it was calibrated on, any model looks good"
        )
    nncf = _nncf()
    subject = _subject(
        args.model, convert.ConversionOptions(args.input_size, False, args.downsample_ratio, "FP16", args.stateful)
    )
    plate = read_image(args.background) if args.background else None
    plates = subject.contract.needs_clean_plate
    reading = Reading(limit=args.limit, stills=args.stills, passes=args.passes, plates=plates, plate=plate)
    clips, others = (footage_of(inputs, reading) for inputs in (args.input, args.check))

    quantized = _fitted(nncf, subject, clips, args)
    _tell(layers_of(quantized))
    beside = output.with_name(f"{output.stem}_float.xml")
    for made, path in ((quantized, output), (subject.model, beside)):
        convert.describe(made, subject.contract, subject.was, subject.training)
        if args.stateful:
            editing.keep_state_inside(made, subject.binding.states or {})
        convert.write(made, path, "FP16")
    options = ModelOptions(downsample_ratio=subject.ratio)
    with create_model(beside, options=options) as true, create_model(output, options=options) as other:
        for line in (*compare(true, other, (clip.frames() for clip in others)), *speeds({beside: true, output: other})):
            log.info(line)
    log.info("Wrote %s, and %s to compare with", output, beside)


def _subject(path: Path, options: convert.ConversionOptions) -> Subject:
    """Of the size that is asked for, else of the file's own, which may be any."""
    network = convert.read(path)
    contract, binding = recognize(network.signature, path.name)
    if "alpha" not in binding.answers:
        raise ModelContractError(
            f"{path.name} answers no alpha to compare by: only matting networks are quantized here"
        )
    preprocessing = find_preprocessing(Override(), network.info, is_ir=network.is_ir, default=contract.original)
    takes_any = image_size(network.signature.input(binding.images[0])) is None
    options = replace(options, dynamic=takes_any and not options.size and not options.stateful)
    options = replace(
        convert.decided(options, network, contract, binding), stateful=False
    )  # NNCF wants to see the state
    training = find_training(network.info)
    training = training if options.dynamic else replace(training, base_wh=None)
    ratio = options.ratio if options.dynamic else None
    model = convert.complete(network, binding, preprocessing, options)
    if not options.dynamic:
        binding = replace(binding, shape_inputs=frozenset())
    return Subject(model, contract, binding, preprocessing, training, ratio)


def _fitted(nncf: Any, subject: Subject, clips: Sequence[Footage], args: argparse.Namespace) -> ov.Model:
    model, binding = subject.model, subject.binding
    with running(model, subject.contract, binding, subject.training, subject.ratio) as matting:
        moments = record(matting, (clip.frames() for clip in clips), args.frames)
    log.info("Calibrating on %d frames of %s", len(moments), ", ".join(args.input))
    ignored = [*refiner(model, binding), *args.keep_float]
    return quantize_to(args.max_mad, partial(_quantized, nncf, model, moments, ignored), model, binding, moments)


def refiner(model: ov.Model, binding: Binding) -> list[str]:
    """The layers of Robust Video Matting's guided filter: its gain, hundreds in flat areas, would multiply the 8-bit
    steps of the picture. All that alpha and foreground need beside the network's own four channels.

    Empty for networks without such a filter.
    """
    ends = [model.output(name).get_node() for name in (*binding.answers.values(), binding.foreground) if name]
    needed = list(upstream(ends))
    names = {_name(node) for node in needed}
    matte = [node for node in model.get_ordered_ops() if _name(node) in names and _is_matte(node)]
    if not matte:
        return []
    before = {_name(node) for node in upstream(matte[-1:])}
    passive = ("Constant", "Parameter", "Result", "Convert")
    after = [node for node in needed if _name(node) not in before and node.get_type_name() not in passive]
    enlarges = any(node.get_type_name() == "Interpolate" for node in after)
    return [_name(node) for node in after] if enlarges else []


def layers_of(model: ov.Model) -> Layers:
    heavy = [node for node in model.get_ordered_ops() if node.get_type_name() in HEAVY]
    quantized = [node for node in heavy if _comes_in_8_bits(node)]
    kept = [node for node in heavy if node not in quantized]
    return Layers(tuple(map(_name, quantized)), tuple(map(_name, kept)))


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


def _tell(layers: Layers) -> None:
    count = len(layers.quantized)
    log.info("In 8 bits: %d of %d convolutions and products", count, count + len(layers.kept))
    if layers.kept:
        log.info("Left in floating point: %s", ", ".join(layers.kept))


def _comes_in_8_bits(node: Any) -> bool:
    """Whether what a node works on was rounded, maybe before it was put together, taken apart or spread."""
    before = node.input_value(0).get_node()
    kind = before.get_type_name()
    if kind == "Concat":
        return all(_is_rounded(before.input_value(number).get_node()) for number in range(before.get_input_size()))
    return _is_rounded(before)


def _is_rounded(node: Any) -> bool:
    kind = node.get_type_name()
    return bool(kind == "FakeQuantize" or (kind in MOVES and _comes_in_8_bits(node)))


def _name(node: Any) -> str:
    return str(node.get_friendly_name())


def _is_matte(node: Any) -> bool:
    shape = node.get_output_partial_shape(0)
    return node.get_type_name() == "Convolution" and shape[1].is_static and shape[1].get_length() == MATTE_CHANNELS


def _nncf() -> Any:
    """Asked for first, because all that comes before it takes long. Raises ImportError."""
    nncf = import_module("nncf")
    nncf.set_log_level(logging.ERROR)
    return nncf
