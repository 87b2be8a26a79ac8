"""The command line: each option, its default and its range, once. Nothing below looks at it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from background_subtraction.window import WindowOptions
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.errors import OptionError
from model_api.models.model import ModelOptions
from model_api.preprocessing import Override, Triple, triple
from model_api.resize import RESIZE_TYPES
from model_api.types import Size


@dataclass(frozen=True)
class Options:
    """One run, checked. output_limit: 0 for all frames. window: None to show none."""

    model: str
    input: str
    device: str = "CPU"
    inference: InferenceOptions = InferenceOptions()
    override: Override = Override()
    model_options: ModelOptions = ModelOptions()
    target_bgr: str | None = None
    blur_bgr: int = 0
    clean_plate: str | None = None
    loop: bool = False
    output: Path | None = None
    output_limit: int = 0
    window: WindowOptions | None = field(default_factory=WindowOptions)
    raw_output: bool = False
    view: str = "composite"
    resolution: Size | None = None
    notes: tuple[str, ...] = ()


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Raises OptionError; argparse itself ends the program with exit code 2 and a line about what it got."""
    args = build_parser().parse_args(arguments)
    if args.adapter == "ovms":
        raise OptionError("--adapter ovms: remote models are not there yet. Run the model here: --adapter openvino")
    view = "side by side" if args.show_with_original_frame else "composite"
    return Options(
        model=args.model,
        input=args.input,
        device=args.device,
        inference=InferenceOptions(args.num_infer_requests, args.num_streams, args.num_threads, args.cache_dir),
        override=Override(args.reverse_input_channels, args.mean_values, args.scale_values, args.layout),
        model_options=ModelOptions(RESIZE_TYPES[args.resize_type or "standard"], args.downsample_ratio),
        target_bgr=args.target_bgr,
        blur_bgr=args.blur_bgr,
        clean_plate=args.background,
        loop=args.loop,
        output=args.output,
        output_limit=args.output_limit,
        window=None if args.no_show else WindowOptions(view, args.output_resolution, args.utilization_monitors),
        raw_output=args.raw_output_message,
        view=view,
        resolution=args.output_resolution,
        notes=_notes(args),
    )


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
    parser.add_argument_group("Debug options").add_argument(
        "-r",
        "--raw_output_message",
        action="store_true",
        help="Print a histogram of each frame's alpha.",
    )
    return parser


def _add_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-h", "--help", action="help", help="Show this help message and exit.")
    add("-m", "--model", required=True, help="Required. The network: IR (.xml), ONNX, or what else OpenVINO reads.")
    add("--adapter", choices=("openvino", "ovms"), default="openvino", help="Where it runs. Default: openvino.")
    add(
        "-i",
        "--input",
        required=True,
        help="Required. An image, a folder of images, a video file, a stream's address or a camera's number.",
    )
    add("-d", "--device", default="CPU", help="CPU, GPU, NPU, AUTO, AUTO:GPU,CPU, HETERO:GPU,CPU. Default: CPU.")
    add(
        "-t",
        "--prob_threshold",
        type=_probability,
        help="Probability a detection must have. For instance segmentation only.",
    )
    add(
        "--resize_type",
        choices=sorted(RESIZE_TYPES),
        help="How a frame is laid into a network's input of another size. Default: standard, stretched.",
    )
    add("--labels", help="A file with the class names, a line each. For instance segmentation only.")
    add(
        "--target_bgr",
        metavar="COLOUR|IMAGE|VIDEO",
        help='What comes behind the person: "R,G,B", "#rrggbb", a name, an image or a video. Default: green.',
    )
    add(
        "--background",
        metavar="IMAGE|VIDEO",
        help="The same scene without the person, for models that compare with it (src, bgr). Live: key B.",
    )
    add(
        "--blur_bgr",
        type=_natural,
        default=0,
        metavar="PIXELS",
        help="Blur the background, as wide as a box of so many pixels. Default: 0, none.",
    )
    add(
        "--layout",
        type=_layouts,
        default={},
        help="Layout of the inputs, NCHW or input0:NCHW,input1:NHWC, where the file does not tell.",
    )


