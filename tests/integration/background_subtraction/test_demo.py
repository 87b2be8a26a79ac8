"""The command, end to end, on real clips and on clips whose answer is known."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from background_subtraction.compositing.clean_plate import CleanPlate
from background_subtraction.compositing.colours import DEFAULT_COLOUR
from background_subtraction.image_files import read_image
from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, Frame, create_model
from tests.conftest import COMMAND, RunDemo
from tests.support import networks
from tests.support.media import HEIGHT, WIDTH, indexed, read_video, write_images, write_video

STAGES = ("Decoding", "Preprocessing", "Inference", "Postprocessing", "Rendering", "Writing")


def test_a_video_becomes_a_video_of_the_same_length_and_rate(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    rate = Fraction(24000, 1001)
    clip = write_video(tmp_path / "in.mp4", (indexed(n) for n in range(30)), rate)
    done = run_demo("-m", models / "red.onnx", "-i", clip, "-o", "out.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].average_rate == rate
        assert container.streams.video[0].frames == 30
    for line in ("Metrics report:", "Frames: 30", "FPS:", "Latency:", *(f"{stage}:" for stage in STAGES)):
        assert line in done.stdout


def test_without_a_terminal_there_is_no_progress_bar(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [indexed(1)] * 3)
    assert run_demo("-m", models / "red.onnx", "-i", tmp_path / "in").stderr == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a pseudo-terminal")
def test_on_a_terminal_a_bar_tells_frames_time_and_size(
    models: Path, tmp_path: Path, demo_environment: dict[str, str]
) -> None:
    clip = write_video(tmp_path / "in.mp4", (indexed(n, 320, 240) for n in range(300)))
    words = ["-m", models / "red.onnx", "-i", clip, "-o", tmp_path / "out.mp4"]
    last = on_a_terminal(words, tmp_path, demo_environment)[-1]
    assert re.search(r"100%.*300/300 \[\d\d:\d\d<00:00, +[\d.]+frame/s, \d+\.\d MB\]", last), last


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a pseudo-terminal")
def test_the_bar_knows_the_limit_and_names_several_inputs(
    models: Path, tmp_path: Path, demo_environment: dict[str, str]
) -> None:
    for name in ("one", "two"):
        write_video(tmp_path / f"{name}.mp4", (indexed(n) for n in range(30)))
    words = ["-i", "one.mp4", "two.mp4", "--loop", "-o", "out", "-limit", "20"]
    shown = on_a_terminal(["-m", models / "red.onnx", *words], tmp_path, demo_environment)
    assert any(line.startswith("two (1/2): ") for line in shown), shown
    assert re.search(r"^\(2/2\): 100%.* 40/40 \[", shown[-1]), shown[-1]
    again = [*words, "--overwrite", "--disable-progress"]
    silent = on_a_terminal(["-m", models / "red.onnx", *again], tmp_path, demo_environment)
    assert silent == []


def on_a_terminal(words: list[object], folder: Path, environment: dict[str, str]) -> list[str]:
    """The lines that the command shows on stderr, a terminal of 110 columns."""
    import fcntl
    import pty
    import struct
    import termios

    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
    command = [sys.executable, *map(str, [COMMAND, *words]), "--no_show"]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=side)
    os.close(side)
    shown = b"".join(iter(lambda: read_some(terminal), b"")).decode()
    os.close(terminal)
    assert process.wait() == 0, shown
    return shown.replace("\r", "\n").strip().splitlines()


def read_some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux's way to say that the other side has been closed
        return b""


def test_the_same_input_may_come_twice(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = write_video(tmp_path / "in.mp4", (indexed(n) for n in range(5)))
    done = run_demo("-m", models / "red.onnx", "-i", clip, clip)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Frames: 10" in done.stdout


def test_one_image(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [indexed(255)])
    done = run_demo("-m", models / "red.onnx", "-i", tmp_path / "in" / "frame 0.png", "-o", "out.png", "-r")
    assert done.returncode == 0
    image = read_image(tmp_path / "out.png")
    assert tuple(image[0, 0]) == (255, 0, 255)
    assert tuple(image[0, -1]) == DEFAULT_COLOUR
    assert "Frame 0: alpha 0..1 in tenths: 34.4%" in done.stdout  # 22 of 64 columns


def test_a_loop_ends_when_the_output_is_full(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", (indexed(n) for n in range(3)))
    done = run_demo("-m", models / "counting.onnx", "-i", tmp_path / "in", "--loop", "-o", "o_%d.png", "-limit", 8)
    assert done.returncode == 0
    assert len(list(tmp_path.glob("o_*.png"))) == 8


def test_the_state_begins_anew_at_each_turn_of_a_loop(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """The counting model's alpha is 0 in the first frame of a turn, 1/1024 in the second, and so on."""
    write_images(tmp_path / "in", (indexed(n) for n in range(40)))
    done = run_demo(
        "-m", models / "counting.onnx", "-i", tmp_path / "in", "--loop", "-limit", 80, "-o", "o_%03d.png",
        "--target_bgr", "white",
    )  # fmt: skip
    assert done.returncode == 0
    green = [int(read_image(tmp_path / f"o_{n:03d}.png")[0, 0, 1]) for n in range(80)]
    assert green[:40] == green[40:]
    assert max(abs(level - 255 * (1 - n / 1024)) for n, level in enumerate(green[:40])) <= 1


