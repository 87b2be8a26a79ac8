"""A film that is converted scene by scene is the film: the same frames, alphas, times and sound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from background_subtraction import convert_videos
from background_subtraction.sources.open import open_source
from background_subtraction.sources.scenes.description import write_scene
from background_subtraction.sources.scenes.finding import find_scenes
from background_subtraction.sources.selection import Selection
from model_api.errors import SourceError
from model_api.types import Image
from tests.conftest import COMMAND, TIMEOUT_S, RunDemo, one_line
from tests.support.batches import last_events
from tests.support.films import (
    BEEPS_AT_S,
    BORDERS,
    FRAMES,
    SHOTS,
    beeps_begin_s,
    times_s,
    write_film,
)
from tests.support.media import read_barcode, read_video, write_video
from tests.support.networks import STATE_STEP, smoothing_video_matting

pytest.importorskip("scenedetect", reason="the extra split is not installed")

FOUND = f"{len(SHOTS)} scenes in {FRAMES} frames"


def timed(path: Path) -> list[tuple[Fraction, Image]]:
    """The frames of a video with their times."""
    with av.open(str(path)) as container:
        return [(frame.pts * frame.time_base, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def require_same(path: Path, other: Path) -> None:
    """Two videos have the same frames at the same times, bit by bit."""
    ours, theirs = timed(path), timed(other)
    assert [time_s for time_s, _ in ours] == [time_s for time_s, _ in theirs]
    pairs = enumerate(zip(ours, theirs, strict=True))
    assert [number for number, ((_, one), (_, two)) in pairs if (one != two).any()] == []


def counted_levels(path: Path) -> list[int]:
    """The alphas of the counting network, of which each is one number."""
    return [round(float(image.mean())) for image in read_video(path)]


def levels_of_shots() -> list[int]:
    """What they are, if its state begins anew with each shot: an alpha is the number of frames before, times a step."""
    return [round(number * STATE_STEP * 255) for frames in SHOTS for number in range(frames)]


def test_each_shot_is_as_if_it_were_done_alone(tmp_path: Path, run_demo: RunDemo) -> None:
    """By a network whose alphas mix all frames so far. The film is lossless, so that a shot has its very frames."""
    model = smoothing_video_matting(tmp_path / "smoothing.onnx")
    film = write_film(tmp_path / "film.mkv", "ffv1", pixel_format="bgr0")
    together = run_demo("-m", model, "-i", film, "--output_alpha", "split.mkv", "--split", "scenes")
    assert (together.returncode, together.stderr) == (0, "")
    assert FOUND in together.stdout
    assert "1 of 1 clips done" in together.stdout
    alone: list[Image] = []
    for shot, (first, end) in enumerate(pairwise(BORDERS)):
        clip = write_film(tmp_path / f"shot{shot}.mkv", "ffv1", numbers=range(first, end), pixel_format="bgr0")
        assert run_demo("-m", model, "-i", clip, "--output_alpha", f"alone{shot}.mkv").returncode == 0
        alone += read_video(tmp_path / f"alone{shot}.mkv")
    assert len(alone) == FRAMES
    assert all((one == two).all() for one, two in zip(read_video(tmp_path / "split.mkv"), alone, strict=True))
    assert len({image.tobytes() for image in alone}) == FRAMES
    assert run_demo("-m", model, "-i", film, "--output_alpha", "whole.mkv").returncode == 0
    require_same(tmp_path / "split.mkv", tmp_path / "whole.mkv")


OPEN_GOPS = {"x264-params": "open-gop=1:keyint=16:min-keyint=4:scenecut=0:bframes=3"}
FILMS = {
    "reordered.mp4": ("libx264", OPEN_GOPS),
    "transport.ts": ("libx264", OPEN_GOPS),
    "interlaced.mpg": ("mpeg2video", {"flags": "+ilme+ildct", "bf": "2", "g": "15", "b": "6M"}),
    "whole_milliseconds.webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "g": "40", "b": "2M"}),
    "without_times.h264": ("libx264", OPEN_GOPS),
    "hevc.mkv": ("libx265", {"x265-params": "log-level=error:keyint=20:open-gop=1:scenecut=0", "preset": "ultrafast"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FILMS)
def test_borders_are_exact_in_every_kind_of_file(name: str, models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    film = write_film(tmp_path / name, *FILMS[name])
    words = ["-m", models / "counting.onnx", "-i", film, "--target_bgr", "none"]
    run = run_demo(*words, "-o", "split.mkv", "--output_alpha", "pha.mkv", "--split", "scenes")
    assert (run.returncode, run.stderr) == (0, "")
    assert FOUND in run.stdout
    assert counted_levels(tmp_path / "pha.mkv") == levels_of_shots()
    assert [read_barcode(image) for image in read_video(tmp_path / "split.mkv")] == [*range(FRAMES)]
    assert run_demo(*words, "-o", "whole.mkv").returncode == 0
    require_same(tmp_path / "split.mkv", tmp_path / "whole.mkv")


def test_uneven_times_stay(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    film = write_film(tmp_path / "film.mkv", options=OPEN_GOPS, uneven=True)
    words = ["-m", models / "red.onnx", "-i", film, "--target_bgr", "none", "--split", "scenes"]
    assert run_demo(*words, "-o", "split.mp4").returncode == 0
    shown = timed(tmp_path / "split.mp4")
    assert [read_barcode(image) for _, image in shown] == [*range(FRAMES)]
    assert [float(time_s) for time_s, _ in shown] == pytest.approx([*map(float, times_s(uneven=True))], abs=1e-3)


def test_a_recording_whose_times_begin_again_is_read_from_its_beginning(
    models: Path, tmp_path: Path, run_demo: RunDemo
) -> None:
    """Nobody can enter it by times: they are there twice."""
    first, second = range(BORDERS[2] + 9), range(BORDERS[2] + 9, FRAMES)
    recordings = [write_film(tmp_path / f"{numbers[0]}.ts", numbers=numbers) for numbers in (first, second)]
    film = tmp_path / "joined.ts"
    film.write_bytes(b"".join(path.read_bytes() for path in recordings))
    words = ["-m", models / "red.onnx", "-i", film, "--target_bgr", "none"]
    run = run_demo(*words, "-o", "split.mkv", "--split", "scenes")
    assert (run.returncode, run.stderr) == (0, "")
    assert FOUND in run.stdout
    assert "read from its beginning" in run.stdout
    assert run_demo(*words, "-o", "whole.mkv").returncode == 0
    require_same(tmp_path / "split.mkv", tmp_path / "whole.mkv")


def test_sound_is_in_step(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """Beeps are where they were in the film, and the sound is that of the film in one piece."""
    film = write_film(tmp_path / "film.mp4", options=OPEN_GOPS, sound=True)
    words = ["-m", models / "red.onnx", "-i", film, "--target_bgr", "none"]
    assert run_demo(*words, "-o", "split.mp4", "split.mkv", "--split", "scenes").returncode == 0
    assert run_demo(*words, "-o", "whole.mp4").returncode == 0
    for name in ("split.mp4", "split.mkv"):
        assert beeps_begin_s(tmp_path / name) == pytest.approx(BEEPS_AT_S, abs=0.002)
    packets = [
        [(packet.pts, bytes(packet)) for packet in av.open(str(tmp_path / name)).demux(audio=0)]
        for name in ("split.mp4", "whole.mp4")
    ]
    assert packets[0] == packets[1]


def test_a_moving_background_goes_on(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """It is shorter than the film, and has another rate. A part of the film is taken, and of that so many frames."""
    film = write_film(tmp_path / "film.mp4", options=OPEN_GOPS)
    numbered = (np.full((48, 64, 3), (number * 7 % 256, number * 13 % 256, 40), np.uint8) for number in range(34))
    write_video(tmp_path / "background.mkv", numbered, Fraction(30), "ffv1")
    words = [
        "-m", models / "red.onnx", "-i", film, "--target_bgr", tmp_path / "background.mkv", "--start", "0.3",
        "--skip", "2", "--end", "3.6", "-limit", "75",
    ]  # fmt: skip
    run = run_demo(*words, "-o", "split.mkv", "--split", "scenes")
    assert "4 scenes in 75 frames" in run.stdout
    assert run_demo(*words, "-o", "whole.mkv").returncode == 0
    require_same(tmp_path / "split.mkv", tmp_path / "whole.mkv")


def test_images_have_the_numbers_of_the_film(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    film = write_film(tmp_path / "film.mp4")
    words = ["-m", models / "red.onnx", "-i", film, "--target_bgr", "none", "--split", "scenes"]
    assert run_demo(*words, "-o", "frames/a_%03d.png", "--output_alpha", "alphas.mkv").returncode == 0
    assert sorted(path.name for path in tmp_path.glob("frames/*.png")) == [f"a_{n:03}.png" for n in range(FRAMES)]
    assert read_barcode(read_video(tmp_path / "frames" / "a_047.png")[0]) == 47
    assert not [*tmp_path.rglob("*.part")]
    assert run_demo(*words, "--output_alpha", "folder", "--output_type", "png_sequence").returncode == 0
    assert sorted(path.name for path in (tmp_path / "folder").glob("*.png")) == [f"{n:04}.png" for n in range(FRAMES)]


def test_workers_do_the_same(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    film = write_film(tmp_path / "film.mp4", options=OPEN_GOPS)
    words = ["-m", models / "counting.onnx", "-i", film, "--target_bgr", "none", "--split", "scenes"]
    for name, engine in {"serial": (), "jobs": ("--jobs", "2"), "workers": ("--workers", "2")}.items():
        run = run_demo(*words, "-o", f"{name}.mkv", "--output_alpha", f"{name}_pha.mkv", *engine)
        assert (run.returncode, run.stderr) == (0, "")
        require_same(tmp_path / f"{name}.mkv", tmp_path / "serial.mkv")
        require_same(tmp_path / f"{name}_pha.mkv", tmp_path / "serial_pha.mkv")


def test_a_cluster_does_the_same(models: Path, tmp_path: Path, run_demo: RunDemo, dask_cluster: str) -> None:
    film = write_film(tmp_path / "film.mp4", options=OPEN_GOPS)
    words = ["-m", models / "counting.onnx", "-i", film, "--output_alpha", "pha.mkv", "--split", "scenes"]
    run = run_demo(*words, "--cluster", dask_cluster)
    assert (run.returncode, run.stderr) == (0, "")
    assert counted_levels(tmp_path / "pha.mkv") == levels_of_shots()


def test_a_film_that_was_killed_goes_on(
    models: Path, tmp_path: Path, run_demo: RunDemo, demo_environment: dict[str, str]
) -> None:
    write_film(tmp_path / "film.mp4", sound=True)
    words = [
        "-m", str(models / "counting.onnx"), "-i", "film.mp4", "-o", "out/film.mp4", "--output_alpha", "out/pha.mkv",
        "--split", "scenes",
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, str(COMMAND), *words, "--no_show"], cwd=tmp_path, env=demo_environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    done = tmp_path / "out" / "film.mp4.scenes.part" / "1"
    deadline_s = time.monotonic() + TIMEOUT_S
    while not [path for path in done.glob("*.mkv") if ".part" not in path.name]:
        assert time.monotonic() < deadline_s
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "out" / "film.mp4").exists()
    before = {path.name: path.stat().st_mtime_ns for path in done.glob("*.mkv") if ".part" not in path.name}
    run = run_demo(*words, "--resume")
    assert (run.returncode, run.stderr) == (0, "")
    assert "were done before" in run.stdout
    assert FOUND not in run.stdout
    assert len(before) < len(SHOTS)
    assert counted_levels(tmp_path / "out" / "pha.mkv") == levels_of_shots()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "background_subtraction.jsonl", "film.mp4", "pha.mkv",
    ]  # fmt: skip
    event = last_events(tmp_path / "out")["film.mp4"]
    assert (event["status"], event["frames"]) == ("done", FRAMES)
    assert "0 of 1 clips done, 1 skipped" in run_demo(*words, "--resume").stdout


def test_scenes_that_could_not_be_joined_are_joined_later(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """Something lies where the film was to be written: all scenes are kept, and nothing is converted twice."""
    film = write_film(tmp_path / "film.mp4")
    words = ["-m", models / "red.onnx", "-i", film, "-o", "out.mkv", "--target_bgr", "none", "--split", "scenes"]
    (tmp_path / "out.part.mkv").mkdir()
    line = one_line(run_demo(*words))
    assert "its scenes cannot be joined: out.part.mkv: cannot be written" in line
    assert line.endswith("out.mkv.scenes.part, for resume")
    (tmp_path / "out.part.mkv").rmdir()
    run = run_demo(*words, "--resume")
    assert (run.returncode, run.stderr) == (0, "")
    assert "5 of 5 scenes were done before" in run.stdout
    assert "Frames:" not in run.stdout
    assert [read_barcode(image) for image in read_video(tmp_path / "out.mkv")] == [*range(FRAMES)]


def test_scenes_of_another_film_are_not_taken(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """What an interrupted run left is of other frames, or of other options."""
    film = write_film(tmp_path / "film.mp4")
    words = ["-m", models / "red.onnx", "-i", film, "-o", "out.mkv", "--target_bgr", "none", "--split", "scenes"]
    left = tmp_path / "out.mkv.scenes.part"
    (left / "0").mkdir(parents=True)
    (left / "0" / "film-00001.mkv").write_bytes(b"old")
    (left / "scenes.jsonl").write_text('{"input": "x", "status": "planned", "outputs": []}\n')
    assert FOUND in run_demo(*words, "--resume").stdout
    assert [read_barcode(image) for image in read_video(tmp_path / "out.mkv")] == [*range(FRAMES)]


def test_a_film_and_others_in_one_batch(models: Path, tmp_path: Path) -> None:
    """One has cuts, one has none, one cannot be read."""
    clips = tmp_path / "clips"
    clips.mkdir()
    write_film(clips / "a.mp4")
    write_film(clips / "b.mp4", numbers=range(SHOTS[0]))
    (clips / "c.mp4").write_text("This is no video.\n" * 20)
    reports = {
        Path(report.input).name: report
        for report in convert_videos(
            clips, tmp_path / "out", model=models / "red.onnx", split="scenes", background="none", attempts=1
        )
    }
    assert {name: (report.status, report.frames) for name, report in reports.items()} == {
        "a.mp4": ("done", FRAMES), "b.mp4": ("done", SHOTS[0]), "c.mp4": ("failed", 0),
    }  # fmt: skip
    assert [read_barcode(image) for image in read_video(tmp_path / "out" / "a.mp4")] == [*range(FRAMES)]


def test_what_cannot_be_cut_is_done_in_one_piece(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    film = write_film(tmp_path / "film.mp4", numbers=range(40))
    words = ["-m", models / "red.onnx", "--target_bgr", "none", "--split", "scenes", "-limit", "30"]
    reasons = {
        ("-i", film, "-o", "a.gif"): "cannot be joined without a trace",
        ("-i", film, "-o", "a.avi"): "cannot be joined without a trace",
        ("-i", write_film(tmp_path / "shot.mp4", numbers=range(20)), "-o", "a.mp4"): "no cut was found",
    }
    for case, reason in reasons.items():
        run = run_demo(*words, *case)
        assert (run.returncode, run.stderr) == (0, "")
        assert f"is converted in one piece: {reason}" in run.stdout or reason in run.stdout
        assert "1 of 1 clips done" in run.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-o", "a.mkv", "--loop", "-limit", "9"), "but a loop shows its scenes again"),
        (("-o", "a.mkv", "--no_scene_cuts"), "but a model keeps its state at cuts"),
        ((), "but no output"),
    ],
    ids=["loop", "no cuts", "no output"],
)
def test_contradictions_are_refused(
    words: tuple[str, ...], reason: str, models: Path, tmp_path: Path, run_demo: RunDemo
) -> None:
    film = write_film(tmp_path / "film.mp4", numbers=range(20))
    line = one_line(run_demo("-m", models / "red.onnx", "-i", film, "--split", "scenes", *words))
    assert "--split" in line
    assert reason in line


def test_a_scene_whose_film_was_changed_is_named(tmp_path: Path) -> None:
    """Its frames are counted: fewer of them than there were are no scene."""
    film = write_film(tmp_path / "film.mp4")
    scene = find_scenes(str(film), Selection(), 0, lambda number: None)[-1]
    write_scene(scene, tmp_path / "last.scene")
    write_film(film, numbers=range(FRAMES - 5))
    with open_source(str(tmp_path / "last.scene")) as source, pytest.raises(SourceError, match="fewer frames"):
        list(source)
