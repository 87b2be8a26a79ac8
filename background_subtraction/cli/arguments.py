"""The command line: each option, its default and its range, once."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NoReturn

from background_subtraction import __version__
from background_subtraction.cli import argument_types as values
from background_subtraction.cli.cameras import ListCameras
from background_subtraction.cli.completion import PrintCompletion
from background_subtraction.cli.groups.batch_arguments import add_batch_arguments
from background_subtraction.cli.groups.live_arguments import add_live_arguments
from background_subtraction.cli.groups.web_arguments import add_web_arguments
from background_subtraction.cli.model_arguments import add_computing_arguments, add_preprocessing_arguments
from background_subtraction.sinks.base import OUTPUT_TYPES
from background_subtraction.sinks.formats import CODECS
from background_subtraction.sinks.open import DEVICES
from background_subtraction.sources.selection import Selection
from model_api.adapters.factory import ADAPTERS
from model_api.adapters.kserve.address import ADDRESS_FORMS
from model_api.bundled import names
from model_api.errors import OptionError
from model_api.models.base import ModelOptions
from model_api.resize import RESIZE_TYPES

OPTION_OF: Mapping[str, str] = {
    "model": "-m", "adapter": "--adapter", "inputs": "-i", "device": "-d", "threshold": "-t",
    "resize_type": "--resize_type",
    "labels": "--labels", "target_bgr": "--target_bgr", "clean_plate": "--background", "blur_bgr": "--blur_bgr",
    "layouts": "--layout", "output_name": "--output_name", "person_class": "--person_class",
    "activation": "--activation", "mean_values": "--mean_values", "scale_values": "--scale_values",
    "downsample_ratio": "--downsample_ratio", "requests": "-nireq", "streams": "-nstreams", "threads": "-nthreads",
    "precision": "--infer_precision", "cache_dir": "--cache_dir", "timeout_s": "--server_timeout",
    "server_ca": "--server_ca", "server_token": "--server_token", "outputs": "-o", "limit": "-limit",
    "resolution": "--output_resolution", "monitors": "-u", "jobs": "--jobs", "type": "--output_type",
    "codec": "--codec", "crf": "--crf", "mbps": "--output_video_mbps", "start_s": "--start", "end_s": "--end",
    "workers": "--workers", "cluster": "--cluster", "shard": "--shard", "resume": "--resume",
    "overwrite": "--overwrite", "manifest": "--manifest", "split": "--split",
    "skip": "--skip", "rate": "--fps", "size": "--input_resize", "raw_size": "--raw_size", "ahead": "--num_workers",
    "camera_size": "--camera_size", "camera_format": "--camera_format", "mask_threshold": "--mask_threshold",
    "grow_px": "--mask_grow", "soften_px": "--mask_soften",
    "steadiness": "--mask_steadiness", "mask_every": "--mask_every", "zoom_limit": "--zoom_limit",
    "preset": "--preset", "save_preset": "--save_preset",
}  # fmt: skip
"""Parameter of the library -> the option that gives it."""

USAGE = """%(prog)s -i INPUT [-m MODEL] [-o FILE] [--target_bgr BACKGROUND] [options]
       %(prog)s camera-setup [options]   print what makes it a camera of a Linux machine
       %(prog)s serve [options]          a web server without a camera of its own"""
EXAMPLES = """examples:
  The camera in a window, with the room blurred:
    %(prog)s -i 0 --blur_bgr 60
  A video over an image, written to a file:
    %(prog)s -i talk.mp4 --target_bgr beach.jpg -o out.mp4 --no_show
  The person alone, with transparency, for a video editor:
    %(prog)s -i talk.mp4 --output_transparent out.mov --no_show
  Images in, alphas as images out:
    %(prog)s -i frames/%%04d.png --output_alpha alphas/%%04d.png --no_show
  A folder of videos and all folders in it, in two processes; and what is left of it, after an interruption:
    %(prog)s -i clips/ -o results/ --recursive --workers 2 --no_show
    %(prog)s -i clips/ -o results/ --recursive --workers 2 --resume --no_show
  A model that compares with an image of the empty room:
    %(prog)s -i 0 --background empty_room.png
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise OptionError."""
        raise OptionError(f"{message}. All options: {self.prog} -h")


def build_parser(program: str) -> Parser:
    """Make the parser of the command. program: its name in messages."""
    parser = Parser(
        prog=program,
        usage=USAGE,
        description="Puts the person in a video, camera or image over another background.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    _add_options(parser.add_argument_group("Options"))
    add_live_arguments(parser.add_argument_group("Mask and picture options"))
    _add_model_options(parser.add_argument_group("What the model expects, where its file does not say it"))
    _add_inference_options(parser.add_argument_group("Inference options"))
    _add_io_options(parser.add_argument_group("Input/output options"))
    _add_file_options(parser.add_argument_group("File options"))
    add_batch_arguments(parser.add_argument_group("Many inputs"))
    add_web_arguments(parser.add_argument_group("Web page"))
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
    add("--print_completion", action=PrintCompletion, help="Print a script that completes options in a shell and exit.")
    add(
        "-m",
        "--model",
        help="An IR (.xml), an ONNX file or another format that OpenVINO reads, or the name of a model that comes "
        f"with the program: {', '.join(names())}. Default: video; with --background, clean_plate.",
    )
    add(
        "--adapter",
        choices=tuple(ADAPTERS),
        default="openvino",
        help=f"Where the model runs: openvino, on this machine; ovms, on a model server, and -m is {ADDRESS_FORMS}. "
        "Default: openvino.",
    )
    add(
        "-i",
        "--input",
        "--input_source",
        nargs="+",
        default=[],
        help="Required. An image, a folder of images or of videos, a pattern such as frames/%%04d.png or clips/*.mp4, "
        "a video, the address of a stream, a camera's number or path, or - for a pipe. Several are processed one after "
        "another.",
    )
    add("-d", "--device", default="CPU", help="CPU, GPU, NPU, AUTO, AUTO:GPU,CPU or HETERO:GPU,CPU. Default: CPU.")
    add(
        "-t",
        "--prob_threshold",
        dest="threshold",
        type=values.probability,
        metavar="PROBABILITY",
        help="Detections below this score are ignored. Instance segmentation only. "
        f"Default: {ModelOptions.threshold:g}.",
    )
    add(
        "--resize_type",
        choices=sorted(RESIZE_TYPES),
        help="How a frame is resized to the network's input. Default: standard, stretched.",
    )
    add(
        "--labels",
        metavar="FILE",
        help="A text file with a class name on each line. Instance segmentation only. Default: the first class is the "
        "person.",
    )
    add(
        "--target_bgr",
        metavar="COLOUR|IMAGE|VIDEO",
        help='The new background: "R,G,B", "#rrggbb", a colour name, "transparent", an image, a video, a pattern, or '
        '"none" for the input as it is. Default: green.',
    )
    add(
        "--background",
        metavar="IMAGE|VIDEO",
        help="The same scene without the person, for models that compare with it (src, bgr). In the window, B captures "
        "it.",
    )
    add(
        "--blur_bgr",
        type=values.natural,
        default=0,
        metavar="PIXELS",
        help="Blur the background as a box of this width does. Default: 0, no blur.",
    )


def _add_model_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add_preprocessing_arguments(group)
    add(
        "--downsample_ratio",
        type=values.ratio,
        help="For networks that have this input. Default: 512 / the frame's longer side, at most 1.",
    )


def _add_inference_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-nireq",
        "--num_infer_requests",
        type=values.positive,
        help="Inference requests at the same time. Default: the device decides; always 1 for a recurrent model.",
    )
    add_computing_arguments(group)
    add(
        "--refiner",
        choices=("outside", "inside"),
        default="outside",
        help="Where Robust Video Matting's guided filter is computed: outside the network, together with the "
        "composite, or inside it, on the device. Default: outside.",
    )
    add("--no_scene_cuts", action="store_true", help="Recurrent models keep their state at scene cuts too.")
    add(
        "--server_timeout",
        type=values.positive_number,
        default=60.0,
        metavar="SECONDS",
        help="How long a model server may take for a whole request. Default: 60.",
    )
    add(
        "--server_ca",
        metavar="FILE",
        help="A PEM file with the authority that signed the model server's certificate. Default: the system's "
        "authorities.",
    )
    add(
        "--server_token",
        type=values.secret,
        metavar="FILE|env:NAME",
        help="A file, or an environment variable, that holds the token for a model server that wants to know who asks.",
    )


def _add_io_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--loop", action="store_true", help="At the end of the input, start again.")
    files: dict[str, Any] = {"nargs": "+", "default": [], "metavar": "FILE"}
    add(
        "-o",
        "--output",
        "--output_composition",
        **files,
        help="Save composites: to a video (the ending of the name decides the format), to images by a pattern such as "
        "out_%%05d.png, or to a folder such as results/.",
    )
    add("--output_alpha", **files, help="Save alphas, in the same ways.")
    add("--output_foreground", **files, help="Save foregrounds over black, in the same ways.")
    add("--output_transparent", **files, help="Save the person alone, with transparency, in the same ways.")
    add("-limit", "--output_limit", type=values.limit, default=0, help="Save this many frames. Default: 0, all.")
    add("--no_show", action="store_true", help="Do not open a window.")
    add("--show_with_original_frame", action="store_true", help="Put the input frame beside the result.")
    add(
        "--output_resolution",
        type=values.resolution,
        metavar="WxH",
        help="Scale the result up or down so that it just fits into this size. Default: the size of the input.",
    )
    add(
        "-u",
        "--utilization_monitors",
        type=values.monitors,
        default="",
        help="Show these graphs, and print their means at the end: c CPU, d distribution over the cores, m memory; "
        "for example cdm.",
    )
    for name, device in DEVICES.items():
        add(f"--{name}", nargs="?", const="", metavar="DEVICE", help=device.summary)


def _add_file_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--output_type", choices=OUTPUT_TYPES, default="", help="Videos or folders of images. Default: by the name.")
    add("--codec", choices=tuple(CODECS), help="Default: one that suits the container, and transparency.")
    add("--crf", type=values.quality, help="Constant quality, on the codec's own scale: lower is better.")
    add("--output_video_mbps", type=values.positive_number, help="A bit rate instead of constant quality.")
    add("--no_audio", action="store_true", help="Leave out the input's sound and subtitles.")
    add("--start", type=values.seconds, default=Fraction(0), metavar="SECONDS", help="Start here in the input.")
    add("--end", type=values.seconds, metavar="SECONDS", help="End here in the input.")
    add("--skip", type=values.natural, default=0, help="Leave out this many frames at the start.")
    add(
        "--fps",
        type=values.rate,
        help="The frame rate of images and raw pipes, or the one to request from a camera: 25, 30000/1001. "
        "Default: 30.",
    )
    add(
        "--camera_size",
        type=values.camera_size,
        default=Selection.camera_size,
        metavar="WxH",
        help="The size to request from a camera, or auto for its own choice. Default: 1280x720.",
    )
    add(
        "--camera_format",
        type=values.camera_format,
        default=Selection.camera_format,
        metavar="FOURCC",
        help="The format to request from a camera: MJPG, YUYV, …, or auto for its own choice. Default: MJPG.",
    )
    add("--list_cameras", action=ListCameras, help="List the cameras of this machine and exit.")
    add("--input_resize", nargs="+", action=values.SizeAction, metavar="WxH", help="Resize the input before all else.")
    add("--raw_size", type=values.resolution, metavar="WxH", help="-i - carries raw BGR frames of this size.")
    add("--seq_chunk", type=values.positive, help="The same as -nireq, by its name in RobustVideoMatting.")
    add("--num_workers", type=values.natural, default=4, help="Decode this many frames ahead. Default: 4.")
    add("--disable_progress", action="store_true", help="Do not show a progress bar.")
    checkpoint = "RobustVideoMatting's option. Not read here: the message says how to convert the checkpoint."
    add("--checkpoint", metavar="FILE", help=checkpoint)
    add("--variant", choices=("mobilenetv3", "resnet50"), help="RobustVideoMatting's option. Not needed here.")
