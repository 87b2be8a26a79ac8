"""The command line: each option, its default and its range, once. Nothing below looks at it."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from background_subtraction import values
from background_subtraction.backgrounds import TRANSPARENT
from background_subtraction.codecs import CODECS
from background_subtraction.cut import Cut
from background_subtraction.sinks import OUTPUT_TYPES, Encoding, Output
from background_subtraction.video_sink import Quality
from background_subtraction.window import WindowOptions
from model_api.adapters.kserve_address import ADDRESS_FORMS
from model_api.adapters.networks import ADAPTERS
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.errors import OptionError
from model_api.labels import read_labels
from model_api.models.model import ModelOptions
from model_api.preprocessing import Override
from model_api.resize import RESIZE_TYPES

DETECTION = {"threshold": "-t", "labels": "--labels"}
"""Fields of ModelOptions that models without detections have no use for, and how they are asked for."""


@dataclass(frozen=True)
class Options:
    """One run, checked. window: None to show none. jobs: clips at once. ahead: frames decoded beforehand.
    progress: whether to show a bar, None for where there is a terminal. for_detection: the options that were given
    and say something to a model that detects objects only."""

    model: str
    inputs: tuple[str, ...]
    device: str = "CPU"
    adapter: str = "openvino"
    inference: InferenceOptions = InferenceOptions()
    override: Override = Override()
    model_options: ModelOptions = ModelOptions()
    target_bgr: str | None = None
    blur_bgr: int = 0
    clean_plate: str | None = None
    loop: bool = False
    cut: Cut = Cut()
    outputs: tuple[Output, ...] = ()
    encoding: Encoding = Encoding()
    virtual_camera: str | None = None
    window: WindowOptions | None = field(default_factory=WindowOptions)
    raw_output: bool = False
    jobs: int = 1
    ahead: int = 4
    progress: bool | None = None
    for_detection: tuple[str, ...] = ()


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Raises OptionError; argparse itself ends the program with exit code 2 and a line about what it got."""
    args = build_parser().parse_args(_with_underscores(sys.argv[1:] if arguments is None else arguments))
    if args.jobs > 1 and not args.no_show:
        raise OptionError("--jobs runs without a window: add --no_show")
    preview = "side by side" if args.show_with_original_frame else "composite"
    return Options(
        model=args.model,
        inputs=tuple(args.input),
        device=args.device,
        adapter=args.adapter,
        inference=_inference_options(args),
        override=Override(args.reverse_input_channels, args.mean_values, args.scale_values, args.layout),
        model_options=_model_options(args),
        target_bgr=args.target_bgr,
        blur_bgr=args.blur_bgr,
        clean_plate=args.background,
        loop=args.loop,
        cut=Cut(args.start, args.end, args.skip, args.fps, args.input_resize, args.raw_size),
        outputs=(
            *outputs_of(composite_view(args.target_bgr, preview), args.output),
            *outputs_of("alpha", args.output_alpha),
            *outputs_of("foreground", args.output_foreground),
            *outputs_of("transparent", args.output_transparent),
        ),
        encoding=_encoding(args),
        virtual_camera=args.virtual_camera,
        window=None if args.no_show else WindowOptions(preview, args.output_resolution, args.utilization_monitors),
        raw_output=args.raw_output_message,
        jobs=args.jobs,
        ahead=args.num_workers,
        for_detection=tuple(DETECTION[name] for name in _given(args)),
    )


def outputs_of(view: str, paths: Sequence[Path]) -> tuple[Output, ...]:
    return tuple(Output(path, view) for path in paths)


def composite_view(target: str | None, preview: str = "composite") -> str:
    """A composite over a transparent background is transparent."""
    return "transparent" if target == TRANSPARENT else preview


def _encoding(args: argparse.Namespace) -> Encoding:
    quality = Quality(args.crf, args.output_video_mbps)
    return Encoding(args.output_type, args.codec, quality, args.output_limit, not args.no_audio, args.output_resolution)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="background_subtraction_demo.py",
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
    add("-m", "--model", required=True, help="Required. The network: IR (.xml), ONNX, or what else OpenVINO reads.")
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
    add("--crf", type=values.natural, help="Constant quality, in the codec's own scale: less is better.")
    add("--output_video_mbps", type=values.positive_number, help="A bit rate in place of constant quality.")
    add("--no_audio", action="store_true", help="Leave the input's sound and subtitles out of composites.")
    add("--start", type=values.seconds, default=Fraction(0), metavar="SECONDS", help="Where in the input to begin.")
    add("--end", type=values.seconds, metavar="SECONDS", help="Where in the input to end.")
    add("--skip", type=values.natural, default=0, help="Frames to leave out at the beginning.")
    add("--fps", type=values.rate, help="Frames per second of images and raw pipes: 25, 30000/1001. Default: 30.")
    add("--input_resize", type=values.resolution, metavar="WxH", help="Resize the input first.")
    add("--raw_size", type=values.resolution, metavar="WxH", help="-i - carries bare BGR frames of this size.")
    add("--seq_chunk", type=values.positive, help="As -nireq, by the name that RobustVideoMatting gives it.")
    add("--num_workers", type=values.positive, default=4, help="Frames decoded ahead. Default: 4.")


def _with_underscores(arguments: Sequence[str]) -> list[str]:
    """RobustVideoMatting spells --output-type what is --output_type here: both are taken."""
    return [
        re.sub(r"^--[a-z-]+", lambda name: "--" + name[0][2:].replace("-", "_"), text)
        if re.match(r"--[a-z]", text) and not text.startswith("--no-")
        else text
        for text in arguments
    ]


def _inference_options(args: argparse.Namespace) -> InferenceOptions:
    requests = args.num_infer_requests or args.seq_chunk
    return InferenceOptions(
        requests, args.num_streams, args.num_threads, args.cache_dir, args.jobs, args.server_timeout
    )


def _model_options(args: argparse.Namespace) -> ModelOptions:
    return ModelOptions(RESIZE_TYPES[args.resize_type or "standard"], args.downsample_ratio, **_given(args))


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Those of the options of DETECTION that were given."""
    return {name: value for name, value in vars(args).items() if name in DETECTION and value is not None}