def _add_model_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--reverse_input_channels", action=argparse.BooleanOptionalAction, help="It takes RGB instead of BGR.")
    add("--mean_values", type=_triple, metavar="M|R,G,B", help="Subtracted from the pixels, 0..255.")
    add("--scale_values", type=_triple, metavar="S|R,G,B", help="The pixels, less the mean, are divided by these.")
    add(
        "--downsample_ratio",
        type=_ratio,
        help="For networks that take one. Default: 512 / the frame's long side, 1 at most.",
    )


def _add_inference_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-nireq",
        "--num_infer_requests",
        type=_positive,
        help="Requests in flight. Default: what the device wants; always 1 for a recurrent model.",
    )
    add(
        "-nstreams",
        "--num_streams",
        default="",
        help="Streams: <n>, or <device>:<n>,<device>:<n> for HETERO and AUTO. Default: what the device wants.",
    )
    add("-nthreads", "--num_threads", type=_positive, help="Threads on the CPU. Default: all cores.")
    add("--cache_dir", help="A folder that keeps compiled models, so that the next start is quick.")


def _add_io_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--loop", action="store_true", help="Begin the input again at its end.")
    add("-o", "--output", type=Path, help="Save to a .mp4 or .avi file, or to images: out_%%05d.png.")
    add("-limit", "--output_limit", type=_natural, default=0, help="Frames to save. Default: 0, all.")
    add("--no_show", action="store_true", help="No window.")
    add("--show_with_original_frame", action="store_true", help="Put the input frame beside the result.")
    add("--output_resolution", type=_resolution, metavar="WxH", help="The largest size of the result.")
    add(
        "-u",
        "--utilization_monitors",
        type=_monitors,
        default="",
        help="Graphs to begin with: c CPU, d distribution over the cores, m memory; for example cdm.",
    )


def _notes(args: argparse.Namespace) -> tuple[str, ...]:
    """What was given and does nothing is said, not passed over."""
    given = {"-t": args.prob_threshold, "--labels": args.labels}
    return tuple(
        f"{name} is for instance segmentation: a matting model has no use for it"
        for name, value in given.items()
        if value is not None
    )


def _number(text: str, kind: type[int] | type[float], low: float, high: float, words: str) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = kind(low) - 1
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f'"{text}": expected {words}')
    return value


def _positive(text: str) -> int:
    return int(_number(text, int, 1, 1 << 30, "a whole number from 1"))


def _natural(text: str) -> int:
    return int(_number(text, int, 0, 1 << 30, "a whole number from 0"))


def _probability(text: str) -> float:
    return _number(text, float, 0, 1, "a number from 0 to 1")


def _ratio(text: str) -> float:
    return _number(text, float, 1e-3, 1, "a number above 0, 1 at most")


def _triple(text: str) -> Triple:
    try:
        return triple(tuple(float(number) for number in re.split(r"[\s,]+", text.strip())))
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}": expected one number or three, such as 127.5 or 1,2,3') from None


def _resolution(text: str) -> Size:
    found = re.fullmatch(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", text)
    if not found:
        raise argparse.ArgumentTypeError(f'"{text}": expected WIDTHxHEIGHT, such as 1280x720')
    return int(found[1]), int(found[2])


def _monitors(text: str) -> str:
    if not set(text.lower()) <= set("cdmh"):
        raise argparse.ArgumentTypeError(f'"{text}": expected some of the letters c, d, m')
    return "".join(sorted(set(text.lower()) - {"h"}))


def _layouts(text: str) -> dict[str, str]:
    """Input name -> layout; "" for a layout without a name."""
    pairs = [part.strip().rpartition(":")[::2] for part in text.split(",")]
    layouts = {name: layout.strip("[]").upper() for name, layout in pairs}
    if not all(re.fullmatch(r"[NCHW]{1,4}", layout) for layout in layouts.values()):
        raise argparse.ArgumentTypeError(f'"{text}": expected NCHW, or input0:NCHW,input1:NHWC')
    return layouts
