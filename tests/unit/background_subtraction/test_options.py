"""The command line: the Open Model Zoo demo's options, and what they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from background_subtraction.cli.arguments import build_parser
from background_subtraction.cli.parse import parse_options
from background_subtraction.live.settings import Settings
from background_subtraction.preview.window import WindowOptions
from background_subtraction.sinks.base import Encoding, Output
from model_api.adapters.openvino_adapter import InferenceOptions
from model_api.errors import OptionError
from model_api.models.labels import person_number

REQUIRED = ["-m", "net.xml", "-i", "0"]

# From the parent demo's own README, the usage message of background_subtraction_demo.py.
PARENT_OPTIONS = """
    -h --help -m --model --adapter -i --input -d --device -t --prob_threshold --resize_type --labels --target_bgr
    --background --blur_bgr --layout -nireq --num_infer_requests -nstreams --num_streams -nthreads --num_threads
    --loop -o --output -limit --output_limit --no_show --show_with_original_frame --output_resolution
    -u --utilization_monitors -r --raw_output_message
"""
ADDED_OPTIONS = """
    --reverse_input_channels --no-reverse_input_channels --mean_values --scale_values --downsample_ratio
    --output_name --person_class --activation --cache_dir --refiner --infer_precision --no_scene_cuts
    --input_source --output_composition --output_alpha --output_foreground --output_transparent --output_type
    --output_video_mbps     --input_resize --seq_chunk --num_workers
    --print_completion --disable_progress --checkpoint --variant
    --version --codec --crf --no_audio --start --end --skip --fps --raw_size --virtual_camera --jobs --server_timeout
    --server_ca --server_token
    --input_list --recursive --workers --cluster --split --shard --resume --overwrite --manifest
    --preset --save_preset --mask_threshold --mask_grow --mask_soften --mask_steadiness --mask_every
    --skip_similar --no-skip_similar --mirror --no-mirror --auto_framing --no-auto_framing --zoom_limit
    --camera_size --camera_format --list_cameras --server_ca --server_token
    --web --web_token --web_names --web_certificate --web_key