def test_side_by_side_within_a_size(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [np.full((300, 400, 3), (0, 0, 255), np.uint8)])
    image = tmp_path / "in" / "frame 0.png"
    sizes = {}
    for name, extra in {"plain": [], "both": ["--show_with_original_frame"]}.items():
        run_demo("-m", models / "red.onnx", "-i", image, "-o", f"{name}.png", "--output_resolution", "200x200", *extra)
        sizes[name] = read_image(tmp_path / f"{name}.png").shape[:2]
    assert sizes == {"plain": (150, 200), "both": (75, 200)}


def test_images_of_several_sizes(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [indexed(1), indexed(2, 100, 80), indexed(3, 31, 57)])
    done = run_demo("-m", models / "counting_dynamic.onnx", "-i", tmp_path / "in", "-o", "o_%d.png")
    assert done.returncode == 0
    assert [read_image(tmp_path / f"o_{n}.png").shape[:2] for n in range(3)] == [(HEIGHT, WIDTH), (80, 100), (57, 31)]


def test_unused_options_are_warned_about(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [indexed(1)])
    plate = tmp_path / "in" / "frame 0.png"
    done = run_demo("-m", models / "red.onnx", "-i", tmp_path / "in", "-t", "0.5", "--background", plate)
    assert "[ WARNING ] -t: only instance segmentation models use it" in done.stdout
    assert "[ WARNING ] Clean plate" in done.stdout


def test_a_cache_is_filled(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [indexed(1)])
    run_demo("-m", models / "red.onnx", "-i", tmp_path / "in", "--cache_dir", "cache")
    assert list((tmp_path / "cache").rglob("*.blob"))


