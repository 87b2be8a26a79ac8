"""The options that tell how a model is loaded, by the names that the demo gives them."""

from __future__ import annotations

import argparse
from pathlib import Path

from background_subtraction.cli import argument_types as values
from model_api import InferenceOptions, MattingModel, ModelOptions, Override, create_model
from model_api.bundled import find_model
from model_api.errors import renamed
from model_api.resize import RESIZE_TYPES


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-d", "--device", default="CPU", help="CPU, GPU, NPU, AUTO, HETERO:GPU,CPU. Default: CPU.")
    add("--downsample_ratio", type=values.ratio, help="For networks that take one. Default: by the frame's size.")
    add("--resize_type", choices=sorted(RESIZE_TYPES), default="standard",
        help="How a frame is laid into a network's input of another size. Default: standard, stretched.")  # fmt: skip
    add_preprocessing_arguments(parser)
    add("-nthreads", "--num_threads", type=values.positive, help="Threads on the CPU. Default: all cores.")
    add("--cache_dir", help="A folder that keeps compiled models.")


def add_preprocessing_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--reverse_input_channels", action=argparse.BooleanOptionalAction, help="It takes RGB instead of BGR.")
    add("--mean_values", type=values.triple, metavar="M|R,G,B", help="Subtracted from the pixels, 0..255.")
    add("--scale_values", type=values.triple, metavar="S|R,G,B", help="What pixels, less the mean, are divided by.")
    add("--layout", type=values.layouts, default={}, help="NCHW or input0:NCHW,input1:NHWC.")


def override_of(args: argparse.Namespace) -> Override:
    """What `add_preprocessing_arguments` asked for."""
    return Override(args.reverse_input_channels, args.mean_values, args.scale_values, args.layout)


def model_file(text: str) -> Path:
    """An argparse type: the file that `-m` means. Raises OptionError for a name that no model has."""
    with renamed({"model": ""}):  # a positional argument in some tools, an option in others
        return Path(find_model(text))


def open_model(path: str | Path, args: argparse.Namespace) -> MattingModel:
    """path: a file, or the name of a bundled model. Raises what `create_model` raises. A context manager."""
    return create_model(
        path,
        args.device,
        InferenceOptions(threads=args.num_threads, cache_dir=args.cache_dir),
        override_of(args),
        ModelOptions(RESIZE_TYPES[args.resize_type], args.downsample_ratio),
    )
