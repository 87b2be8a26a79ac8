"""Whatever is wrong, the real command says it in one line, with exit code 1 or 2, and keeps what it wrote."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.cli.main import main
from background_subtraction.image_files import read_image
from tests.conftest import COMMAND, ROOT, RunDemo, one_line
from tests.support.media import barcode, indexed, read_video, write_images, write_video


@dataclass(frozen=True)
class Workbench:
    """A good model and a good clip, and an empty folder beside them."""

    folder: Path
    models: Path

    @property
    def model(self) -> Path:
        return self.models / "red.onnx"

    @property
    def clip(self) -> Path:
        return self.folder / "clip.mp4"

    def directory(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    def file(self, name: str, content: bytes | str = b"") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture(scope="module")
def barcodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("barcodes") / "clip.mp4", (barcode(n) for n in range(12)))


@pytest.fixture
def bench(tmp_path: Path, models: Path, barcodes: Path) -> Workbench:
    made = Workbench(tmp_path, models)
    shutil.copy(barcodes, made.clip)
    return made


def half_of(bench: Workbench, path: Path) -> Path:
    data = path.read_bytes()
    return bench.file(f"half{path.suffix}", data[: len(data) // 2])


def noise(bench: Workbench, count: int) -> Path:
    """Images that no codec makes small: files grow fast."""
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 255, (240, 320, 3), np.uint8) for _ in range(count))
    return write_images(bench.folder / "noise", images)


def sound_only(bench: Workbench) -> Path:
    path = bench.folder / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    return path


def corrupt_ir(bench: Workbench) -> Path:
    bench.file("broken.bin", b"")
    return bench.file("broken.xml", "<net name='x' version='11'><layers></layers>")


def folder_with_a_corrupt_image(bench: Workbench) -> Path:
    folder = write_images(bench.folder / "images", (indexed(n) for n in range(3)))
    (folder / "frame 2.png").write_bytes(b"\x89PNG no more")
    return folder


Arguments = Callable[[Workbench], list[object]]
CASES: dict[str, tuple[Arguments, str, int]] = {
    "missing model": (lambda b: ["-m", "no.xml", "-i", b.clip], "no such model file", 1),
    "model is a folder": (lambda b: ["-m", b.folder, "-i", b.clip], "no such model file", 1),
    "corrupt IR": (lambda b: ["-m", corrupt_ir(b), "-i", b.clip], "cannot read this model", 1),
    "half an ONNX": (lambda b: ["-m", half_of(b, b.model), "-i", b.clip], "cannot read this model", 1),
    "text as a model": (lambda b: ["-m", b.file("a.onnx", "hello"), "-i", b.clip], "cannot read this model", 1),
    "weights as a model": (lambda b: ["-m", b.file("a.bin", "1"), "-i", b.clip], "Give the .xml", 1),
    "unknown contract": (
        lambda b: ["-m", b.models / "unknown.onnx", "-i", b.clip],
        "matches no known model. Found: inputs [a 1, b 1], outputs [sum 1]. Known: Robust Video Matting",
        1,
    ),
    "missing input": (lambda b: ["-m", b.model, "-i", "no.mp4"], "no such input", 1),
    "empty input": (lambda b: ["-m", b.model, "-i", b.file("empty.mp4")], "cannot be decoded", 1),
    "text named .mp4": (lambda b: ["-m", b.model, "-i", b.file("text.mp4", "hello " * 99)], "cannot be decoded", 1),
    "text named .png": (lambda b: ["-m", b.model, "-i", b.file("text.png", "hello")], "not a whole image", 1),
    "empty image": (lambda b: ["-m", b.model, "-i", b.file("empty.png")], "not a whole image", 1),
    "half a video": (lambda b: ["-m", b.model, "-i", half_of(b, b.clip)], "cannot be decoded", 1),
    "sound only": (lambda b: ["-m", b.model, "-i", sound_only(b)], "no video stream in it", 1),
    "folder without images": (lambda b: ["-m", b.model, "-i", b.models], "a folder without images", 1),
    "a corrupt image in a folder": (
        lambda b: ["-m", b.model, "-i", folder_with_a_corrupt_image(b), "-o", "out_%d.png"],
        "frame 2.png: not a whole image",
        1,
    ),
    "no camera": (lambda b: ["-m", b.model, "-i", "63"], "Camera 63 gives no image", 1),
    "no stream": (lambda b: ["-m", b.model, "-i", "tcp://127.0.0.1:9"], "was not reached (Connection refused)", 1),
    "no clean plate": (
        lambda b: ["-m", b.models / "difference.onnx", "-i", b.clip],
        "--background: none, but this model compares",
        1,
    ),
    "missing clean plate": (
        lambda b: ["-m", b.models / "difference.onnx", "-i", b.clip, "--background", "no.png"],
        "no.png: no such input",
        1,
    ),
    "corrupt clean plate": (
        lambda b: ["-m", b.models / "difference.onnx", "-i", b.clip, "--background", b.file("p.png", "hello")],
        "not a whole image",
        1,
    ),
    "no such background": (
        lambda b: ["-m", b.model, "-i", b.clip, "--target_bgr", "greeen"],
        '"greeen" is neither a file nor a colour',
        2,
    ),
    "corrupt background": (
        lambda b: ["-m", b.model, "-i", b.clip, "--target_bgr", b.file("b.mp4", "hello")],
        "b.mp4: cannot be decoded",
        1,
    ),
    "unknown device": (lambda b: ["-m", b.model, "-i", b.clip, "-d", "TPU"], "not on this machine. Available: CPU", 1),
    "MYRIAD": (lambda b: ["-m", b.model, "-i", b.clip, "-d", "MYRIAD"], "Use NPU instead", 1),
    "VPU": (lambda b: ["-m", b.model, "-i", b.clip, "-d", "VPU"], "Use NPU instead", 1),
    "MULTI": (
        lambda b: ["-m", b.model, "-i", b.clip, "-d", "MULTI:GPU,CPU"],
        "-d: MULTI:GPU,CPU is no longer in OpenVINO. Use AUTO:GPU,CPU instead",
        1,
    ),
    "bad streams": (
        lambda b: ["-m", b.model, "-i", b.clip, "-nstreams", "many"],
        '-nstreams: "many" is not a number of streams',
        2,
    ),
    "streams of another device": (
        lambda b: ["-m", b.model, "-i", b.clip, "-nstreams", "CPU:1,GPU:2"],
        "names GPU, but the device is CPU",
        2,
    ),
    "no requests": (lambda b: ["-m", b.model, "-i", b.clip, "-nireq", "0"], "expected a whole number from 1", 2),
    "bad resolution": (
        lambda b: ["-m", b.model, "-i", b.clip, "--output_resolution", "big"],
        "expected WIDTHxHEIGHT",
        2,
    ),
    "bad layout": (lambda b: ["-m", b.model, "-i", b.clip, "--layout", "XYZ"], "expected NCHW", 2),
    "bad mean": (lambda b: ["-m", b.model, "-i", b.clip, "--mean_values", "1,2"], "expected one number or three", 2),
    "no ratio taken": (
        lambda b: ["-m", b.model, "-i", b.clip, "--downsample_ratio", "0.5"],
        "this network takes none",
        1,
    ),
    "threshold out of range": (
        lambda b: ["-m", b.model, "-i", b.clip, "-t", "1.5"],
        "expected a number from 0 to 1",
        2,
    ),
    "no labels": (
        lambda b: ["-m", b.model, "-i", b.clip, "--labels", "no.txt"],
        "--labels: no.txt cannot be read (No such file or directory). Expected a text file, a name per line",
        2,
    ),
    "labels are a picture": (
        lambda b: ["-m", b.model, "-i", b.clip, "--labels", b.file("p.png", b"\x89PNG\xff")],
        "p.png cannot be read (it is not text)",
        2,
    ),
    "empty labels": (
        lambda b: ["-m", b.model, "-i", b.clip, "--labels", b.file("l.txt", "\n\n")],
        'l.txt is empty. Expected a name per line, "person" among them',
        2,
    ),
    "labels without a person": (
        lambda b: ["-m", b.model, "-i", b.clip, "--labels", b.file("l.txt", "cat\ndog\nhorse\nsheep\n")],
        'l.txt: no class is named "person", of 4: cat, dog, horse, …',
        2,
    ),
    "unknown option": (lambda b: ["-m", b.model, "-i", b.clip, "--fast"], "unrecognized arguments: --fast", 2),
    "no address of a server": (
        lambda b: ["-m", b.model, "-i", b.clip, "--adapter", "ovms"],
        "is not the address of a model on a server. Expected host:port/models/NAME[:VERSION] (gRPC)",
        2,
    ),
    "no server, gRPC": (
        lambda b: ["-m", "127.0.0.1:9/models/x", "-i", b.clip, "--adapter", "ovms"],
        "No model server answers at 127.0.0.1:9 (gRPC): ",
        1,
    ),
    "no server, HTTP": (
        lambda b: ["-m", "127.0.0.1:9/v2/models/x", "-i", b.clip, "--adapter", "ovms"],
        "No model server answers at 127.0.0.1:9 (HTTP): ",
        1,
    ),
    "no such host": (
        lambda b: ["-m", "nowhere.invalid:9/models/x", "-i", b.clip, "--adapter", "ovms"],
        "No model server answers at nowhere.invalid:9 (gRPC): ",
        1,
    ),
    "a server without patience": (
        lambda b: ["-m", "127.0.0.1:9/models/x", "-i", b.clip, "--adapter", "ovms", "--server_timeout", "0"],
        "expected a number above 0",
        2,
    ),
    "output folder is a file": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", b.clip / "new" / "out.mp4"],
        "clip.mp4 is not a folder",
        1,
    ),
    "output format unknown": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", "out.xyz"],
        "no format is known for .xyz. Expected .mp4, .mov, .webm",
        1,
    ),
    "output is a folder": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", b.directory("d.mp4")],
        "cannot be written (Is a directory)",
        1,
    ),
    "output is the input": (lambda b: ["-m", b.model, "-i", b.clip, "-o", b.clip], "is the input itself", 1),
    "one image for many": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", "out.png"],
        "Expected a pattern, for example out_%05d.png",
        1,
    ),
    "bad pattern": (lambda b: ["-m", b.model, "-i", b.clip, "-o", "out_%s_%s.png"], "not a pattern", 1),
    "no virtual camera": (
        lambda b: ["-m", b.model, "-i", b.clip, "--virtual_camera"],
        "sudo modprobe v4l2loopback devices=1",
        1,
    ),
    "a part that ends before it begins": (
        lambda b: ["-m", b.model, "-i", b.clip, "--start", "9", "--end", "2"],
        "--end: 2 s, but it begins at 9 s",
        2,
    ),
    "a quality that this codec has not": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", "out.mp4", "--crf", "60"],
        "--crf: 60. Expected 0 to 51 for libx264, less is better",
        2,
    ),
    "a quality that no codec has": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", "out.mp4", "--crf", "999"],
        "expected a whole number from 0 to 63",
        2,
    ),
    "a scale of nothing": (
        lambda b: ["-m", b.model, "-i", b.clip, "--scale_values", "0"],
        "--scale_values: (0.0, 0.0, 0.0). Expected a tuple of 3: numbers above 0",
        2,
    ),
    "no part": (lambda b: ["-m", b.model, "-i", b.clip, "--start", "soon"], "expected seconds, such as 12.5", 2),
    "full disk": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", _full_disk(b.folder / "full.mp4")],
        "No space left on device",
        1,
    ),
    "full disk, Matroska": (
        lambda b: ["-m", b.model, "-i", b.clip, "-o", _full_disk(b.folder / "full.mkv")],
        "No space left on device",
        1,
    ),
}


def _full_disk(path: Path) -> Path:
    path.symlink_to("/dev/full")
    return path


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_in_one_line(bench: Workbench, run_demo: RunDemo, case: str) -> None:
    arguments, expected, code = CASES[case]
    done = run_demo(*arguments(bench))
    line = one_line(done)
    print(line)
    assert expected in line
    assert done.returncode == code


EARLY: dict[str, tuple[Arguments, str]] = {
    "input": (lambda b: ["-i", "no.mp4"], "no.mp4: no such input"),
    "pattern": (lambda b: ["-i", "frames/%03d.png"], "frames/%03d.png: no image has such a name"),
    "output": (lambda b: ["-i", b.clip, "-o", "out.xyz"], "no format is known for .xyz"),
    "folder as an output": (lambda b: ["-i", b.clip, "-o", b.directory("d.mp4")], "Is a directory"),
    "background": (lambda b: ["-i", b.clip, "--target_bgr", b.file("b.mp4", "hello")], "b.mp4: cannot be decoded"),
    "clean plate": (lambda b: ["-i", b.clip, "--background", "no.png"], "no.png: no such input"),
    "virtual camera": (lambda b: ["-i", b.clip, "--virtual_camera", "/dev/none"], "irtual camera"),
}


@pytest.mark.parametrize("case", EARLY)
def test_inputs_and_outputs_are_checked_before_the_model(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """No model is there: its error would come later."""
    monkeypatch.chdir(bench.folder)
    arguments, expected = EARLY[case]
    assert main(["-m", "no.xml", "--no_show", *map(str, arguments(bench))]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_the_display_is_checked_before_the_model(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["-m", "no.xml", "-i", str(bench.clip)]) == 1
    assert "No window can be shown here" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--fast"], ["-i", "0", "-nireq", "0"], ["-i", "0", "--input_resize", "3"]])
def test_invalid_usage_is_one_line_that_points_to_the_help(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words, "program") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("program: error: ")
    assert line.endswith(". All options: program -h")


@pytest.mark.parametrize("variant", ["mobilenetv3", "resnet50"])
def test_options_of_robust_video_matting_say_what_to_do(capsys: pytest.CaptureFixture[str], variant: str) -> None:
    words = ["--variant", variant, "--checkpoint", "rvm.pth", "--device", "cuda", "--input-source", "in.mp4"]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--network rvm_{variant} --weights rvm.pth --output rvm_{variant}.onnx" in line


def test_missing_folders_of_outputs_are_made(bench: Workbench, run_demo: RunDemo) -> None:
    done = run_demo("-m", bench.model, "-i", bench.clip, "-o", "new/a/out.mp4", "--output_alpha", "new/b/%d.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_video(bench.folder / "new" / "a" / "out.mp4")) == len(list((bench.folder / "new" / "b").iterdir()))


def test_a_run_that_cannot_begin_makes_no_folder(bench: Workbench, run_demo: RunDemo) -> None:
    one_line(run_demo("-m", "no.xml", "-i", bench.clip, "-o", "new/out.mp4"))
    assert not (bench.folder / "new").exists()


def test_frames_before_a_corrupt_image_are_kept(bench: Workbench, run_demo: RunDemo) -> None:
    one_line(run_demo("-m", bench.model, "-i", folder_with_a_corrupt_image(bench), "-o", "out_%d.png"))
    assert sorted(path.name for path in bench.folder.glob("out_*.png")) == ["out_0.png", "out_1.png"]


def test_an_existing_output_survives_a_run_that_cannot_begin(bench: Workbench, run_demo: RunDemo) -> None:
    kept = bench.file("kept.mp4", "precious")
    one_line(run_demo("-m", "no.xml", "-i", bench.clip, "-o", kept))
    assert kept.read_text() == "precious"


def test_an_existing_output_survives_when_another_output_cannot_be(bench: Workbench, run_demo: RunDemo) -> None:
    kept = bench.file("kept.mp4", "precious")
    one_line(run_demo("-m", bench.model, "-i", bench.clip, "-o", kept, "--output_alpha", "out.xyz"))
    assert kept.read_text() == "precious"


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_told(bench: Workbench, run_demo: RunDemo) -> None:
    folder = bench.folder / "locked"
    folder.mkdir(mode=0o500)
    assert "Permission denied" in one_line(run_demo("-m", bench.model, "-i", bench.clip, "-o", folder / "out.mp4"))


def test_what_was_written_before_the_disk_was_full_plays(bench: Workbench, run_demo: RunDemo) -> None:
    """A file may not grow beyond the limit, as on a full disk: the system refuses the next write."""
    resource = pytest.importorskip("resource", reason="limits of processes are Unix's")
    done = run_demo(
        "-m", bench.model, "-i", noise(bench, 90), "-o", "out.mp4",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )  # fmt: skip
    assert "out.mp4: cannot be written (File too large); kept in out.mp4" in one_line(done)
    assert 20 < playable_frames(bench.folder / "out.mp4") < 90


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["out.mp4", "out.avi"])
def test_after_an_interruption_the_written_file_plays(
    bench: Workbench, demo_environment: dict[str, str], number: signal.Signals, name: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, COMMAND, "-m", bench.model, "-i", noise(bench, 9), "--loop", "--no_show", "-o", name],
        cwd=bench.folder, env=demo_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    output = bench.folder / name
    deadline_s = time.monotonic() + 60
    while not (output.exists() and output.stat().st_size > 50_000):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert stderr.startswith("background_subtraction_demo.py: error: interrupted after ")
    assert stderr.count("\n") == 1
    told = re.search(rf"interrupted after (\d+) frames; kept in {re.escape(name)}", stderr)
    assert told
    # It may come between a frame's writing and its counting.
    assert len(read_video(output)) - int(told[1]) in (0, 1)
    assert "Metrics report" in stdout


def test_a_camera_that_stops_is_waited_for_and_the_file_is_kept(
    bench: Workbench, demo_environment: dict[str, str]
) -> None:
    """No camera is here: OpenCV's own capture plays a file in its place and ends as an unplugged one does."""
    script = f"""
import cv2, sys
real = cv2.VideoCapture
files = [{str(bench.clip)!r}, {str(bench.folder / "nothing")!r}, {str(bench.clip)!r}]
cv2.VideoCapture = lambda number: real(files.pop(0) if files else {str(bench.folder / "nothing")!r})
sys.path.insert(0, {str(ROOT)!r})
from background_subtraction.cli.main import main
arguments = ["-m", {str(bench.model)!r}, "-i", "0", "--no_show", "-o", "camera.mkv"]
sys.exit(main(arguments, "background_subtraction_demo.py"))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=bench.folder, env=demo_environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said: list[str] = []
    while sum("It is waited for" in line for line in said) < 2:
        said.append(process.stdout.readline())
        assert said[-1], process.communicate()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert sum("Camera 0 is back" in line for line in said) == 1
    assert re.fullmatch(r"\S+: error: interrupted after \d+ frames; kept in camera.mkv\n", stderr)
    # It gives its frames faster than any camera: those that came while one was worked on are dropped, and counted.
    counts = {name: int(number) for name, number in re.findall(r"(Frames|Dropped):\s+(\d+)", stdout)}
    assert counts["Frames"] + counts.get("Dropped", 0) <= 2 * 12
    assert len(read_video(bench.folder / "camera.mkv")) == counts["Frames"]


def test_without_a_display_the_remedy_is_named(bench: Workbench, run_demo: RunDemo) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = run_demo("-m", bench.model, "-i", bench.clip, show=True, env=environment)
    line = one_line(done)
    assert "No window can be shown here" in line
    assert "Run it with --no_show -o FILE, or set DISPLAY" in line


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("libGL.so.1: cannot open shared object file", "apt install libgl1 libglib2.0-0"),
        ("No module named 'cv2'", "pip install -r requirements.txt"),
    ],
)
def test_without_a_library_the_remedy_is_named(bench: Workbench, run_demo: RunDemo, message: str, remedy: str) -> None:
    """A cv2 that cannot be loaded stands in the way of the real one."""
    bench.file("cv2.py", f"raise ImportError({message!r})")
    environment = {**os.environ, "PYTHONPATH": str(bench.folder)}
    assert remedy in one_line(run_demo("-m", bench.model, "-i", bench.clip, env=environment))


@pytest.mark.parametrize("address", ["localhost:9000/models/x", "localhost:8000/v2/models/x"])
def test_without_tritonclient_the_remedy_is_named(bench: Workbench, run_demo: RunDemo, address: str) -> None:
    """One that cannot be loaded stands in the way of the real one."""
    bench.file("tritonclient.py", "raise ImportError(\"No module named 'tritonclient'\")")
    environment = {**os.environ, "PYTHONPATH": str(bench.folder)}
    line = one_line(run_demo("-m", address, "-i", bench.clip, "--adapter", "ovms", env=environment))
    assert "--adapter: ovms needs tritonclient" in line
    assert f'pip install -r "{ROOT / "requirements" / "ovms.txt"}"' in line


def playable_frames(path: Path) -> int:
    """As a player does: frame by frame, until it cannot go on."""
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


def test_a_real_full_disk_keeps_what_fits(bench: Workbench, run_demo: RunDemo) -> None:
    disk = bench.folder / "disk"
    disk.mkdir()
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("this user may not mount a small disk")
    try:
        done = run_demo("-m", bench.model, "-i", noise(bench, 9), "-o", disk / "out_%d.png")
        assert "No space left on device" in one_line(done)
        assert read_image(disk / "out_0.png").shape == (240, 320, 3)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