@pytest.mark.parametrize("device", ["CPU", "AUTO", "AUTO:CPU", "HETERO:CPU"])
def test_devices_with_streams_and_threads(models: Path, tmp_path: Path, run_demo: RunDemo, device: str) -> None:
    write_images(tmp_path / "in", (indexed(n) for n in range(5)))
    streams = "CPU:2" if ":" in device else "2"
    done = run_demo(
        "-m", models / "red.onnx", "-i", tmp_path / "in", "-d", device, "-nstreams", streams, "-nthreads", 1,
        "-nireq", 3, "-o", "o_%d.png",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [int(read_image(tmp_path / f"o_{n}.png")[0, 0, 0]) for n in range(5)] == list(range(5))


def test_a_clean_plate_of_another_size_is_fitted_and_said(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    write_images(tmp_path / "in", [np.full((HEIGHT, WIDTH, 3), 30, np.uint8)] * 2)
    write_images(tmp_path / "plate", [np.full((2 * HEIGHT, 2 * WIDTH, 3), 30, np.uint8)])
    plate = tmp_path / "plate" / "frame 0.png"
    done = run_demo("-m", models / "difference.onnx", "-i", tmp_path / "in", "--background", plate, "-o", "o_%d.png")
    assert "The clean plate is 128×96 and the input 64×48: it is resized" in done.stdout
    assert (read_image(tmp_path / "o_1.png") == DEFAULT_COLOUR).all()


def test_a_video_may_be_the_clean_plate(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    clip = write_video(tmp_path / "plate.mp4", [np.full((HEIGHT, WIDTH, 3), 30, np.uint8)] * 3)
    write_images(tmp_path / "in", [np.full((HEIGHT, WIDTH, 3), 250, np.uint8)])
    done = run_demo("-m", models / "difference.onnx", "-i", tmp_path / "in", "--background", clip, "-o", "o_%d.png")
    assert done.returncode == 0
    assert (read_image(tmp_path / "o_0.png") == 250).all()


def test_a_plate_captured_midway_holds_from_then_on(models: Path) -> None:
    plate = CleanPlate(needed=True)
    dark, bright = (np.full((HEIGHT, WIDTH, 3), level, np.uint8) for level in (0, 255))
    seen = []
    with create_model(models / "difference.onnx") as model:
        frames = (plate.attached(Frame(n, dark if n < 3 else bright)) for n in range(12))
        for result in AsyncPipeline(model).run(frames):
            seen.append(round(float(result.matte.alpha.mean())))
            if result.frame.index == 4:
                plate.capture(result.frame)
    in_flight = seen[3:].index(0) + 3
    assert seen[:3] == [0, 0, 0]  # the first frame is the plate
    assert seen[3:5] == [1, 1]
    assert seen == [0] * 3 + [1] * (in_flight - 3) + [0] * (12 - in_flight)
    assert in_flight < 11


def test_the_room_with_people_crossing_it(shared: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """Empty frames are empty, and in the others the people are where the room changed."""
    clip = shared / "media" / "one-by-one-person-detection.mp4"
    plate = shared / "media" / "one-by-one-clean-plate.png"
    model = networks.difference_matting(tmp_path / "room.onnx", 432, 768)
    with open_source(str(clip)) as source, create_model(model) as matting:
        clean = CleanPlate(needed=True, picture=read_image(plate))
        shares = []
        for result in AsyncPipeline(matting).run(map(clean.attached, source)):
            shares.append(float((result.matte.alpha > 0.5).mean()))
            if result.frame.index == 300:
                break
    assert max(shares[:55]) < 0.002  # ../shared/README.md: frames 0-59 and 203-226 are empty
    assert max(shares[205:225]) < 0.002
    assert max(shares[80:190]) > 0.05
    done = run_demo("-m", model, "-i", clip, "--background", plate, "-o", "room.mp4", "-limit", 20)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_video(tmp_path / "room.mp4")) == 20


@pytest.mark.parametrize("target", ["#3060c0", "image", "video", "blur"])
def test_real_clips_over_every_background(shared: Path, tmp_path: Path, run_demo: RunDemo, target: str) -> None:
    """The person stays, the room goes: the upper corners are the new background's, the middle is the frame's."""
    clip = shared / "media" / "asl_book.mkv"
    model = shared / "models" / "selfie_segmentation_landscape" / "selfie_segmentation_landscape.xml"
    files = {"image": shared / "media" / "one-by-one-clean-plate.png", "video": shared / "media" / "juggle_720p.mp4"}
    given = ("--blur_bgr", 61) if target == "blur" else ("--target_bgr", files.get(target, target))
    done = run_demo("-m", model, "-i", clip, "-o", "o_%02d.png", "-limit", 10, *given)
    assert (done.returncode, done.stderr) == (0, "")
    with open_source(str(clip)) as source:
        frames = [frame.image for frame, _ in zip(source, range(10), strict=False)]
    chest, corner = (slice(400, 470), slice(290, 350)), (slice(60, 120), slice(560, 620))
    for index, frame in enumerate(frames):
        shown = read_image(tmp_path / f"o_{index:02d}.png")
        assert np.abs(shown[chest].astype(int) - frame[chest]).mean() < 3
        if target == "blur":
            assert cv2.Laplacian(shown[corner], cv2.CV_32F).std() < cv2.Laplacian(frame[corner], cv2.CV_32F).std()
        else:
            assert np.abs(shown[corner].astype(int) - frame[corner]).mean() > 10
