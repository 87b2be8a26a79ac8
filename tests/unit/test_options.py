"""The command line: the Open Model Zoo demo's options, and what they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from background_subtraction.options import build_parser, parse_options
from background_subtraction.sinks import Encoding, Output
from background_subtraction.window import WindowOptions
from model_api.errors import OptionError
from model_api.resize import RESIZE_TYPES

REQUIRED = ["-m", "net.xml", "-i", "0"]

# From the parent demo's own README, the usage message of background_subtraction_demo.py.
PARENT_OPTIONS = """
    -h --help -m --model --adapter -i --input -d --device -t --prob_threshold --resize_type --labels --target_bgr
    --background --blur_bgr --layout -nireq --num_infer_requests -nstreams --num_streams -nthreads --num_threads
    --loop -o --output -limit --output_limit --no_show --show_with_original_frame --output_resolution
    -u --utilization_monitors -r --raw_output_message
"""
ADDED_OPTIONS = """
    --reverse_input_channels --no-reverse_input_channels --mean_values --scale_values --downsample_ratio --cache_dir
    --input_source --output_composition --output_alpha --output_foreground --output_transparent --output_type
    --output_video_mbps     --input_resize --seq_chunk --num_workers
    --codec --crf --no_audio --start --end --skip --fps --raw_size --virtual_camera --jobs
"""


def test_every_option_of_the_parent_is_there_and_no_other_than_those_told() -> None:
    known = {name for action in build_parser()._actions for name in action.option_strings}
    assert known == {*PARENT_OPTIONS.split(), *ADDED_OPTIONS.split()}


def test_defaults() -> None:
    options = parse_options(REQUIRED)
    assert (options.device, options.target_bgr, options.blur_bgr, options.loop) == ("CPU", None, 0, False)
    assert (options.outputs, options.encoding, options.raw_output) == ((), Encoding(), False)
    assert options.window == WindowOptions("composite", None, "")
    assert options.inference.requests is None
    assert options.model_options.fit is RESIZE_TYPES["standard"]
    assert options.notes == ()


def test_values_arrive() -> None:
    options = parse_options(
        [
            *REQUIRED, "-d", "AUTO:GPU,CPU", "--resize_type", "crop", "--target_bgr", "#fff", "--background", "p.png",
            "--blur_bgr", "31", "--layout", "src:NCHW,bgr:nhwc", "-nireq", "4", "-nstreams", "CPU:2", "-nthreads", "3",
            "--loop", "-o", "out.mp4", "-limit", "9", "--show_with_original_frame", "--output_resolution", "640x360",
            "-u", "MC", "-r", "--reverse_input_channels", "--mean_values", "127.5", "--scale_values", "1,2,3",
            "--downsample_ratio", "0.4", "--cache_dir", "cache",
        ]
    )  # fmt: skip
    assert options.device == "AUTO:GPU,CPU"
    assert options.model_options.fit is RESIZE_TYPES["crop"]
    assert options.model_options.downsample_ratio == 0.4
    assert (options.target_bgr, options.clean_plate, options.blur_bgr) == ("#fff", "p.png", 31)
    assert options.override.layouts == {"src": "NCHW", "bgr": "NHWC"}
    assert options.override.reverse_input_channels is True
    assert options.override.mean_values == (127.5, 127.5, 127.5)
    assert options.override.scale_values == (1, 2, 3)
    inference = options.inference
    assert (inference.requests, inference.streams, inference.threads, inference.cache_dir) == (4, "CPU:2", 3, "cache")
    assert options.outputs == (Output(Path("out.mp4"), "side by side"),)
    assert (options.loop, options.encoding.limit, options.raw_output) == (True, 9, True)
    assert options.window == WindowOptions("side by side", (640, 360), "cm")
    assert options.encoding.resolution == (640, 360)


def test_names_of_robust_video_matting_are_taken() -> None:
    """Its inference.py spells them with hyphens."""
    options = parse_options(
        [
            "-m", "net.onnx", "--input-source", "in.mp4", "--input-resize", "640x360", "--downsample-ratio", "0.25",
            "--output-type", "png_sequence", "--output-composition", "com", "--output-alpha", "pha",
            "--output-foreground", "fgr", "--output-video-mbps", "4", "--seq-chunk", "2", "--num-workers", "3",
        ]
    )  # fmt: skip
    assert [(output.path.name, output.view) for output in options.outputs] == [
        ("com", "composite"), ("pha", "alpha"), ("fgr", "foreground"),
    ]  # fmt: skip
    assert (options.encoding.type, options.encoding.quality.mbps) == ("png_sequence", 4)
    assert (options.cut.size, options.model_options.downsample_ratio) == ((640, 360), 0.25)
    assert (options.inference.requests, options.ahead) == (2, 3)


def test_what_a_matting_model_has_no_use_for_is_said() -> None:
    notes = parse_options([*REQUIRED, "-t", "0.7", "--labels", "names.txt"]).notes
    assert [note.split()[0] for note in notes] == ["-t", "--labels"]


def test_a_remote_adapter_says_that_it_is_not_there_yet() -> None:
    with pytest.raises(OptionError, match="not there yet"):
        parse_options([*REQUIRED, "--adapter", "ovms"])
