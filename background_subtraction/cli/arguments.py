"""The command line: each option, its default and its range, once."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from background_subtraction import __version__
from background_subtraction.cli import argument_types as values
from background_subtraction.sinks.base import OUTPUT_TYPES
from background_subtraction.sinks.formats import CODECS
from model_api.adapters.factory import ADAPTERS
from model_api.adapters.kserve.address import ADDRESS_FORMS
from model_api.adapters.openvino_adapter import PRECISIONS
from model_api.bundled import names
from model_api.models.base import ModelOptions
from model_api.models.labels import read_labels
from model_api.resize import RESIZE_TYPES

OPTION_OF: Mapping[str, str] = {
    "model": "-m", "adapter": "--adapter", "inputs": "-i", "device": "-d", "threshold": "-t", "fit": "--resize_type",
    "labels": "--labels", "target_bgr": "--target_bgr", "clean_plate": "--background", "blur_bgr": "--blur_bgr",
    "layouts": "--layout", "mean_values": "--mean_values", "scale_values": "--scale_values",
    "downsample_ratio": "--downsample_ratio", "requests": "-nireq", "streams": "-nstreams", "threads": "-nthreads",
    "precision": "--infer_precision", "timeout_s": "--server_timeout", "outputs": "-o", "limit": "-limit",
    "resolution": "--output_resolution", "monitors": "-u", "jobs": "--jobs", "type": "--output_type",
    "codec": "--codec", "crf": "--crf", "mbps": "--output_video_mbps", "start_s": "--start", "end_s": "--end",
    "skip": "--skip", "rate": "--fps", "size": "--input_resize", "raw_size": "--raw_size", "ahead": "--num_workers",
}  # fmt: skip
"""Parameter of the library -> the option that gives it."""


def build_parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Puts the person in a video, camera or image over another background.",
        add_help=False,
        allow_abbrev=False,
    )
    _add_options(parser.add_argument_group("Options"))
    _add_model_options(parser.add_argument_group("What the model wants, where its file does not say"))
    _add_inference_options(parser.add_argument_group("Inference options"))
    _add_io_options(parser.add_argument_group("Input/output options"))
    _add_file_options(parser.add_argument_group("File options"))
    parser.add_argument_group("Debug options").add_argument(
        "-r",
        "--raw_output_message",
        action="store_true",
        help="Print a histogram of each frame's alpha, and the objects that the model detected in it.",
    )
    return parser


def _add_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-h", "--help", action="help", help="Show this help message and exit.")
    add("--version", action="version", version=__version__, help="Show the version and exit.")
    add(
        "-m",
        "--model",
        help="IR (.xml), ONNX, what else OpenVINO reads, or the name of a model that comes with the program: "
        f"{', '.join(names())}. Default: video; with --background, clean_plate.",
    )
    place = f"Where it runs; on a model server (ovms), -m is {ADDRESS_FORMS}. Default: openvino."
    add("--adapter", choices=tuple(ADAPTERS), default="openvino", help=place)
    add(
        "-i",
        "--input",
        "--input_source",
        required=True,
        nargs="+",
        help="Required. Images, folders of images or of videos, videos, a stream's address, a camera's number, or - "
        "for a pipe. Several are processed one after another.",
    )
    add("-d", "--device", default="CPU", help="CPU, GPU, NPU, AUTO, AUTO:GPU,CPU, HETERO:GPU,CPU. Default: CPU.")
    add(
        "-t",
        "--prob_threshold",
        dest="threshold",
        type=values.probability,
        metavar="PROBABILITY",
        help=f"Score a detection must exceed. For instance segmentation only. Default: {ModelOptions.threshold:g}.",
    )
    add(
        "--resize_type",
        choices=sorted(RESIZE_TYPES),
        help="How a frame is laid into a network's input of another size. Default: standard, stretched.",
    )
    add(
        "--labels",
        type=read_labels,
        metavar="FILE",
        help="The class names, a line each. For instance segmentation only. Default: the first class is the person.",
    )
    add(
        "--target_bgr",
        metavar="COLOUR|IMAGE|VIDEO",
        help='What comes behind the person: "R,G,B", "#rrggbb", a name, "transparent", an image or a video. '
        "Default: green.",
    )
    add(
        "--background",
        metavar="IMAGE|VIDEO",
        help="The same scene without the person, for models that compare with it (src, bgr). Live: key B.",
    )
    add(
        "--blur_bgr",
        type=values.natural,
        default=0,
        metavar="PIXELS",
        help="Blur the background, as wide as a box of so many pixels. Default: 0, none.",
    )
    add(
        "--layout",
        type=values.layouts,
        default={},
        help="Layout of the inputs, NCHW or input0:NCHW,input1:NHWC, where the file does not tell.",
    )


def _add_model_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--reverse_input_channels", action=argparse.BooleanOptionalAction, help="It takes RGB instead of BGR.")
    add("--mean_values", type=values.triple, metavar="M|R,G,B", help="Subtracted from the pixels, 0..255.")
    add(
        "--scale_values", type=values.triple, metavar="S|R,G,B", help="The pixels, less the mean, are divided by these."
    )
    add(
        "--downsample_ratio",
        type=values.ratio,
        help="For networks that take one. Default: 512 / the frame's long side, 1 at most.",
    )


def _add_inference_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-nireq",
        "--num_infer_requests",
        type=values.positive,
        help="Requests in flight. Default: what the device wants; always 1 for a recurrent model.",
    )
    add(
        "-nstreams",
        "--num_streams",
        default="",
        help="Streams: <n>, or <device>:<n>,<device>:<n> for HETERO and AUTO. Default: what the device wants.",
    )
    add("-nthreads", "--num_threads", type=values.positive, help="Threads on the CPU. Default: all cores.")
    add("--cache_dir", help="A folder that keeps compiled models, so that the next start is quick.")
    where = "Robust Video Matting's guided filter: with the composite, or by the device. Default: outside."
    add("--refiner", choices=("outside", "inside"), default="outside", help=where)
    add(
        "--infer_precision",
        choices=PRECISIONS,
        help="Of the arithmetic. Default: f32 on the CPU, what other devices like on them.",
    )
    keep = "Recurrent models keep their state over cuts in the film. Default: they start afresh at each."
    add("--no_scene_cuts", action="store_true", help=keep)
    patience = "The longest that a model server may take for an answer. Default: 60."
    add("--server_timeout", type=values.positive_number, default=60.0, metavar="SECONDS", help=patience)


def _add_io_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--loop", action="store_true", help="Begin the input again at its end.")
    files: dict[str, Any] = {"type": Path, "nargs": "+", "default": [], "metavar": "FILE"}
    add(
        "-o",
        "--output",
        "--output_composition",
        **files,
        help="Save composites: a video by its ending, images by a pattern such as out_%%05d.png, or a folder.",
    )
    add("--output_alpha", **files, help="Save alphas, in the same ways.")
    add("--output_foreground", **files, help="Save foregrounds, over black, in the same ways.")
    add("--output_transparent", **files, help="Save the person alone, with transparency, in the same ways.")
    add("-limit", "--output_limit", type=values.natural, default=0, help="Frames to save. Default: 0, all.")
    add("--no_show", action="store_true", help="No window.")
    add("--show_with_original_frame", action="store_true", help="Put the input frame beside the result.")
    add("--output_resolution", type=values.resolution, metavar="WxH", help="The largest size of the result.")
    add(
        "-u",
        "--utilization_monitors",
        type=values.monitors,
        default="",
        help="Graphs to begin with: c CPU, d distribution over the cores, m memory; for example cdm.",
    )
    add(
        "--virtual_camera", nargs="?", const="", metavar="DEVICE", help="Show composites as a camera to other programs."
    )
    add("--jobs", type=values.positive, default=1, help="Clips at once, each with a request and a state of its own.")


def _add_file_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--output_type", choices=OUTPUT_TYPES, default="", help="Default: by the name of the output.")
    add("--codec", choices=tuple(CODECS), help="Default: what suits the container, and transparency.")
    add("--crf", type=values.quality, help="Constant quality, in the codec's own scale: less is better.")
    add("--output_video_mbps", type=values.positive_number, help="A bit rate in place of constant quality.")
    add("--no_audio", action="store_true", help="Leave the input's sound and subtitles out of composites.")
    add("--start", type=values.seconds, default=Fraction(0), metavar="SECONDS", help="Where in the input to begin.")
    add("--end", type=values.seconds, metavar="SECONDS", help="Where in the input to end.")
    add("--skip", type=values.natural, default=0, help="Frames to leave out at the beginning.")
    add(
        "--fps",
        type=values.rate,
        help="Frames per second of images and raw pipes, or to ask of a camera: 25, 30000/1001. Default: 30.",
    )
    add("--input_resize", type=values.resolution, metavar="WxH", help="Resize the input first.")
    add("--raw_size", type=values.resolution, metavar="WxH", help="-i - carries bare BGR frames of this size.")
    add("--seq_chunk", type=values.positive, help="As -nireq, by the name that RobustVideoMatting gives it.")
    add("--num_workers", type=values.positive, default=4, help="Frames decoded ahead. Default: 4.")