"""


def test_every_option_of_the_parent_is_there_and_no_other_than_those_told() -> None:
    known = {name for action in build_parser("program")._actions for name in action.option_strings}
    assert known == {*PARENT_OPTIONS.split(), *ADDED_OPTIONS.split()}


def test_defaults() -> None:
    options = parse_options(REQUIRED)
    assert (options.device, options.settings, options.loop) == ("CPU", Settings(model="net.xml"), False)
    assert (options.outputs, options.encoding, options.raw_output) == ((), Encoding(), False)
    assert options.window == WindowOptions("composite", None)
    assert options.inference.requests is None
    assert options.model_options.resize_type == "standard"
    assert (options.model_options.threshold, options.model_options.labels) == (0.5, ("background", "person"))
    assert options.for_detection == ()
    assert options.scene_cuts


def test_values_arrive() -> None:
    options = parse_options(
        [
            *REQUIRED, "-d", "AUTO:GPU,CPU", "--resize_type", "crop", "--target_bgr", "#fff", "--background", "p.png",
            "--blur_bgr", "31", "--layout", "src:NCHW,bgr:nhwc", "-nireq", "4", "-nstreams", "CPU:2", "-nthreads", "3",
            "--loop", "-o", "out.mp4", "-limit", "9", "--show_with_original_frame", "--output_resolution", "640x360",
            "-u", "MC", "-r", "--reverse_input_channels", "--mean_values", "127.5", "--scale_values", "1,2,3",
            "--downsample_ratio", "0.4", "--cache_dir", "cache", "--no_scene_cuts",
        ]
    )  # fmt: skip
    assert options.device == "AUTO:GPU,CPU"
    assert not options.scene_cuts
    assert options.model_options.resize_type == "crop"
    assert options.model_options.downsample_ratio == 0.4
    assert (options.settings.target_bgr, options.clean_plate, options.settings.blur_bgr) == ("#fff", "p.png", 31)
    assert options.override.layouts == {"src": "NCHW", "bgr": "NHWC"}
    assert options.override.reverse_input_channels is True
    assert options.override.mean_values == (127.5, 127.5, 127.5)
    assert options.override.scale_values == (1, 2, 3)
    inference = options.inference
    assert (inference.requests, inference.streams, inference.threads, inference.cache_dir) == (4, "CPU:2", 3, "cache")
    assert options.outputs == (Output(Path("out.mp4"), "side by side"),)
    assert (options.loop, options.encoding.limit, options.raw_output) == (True, 9, True)
    assert options.window == WindowOptions("side by side", (640, 360))
    assert options.monitors == "cm"
    assert options.encoding.resolution == (640, 360)


def test_names_of_robust_video_matting_are_taken() -> None:
    """Its inference.py spells them with hyphens. Its composites of a png_sequence are RGBA."""
    options = parse_options(
        [
            "-m", "net.onnx", "--input-source", "in.mp4", "--input-resize", "640", "360", "--downsample-ratio", "0.25",
            "--output-type", "png_sequence", "--output-composition", "com", "--output-alpha", "pha",
            "--output-foreground", "fgr", "--output-video-mbps", "4", "--seq-chunk", "2", "--num-workers", "3",
            "--disable-progress",
        ]
    )  # fmt: skip
    assert [(output.path.name, output.view) for output in options.outputs] == [
        ("com", "transparent"), ("pha", "alpha"), ("fgr", "foreground"),
    ]  # fmt: skip
    assert (options.encoding.type, options.encoding.quality.mbps) == ("png_sequence", 4)
    assert (options.selection.size, options.model_options.downsample_ratio) == ((640, 360), 0.25)
    assert (options.inference.requests, options.ahead, options.progress) == (2, 3, False)
    assert parse_options([*REQUIRED, "--input-resize", "640x360"]).selection.size == (640, 360)


def test_what_is_for_detection_is_kept_apart_for_models_that_have_no_use_for_it(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("person\n")
    options = parse_options([*REQUIRED, "-t", "0.7", "--labels", str(tmp_path / "names.txt")])
    assert sorted(options.for_detection) == ["--labels", "-t"]
    assert options.model_options.threshold == 0.7


@pytest.mark.parametrize(
    ("text", "number", "names"),
    [
        ("__background__\nperson\nbicycle\n", 1, ("__background__", "person", "bicycle")),
        ("person\nbicycle\n\n", 1, ("background", "person", "bicycle")),
        ("BG\ncat\n  Person \n", 2, ("BG", "cat", "Person")),
        ("cat\r\nperson", 2, ("background", "cat", "person")),
    ],
)
def test_labels_with_a_background_and_without(tmp_path: Path, text: str, number: int, names: tuple[str, ...]) -> None:
    """Both forms of the lists in the Open Model Zoo's data/dataset_classes name the same classes."""
    (tmp_path / "names.txt").write_bytes(text.encode())
    labels = parse_options([*REQUIRED, "--labels", str(tmp_path / "names.txt")]).model_options.labels
    assert labels == names
    assert person_number(labels) == number


def test_a_model_server_is_asked_for_by_its_adapter() -> None:
    options = parse_options(["-m", "host:9000/models/rvm", "-i", "0", "--adapter", "ovms", "--server_timeout", "2.5"])
    assert (options.model, options.adapter, options.inference.timeout_s) == ("host:9000/models/rvm", "ovms", 2.5)
    assert parse_options(REQUIRED).adapter == "openvino"
    assert parse_options(REQUIRED).inference == InferenceOptions()


def test_a_server_needs_an_address() -> None:
    with pytest.raises(OptionError, match="where is the model"):
        parse_options(["-i", "0", "--adapter", "ovms"])


def test_models_that_come_with_the_program_go_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = {
        "video": ["-i", "0"],
        "clean_plate": ["-i", "0", "--background", "room.png"],
        "portrait": ["-i", "0", "-m", "portrait", "--background", "room.png"],
    }
    for name, arguments in asked.items():
        file = Path(parse_options(arguments).model)
        assert (file.stem, file.parent.name) == (name, "bundled")
        assert file.is_file()
    (tmp_path / "portrait").write_text("a file of that name comes first")
    assert parse_options(["-i", "0", "-m", "portrait"]).model == "portrait"
    with pytest.raises(OptionError, match=r"no such model\. Expected a file.* or one of clean_plate, portrait, video"):
        parse_options(["-i", "0", "-m", "portait"])
