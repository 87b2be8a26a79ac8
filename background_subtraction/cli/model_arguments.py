"""The options that tell how a model is loaded, by the names that the demo gives them."""

from __future__ import annotations

import argparse
from pathlib import Path

from background_subtraction.cli import argument_types as values
from model_api import InferenceOptions, MattingModel, ModelOptions, Override, create_model
from model_api.adapters.openvino_adapter import PRECISIONS
from model_api.bundled import find_model
from model_api.errors import renamed
from model_api.models.labels import read_labels
from model_api.preprocessing import ACTIVATIONS
from model_api.resize import RESIZE_TYPES


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options about a model and how it is computed."""
    add = parser.add_argument
    add("-d", "--device", default="CPU", help="CPU, GPU, NPU, AUTO, HETERO:GPU,CPU. Default: CPU.")
    add(
        "-t",
        "--prob_threshold",
        dest="threshold",
        type=values.probability,
        default=ModelOptions.threshold,
        metavar="PROBABILITY",
        help="Score that a detection must exceed. For instance segmentation only. Default: %(default)g.",
    )
    add(
        "--labels",
        type=read_labels,
        default=ModelOptions.labels,
        metavar="FILE",
        help="Class names, one on each line. For instance segmentation only. Default: the first class is the person.",
    )
    add(
        "--downsample_ratio",
        type=values.ratio,
        help="For networks that take one. Default: 512 / the longer side of the frame, 1 at most.",
    )
    add(
        "--resize_type",
        choices=sorted(RESIZE_TYPES),
        default=ModelOptions.resize_type,
        help="How a frame is laid into a network's input of another size. Default: standard, stretched.",
    )
    add_preprocessing_arguments(parser)
    add_computing_arguments(parser)


def add_computing_arguments(parser: argparse._ActionsContainer) -> None:
    """Add the options about how a model is computed, whatever it is."""
    add = parser.add_argument
    add(
        "-nstreams",
        "--num_streams",
        default="",
        help="Streams: <n>, or <device>:<n>,<device>:<n> for HETERO and AUTO. Default: the device's own choice.",
    )
    add("-nthreads", "--num_threads", type=values.positive, help="CPU threads. Default: all cores.")
    add(
        "--infer_precision",
        choices=PRECISIONS,
        help="Inference precision. auto: bf16 for large networks where a short measurement finds this processor faster "
        "with it, else f32. Default: auto for the program, f32 for the tools; other devices decide.",
    )
    add("--cache_dir", metavar="DIR", help="Folder for compiled models, so that the next start is quick.")


def add_preprocessing_arguments(parser: argparse._ActionsContainer) -> None:
    """Add the options about what the model expects, for files that do not say it."""
    add = parser.add_argument
    add("--reverse_input_channels", action=argparse.BooleanOptionalAction, help="The model expects RGB instead of BGR.")
    add("--mean_values", type=values.triple, metavar="M|R,G,B", help="Values subtracted from the pixels, in 0..255.")
    add(
        "--scale_values",
        type=values.triple,
        metavar="S|R,G,B",
        help="Values that the pixels are divided by, after the mean is subtracted.",
    )
    add("--layout", type=values.layouts, default={}, help="Layout of the inputs: NCHW, or input0:NCHW,input1:NHWC.")
    add(
        "--output_name",
        metavar="NAME",
        help="The output that is the mask, for networks of one image. Default: alpha, pha or matte by its name, else "
        "the one with the fewest channels, the finest.",
    )
    add(
        "--person_class",
        type=values.classes,
        metavar="N|N,N",
        help="The classes that are the person, from 0, for networks that tell several apart. Default: 1 of 2, 15 of "
        "Pascal VOC's 21, all but 0 of up to 6.",
    )
    add(
        "--activation",
        choices=ACTIVATIONS,
        help="What a mask of one channel holds: none, probabilities; sigmoid, logits; levels, 0 to 255. Default: what "
        "the first frames show.",
    )


def override_of(args: argparse.Namespace) -> Override:
    """The options of `add_preprocessing_arguments`."""
    return Override(
        reverse_input_channels=args.reverse_input_channels,
        mean_values=args.mean_values,
        scale_values=args.scale_values,
        layouts=args.layout,
        output_name=args.output_name,
        person_class=args.person_class,
        activation=args.activation,
    )


def model_file(text: str) -> Path:
    """An argparse type: the file that `-m` means. Raises OptionError for a name that no model has."""
    with renamed({"model": ""}):  # a positional argument in some tools, an option in others
        return Path(find_model(text))


def open_model(model: str | Path, args: argparse.Namespace, adapter: str = "openvino") -> MattingModel:
    """Open a model with the options of `add_model_arguments`.

    Args:
        model: As `create_model` takes it.
        args: The parsed command line.
        adapter: As `create_model` takes it.

    Returns:
        The model, a context manager.

    Raises:
        OptionError: See `create_model`.
        ModelError: See `create_model`.
    """
    return create_model(
        model,
        args.device,
        inference=inference_options_of(args),
        override=override_of(args),
        options=model_options_of(args),
        adapter=adapter,
    )


def inference_options_of(args: argparse.Namespace) -> InferenceOptions:
    """The options about how the model is computed."""
    return InferenceOptions(
        streams=args.num_streams, threads=args.num_threads, cache_dir=args.cache_dir, precision=args.infer_precision
    )


def model_options_of(args: argparse.Namespace) -> ModelOptions:
    """The options about the model itself."""
    return ModelOptions(
        resize_type=args.resize_type,
        downsample_ratio=args.downsample_ratio,
        threshold=args.threshold,
        labels=args.labels,
    )
