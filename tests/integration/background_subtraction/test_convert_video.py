"""The library call does what the command does, and what RobustVideoMatting's users expect of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from background_subtraction import BackgroundSubtractionError, OptionError, convert_video
from background_subtraction.compositing.colours import DEFAULT_COLOUR
from background_subtraction.compositing.masks import MaskOptions
from background_subtraction.image_files import read_image
from background_subtraction.live.settings import Settings
from background_subtraction.sinks.base import Encoding
from background_subtraction.sources.selection import Selection
from model_api import InferenceOptions, ModelOptions, Override, create_model
from tests.support import networks, networks_detection
from tests.support.media import WIDTH, indexed, read_video, write_images, write_video

FRAMES = 12


@pytest.fixture
def convert(models: Path, tmp_path: Path) -> Any:
    """`convert_video` on indexed frames."""
    folder = write_images(tmp_path / "in", (indexed(number) for number in range(FRAMES)))

    def call(**parameters: Any) -> Any:
        own = {"model": models / "red.onnx", "input_source": folder, "progress": False}
        return convert_video(**{**own, **parameters})

    return call


def test_a_png_sequence_of_composites_is_rgba(convert: Any, tmp_path: Path) -> None:
    """As RobustVideoMatting's: its colours where alpha is above 0, and the alpha."""
    convert(output_type="png_sequence", output_composition=tmp_path / "new" / "com")
    files = sorted((tmp_path / "new" / "com").iterdir())
    assert [file.name for file in files] == [f"{number:04d}.png" for number in range(FRAMES)]
    image = cv2.imread(str(files[3]), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert tuple(image[0, 0]) == (3, 0, 255, 255)
    assert tuple(image[0, -1]) == (0, 0, 0, 0)


@pytest.mark.parametrize(("parameters", "corner"), [({"background": "white"}, 255), ({"blur_bgr": 9}, 5)])
def test_a_png_sequence_over_a_background_is_opaque(
    convert: Any, tmp_path: Path, parameters: dict[str, Any], corner: int
) -> None:
    convert(output_type="png_sequence", output_composition=tmp_path / "com", **parameters)
    image = cv2.imread(str(tmp_path / "com" / "0005.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.shape[2] == 3
    assert image[0, -1, 0] == corner


def test_a_video_of_composites_is_over_green(convert: Any, tmp_path: Path) -> None:
    convert(output_type="video", output_composition=tmp_path / "a" / "b" / "com.mkv")
    assert tuple(read_video(tmp_path / "a" / "b" / "com.mkv")[0][0, -1]) == DEFAULT_COLOUR


def test_a_part_at_a_size_with_a_limit(convert: Any, tmp_path: Path) -> None:
    report = convert(
        output_composition=tmp_path / "o_%d.png",
        selection=Selection(start_s=Fraction(2), skip=1, rate=Fraction(2)),
        encoding=Encoding(limit=3, resolution=(128, 128)),
    )
    images = [read_image(tmp_path / f"o_{number}.png") for number in range(3)]
    assert report.frames == 3
    assert [int(image[0, 0, 0]) for image in images] == [5, 6, 7]
    assert images[0].shape[:2] == (96, 128)


def test_several_inputs_at_the_same_time_go_to_a_folder(models: Path, tmp_path: Path) -> None:
    clips = [write_video(tmp_path / f"{name}.mp4", (indexed(n) for n in range(9))) for name in "abc"]
    report = convert_video(
        models / "counting_dynamic.onnx", clips, output_alpha=tmp_path / "out", jobs=2, progress=False,
        inference=InferenceOptions(clips=2, threads=1),
    )  # fmt: skip
    assert report.frames == 27
    assert sorted(file.name for file in (tmp_path / "out").glob("*.mp4")) == [
        "a_alpha.mp4",
        "b_alpha.mp4",
        "c_alpha.mp4",
    ]


def test_the_options_of_models_arrive(convert: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    convert(
        output_alpha=tmp_path / "a_%d.png",
        override=Override(reverse_input_channels=False, mean_values=(0.0, 0.0, 0.0), scale_values=(255.0,) * 3),
        inference=InferenceOptions(cache_dir=str(tmp_path / "cache"), precision="f32"),
    )
    assert "input BGR, scale 255" in caplog.text
    assert list((tmp_path / "cache").rglob("*.blob"))
    network = networks_detection.mask_rcnn(tmp_path / "objects.onnx")
    people = {}
    for threshold in (0.5, 0.99):
        convert(
            model=network, output_alpha=tmp_path / "p_%d.png", model_options=ModelOptions(threshold=threshold),
            input_source=write_images(tmp_path / "half", [np.full((96, 160, 3), (0, 0, 180), np.uint8)]),
        )  # fmt: skip
        people[threshold] = int(read_image(tmp_path / "p_0.png").max())
    assert people == {0.5: 255, 0.99: 0}


def test_a_clean_plate_and_transparency(convert: Any, models: Path, tmp_path: Path) -> None:
    plate = write_images(tmp_path / "plate", [np.zeros((48, 64, 3), np.uint8)]) / "frame 0.png"
    convert(model=models / "difference.onnx", clean_plate=plate, output_transparent=tmp_path / "t_%d.png")
    image = cv2.imread(str(tmp_path / "t_9.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.shape[2] == 4
    assert (image[24, 5, 3], image[24, -5, 3]) == (255, 0)


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "cuda": ({"device": "cuda"}, "Available: CPU"),
    "an unknown type": ({"dtype": "int8"}, r"dtype: int8\. Expected float32, .*InferenceOptions\(precision=…\)"),
    "two requests": (
        {"seq_chunk": 2, "inference": InferenceOptions(requests=3)},
        r"seq_chunk: 2, but inference\.requests is 3\. Give one of them",
    ),
    "two codecs": ({"codec": "h264", "encoding": Encoding(codec="hevc")}, r"codec: 'h264', but encoding\.codec"),
    "a module": ({"model": type("Module", (), {"state_dict": None})()}, r"model: .* Export a PyTorch module first"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_contradictions_and_foreign_values_are_refused(convert: Any, tmp_path: Path, case: str) -> None:
    parameters, expected = REFUSED[case]
    with pytest.raises(BackgroundSubtractionError, match=expected):
        convert(output_alpha=tmp_path / "a.mp4", **parameters)
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("name", ["torch.float32", "float16", "bfloat16"])
def test_types_of_pytorch_are_understood(convert: Any, tmp_path: Path, name: str) -> None:
    assert convert(output_alpha=tmp_path / "a_%d.png", dtype=name).frames == FRAMES


def test_a_loaded_model_has_its_own_options(convert: Any, tmp_path: Path) -> None:
    with create_model(networks.red_is_alpha(tmp_path / "red.onnx")) as model:
        assert convert(model=model, output_alpha=tmp_path / "a_%d.png").frames == FRAMES
        with pytest.raises(OptionError, match="belong to create_model when the model is loaded"):
            convert(model=model, output_alpha=tmp_path / "a_%d.png", override=Override(reverse_input_channels=True))


def test_a_report_is_readable(convert: Any, tmp_path: Path) -> None:
    assert repr(convert(output_alpha=tmp_path / "a_%d.png")).startswith("Report(frames=12, fps=")


def test_settings_of_videos_for_images_are_warned_about(
    convert: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    convert(output_type="png_sequence", output_alpha=tmp_path / "pha", codec="h264", crf=20)
    assert "codec, crf: only videos use it, and all outputs are images" in caplog.text


def test_the_size_of_raw_frames_for_a_file_is_warned_about(
    convert: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    convert(output_alpha=tmp_path / "a_%d.png", selection=Selection(raw_size=(10, 10)))
    assert "raw_size: only a pipe (-i -) uses it" in caplog.text


def test_settings_of_the_mask_and_the_picture(convert: Any, tmp_path: Path) -> None:
    settings = Settings(target_bgr="0,0,9", mirror=True, mask=MaskOptions(threshold=1, grow_px=2))
    convert(output_composition=tmp_path / "o_%d.png", settings=settings)
    image, person = read_image(tmp_path / "o_0.png"), WIDTH // 3 + 2
    np.testing.assert_array_equal(image[:, -person:], indexed(0)[:, ::-1][:, -person:])
    assert (image[:, :-person] == (9, 0, 0)).all()
    with pytest.raises(OptionError, match=r"but settings.target_bgr is .* Give one of them"):
        convert(output_composition=tmp_path / "x_%d.png", background="white", settings=settings)
