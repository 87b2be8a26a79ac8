"""`python -m model_tools benchmark`: what is certain about its figures, which never is how large they are."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import openvino as ov
import pytest

from background_subtraction.cli.parse import parse_options
from background_subtraction.jobs import plan
from background_subtraction.report import STAGES
from model_tools.__main__ import main
from model_tools.benchmark.demo import CLOSING
from model_tools.benchmark.floor import copy_clip
from tests.conftest import ROOT, TIMEOUT_S
from tests.support.media import indexed, write_images, write_video

FRAMES, ROUNDS = 6, 3
SVG = "{http://www.w3.org/2000/svg}"


def program(code: str) -> str:
    """A command line that runs Python code."""
    return f"{shlex.quote(Path(sys.executable).as_posix())} -c {shlex.quote(code)}"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "model_tools", "benchmark", *map(str, arguments)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", map(indexed, range(FRAMES + 4)))


@pytest.fixture(scope="module")
def ended(
    models: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory, demo_environment: dict[str, str]
) -> tuple[Path, str]:
    """The folder and the output of one run of the real command."""
    folder = tmp_path_factory.mktemp("benchmark")
    (folder / "temporary").mkdir()
    prints = program(r"print('[ INFO ] \tFrames:\t7\n[ INFO ] \tLatency: 80 ms\n[ INFO ] \tFPS: 12.5')")
    arguments = command(
        *("-m", models / "counting.onnx", "-i", clip, "--frames", FRAMES, "--rounds", ROUNDS),
        *("--json", folder / "out.json", "--plot", folder / "out.svg", "--base", "network"),
        *("--compare", "network:name=<again> & again", f"demo:model={models / 'red_dynamic.onnx'},requests=2"),
        *("--compare", f"command:other={prints}"),
    )
    environment = {**demo_environment, "TMPDIR": str(folder / "temporary")}
    run = subprocess.run(
        arguments, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=ROOT, env=environment
    )
    assert (run.returncode, run.stderr) == (0, "")
    return folder, run.stdout


@pytest.fixture(scope="module")
def found(ended: tuple[Path, str]) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((ended[0] / "out.json").read_text(encoding="utf-8"))
    return written


@pytest.fixture
def benchmark(tmp_path: Path, clip: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """Runs the tool and gives the sides of its JSON by their names."""

    def run(*arguments: object, rounds: int = 1) -> dict[str, dict[str, Any]]:
        out = tmp_path / "out.json"
        words = ["-i", clip, "--frames", FRAMES, "--rounds", rounds, "--json", out, *arguments]
        assert main(["benchmark", *map(str, words)]) == 0
        return {side["side"]["name"]: side for side in json.loads(out.read_text(encoding="utf-8"))["sides"]}

    return run


@pytest.fixture
def failure(models: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line of a run that failed as it should."""

    def run(*arguments: object, code: int = 1) -> str:
        capsys.readouterr()
        words = ["-m", models / "counting.onnx", "-i", clip, "--frames", 2, "--rounds", 1, *arguments]
        assert main(["benchmark", *map(str, words)]) == code
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return run


def test_every_side_has_all_its_rounds(found: dict[str, Any]) -> None:
    names = ["raw", "network", "demo", "<again> & again", "demo red_dynamic requests=2", "other"]
    assert [side["side"]["name"] for side in found["sides"]] == names
    assert [side["side"]["kind"] for side in found["sides"]] == ["raw", "network", "demo", "network", "demo", "command"]
    assert [len(side["rounds"]) for side in found["sides"]] == [ROUNDS] * 6
    assert [side["frames"] for side in found["sides"]] == [FRAMES] * 5 + [7]
    assert found["orders"] == [names, names[::-1], names]


def test_the_base_is_compared_with_itself(found: dict[str, Any]) -> None:
    ratios = {side["side"]["name"]: side["ratio"] for side in found["sides"]}
    assert found["base"] == "network"
    assert ratios["network"] == {"median": 1.0, "least": 1.0, "most": 1.0}
    base, other = ([each["fps"] for each in side["rounds"]] for side in (found["sides"][1], found["sides"][2]))
    of_rounds = sorted(own / its for own, its in zip(other, base, strict=True))
    assert [ratios["demo"][name] for name in ("least", "median", "most")] == pytest.approx(of_rounds)


def test_figures_of_a_side(found: dict[str, Any]) -> None:
    for side in found["sides"][:-1]:
        assert 0 < side["latency_ms"]["p50"] <= side["latency_ms"]["p90"] <= side["latency_ms"]["p99"]
    for side in found["sides"]:
        assert side["fps"] == sorted(each["fps"] for each in side["rounds"])[ROUNDS // 2]
        assert side["cpu_ms"] >= 0
        assert side["peak_mb"] == max(each["peak_mb"] for each in side["rounds"]) > 1


def test_stages_of_the_demo_alone(found: dict[str, Any]) -> None:
    staged = [side for side in found["sides"] if side["stages_ms"]]
    assert [side["side"]["kind"] for side in staged] == ["demo", "demo"]
    for side in staged:
        assert list(side["stages_ms"]) == list(side["shares"]) == [*STAGES, CLOSING]
        assert sum(side["shares"].values()) == pytest.approx(1)
        assert side["stages_ms"]["Writing"] + side["stages_ms"][CLOSING] > 0


def test_a_command_tells_its_own_figures(found: dict[str, Any]) -> None:
    other = found["sides"][-1]
    assert [each["fps"] for each in other["rounds"]] == [12.5] * ROUNDS
    assert other["latency_ms"] == {}
    # Its memory is its own, without that of whoever started it.
    assert other["peak_mb"] < min(side["peak_mb"] for side in found["sides"][:-1])


def test_the_table_names_the_machine_the_command_and_every_side(
    ended: tuple[Path, str], found: dict[str, Any], models: Path
) -> None:
    lines = [line for line in ended[1].splitlines() if not line.startswith("[ INFO ] Wrote ")]
    assert lines[0] == f"CPU: {ov.Core().get_property('CPU', 'FULL_DEVICE_NAME').strip()}"
    assert f"OpenVINO {ov.get_version()}" in lines[2]
    assert f"benchmark -m {models / 'counting.onnx'}" in lines[3]
    rows = lines[6:12]
    for side, row in zip(found["sides"], rows, strict=True):
        assert row.startswith(f"{side['side']['name']} ")
        assert row.endswith(f"({side['ratio']['least']:.3f} to {side['ratio']['most']:.3f})")
    assert "1.000 (1.000 to 1.000)" in rows[1]
    assert rows[-1].count("—") == 3
    assert [line.split()[0] for line in lines[-8:-1]] == [*STAGES, CLOSING]
    assert found["command"] in lines[3]
    assert found["machine"]["threads"] >= 1


def test_the_plot_shows_every_side_and_its_stages(ended: tuple[Path, str], found: dict[str, Any]) -> None:
    root = ElementTree.parse(ended[0] / "out.svg").getroot()
    assert root.tag == f"{SVG}svg"
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    for side in found["sides"]:
        name = side["side"]["name"]
        assert name in titles
        parts = [f"{name}, {stage}: " for stage in side["stages_ms"]] or [f"{name}: "]
        assert all(any(title.startswith(part) for title in titles) for part in parts)


def test_nothing_is_kept(ended: tuple[Path, str]) -> None:
    assert sorted(path.name for path in ended[0].iterdir()) == ["out.json", "out.svg", "temporary"]
    assert list((ended[0] / "temporary").iterdir()) == []


def test_sides_take_turns(models: Path, tmp_path: Path, benchmark: Any) -> None:
    """Once to warm up, then to and fro."""
    told = tmp_path / "told.txt"
    writes = [program(f"open({str(told)!r}, 'a').write({name!r})") for name in "ab"]
    found = benchmark(
        "-m", models / "counting.onnx", "--compare", f"command:a={writes[0]}", f"command:b={writes[1]}", rounds=3
    )

    assert told.read_text() == "ab" + "abbaab"
    # Without a figure of their own: the frames of a round, by the time that the program took.
    assert {found[name]["frames"] for name in "ab"} == {FRAMES}
    assert all(found[name]["fps"] > 0 for name in "ab")


def test_the_floor_beside_the_program(models: Path, tmp_path: Path, benchmark: Any, capsys: Any) -> None:
    """Decoding and encoding alone: the same frames, of each clip of a folder, and how near the program comes."""
    clips = tmp_path / "clips"
    clips.mkdir()
    for name, length in (("long", FRAMES + 2), ("short", 2)):
        write_video(clips / f"{name}.mp4", map(indexed, range(length)))
    sides = ("floor", f"floor:input={clips},name=both", f"demo:input={clips},name=program,options=--jobs 2")
    found = benchmark("-m", models / "red.onnx", "--compare", *sides, rounds=2)
    assert {name: found[name]["frames"] for name in ("demo", "floor", "both", "program")} == {
        "demo": FRAMES, "floor": FRAMES, "both": FRAMES + 2, "program": FRAMES + 2,
    }  # fmt: skip
    assert list(found["floor"]["stages_ms"]) == [*STAGES, CLOSING]
    assert {stage for stage, spent_ms in found["floor"]["stages_ms"].items() if not spent_ms} == {
        "Preprocessing", "Inference", "Postprocessing", "Rendering",
    }  # fmt: skip
    near = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["floors"]
    assert [(each["floor"], each["side"]) for each in near] == [
        ("floor", "floor"), ("floor", "demo"), ("both", "both"), ("both", "program"),
    ]  # fmt: skip
    assert all(each["share"]["median"] == 1 for each in near[::2])
    for each in near:
        rounds = found[each["side"]]["rounds"]
        assert each["seconds"] == pytest.approx(sum(played["frames"] / played["fps"] for played in rounds) / 2)
    assert "beside the floor" in capsys.readouterr().out


def test_the_floor_copies_every_frame_as_it_is(clip: Path, tmp_path: Path) -> None:
    """Into a lossless file: the planes of the input, and one of its own for each view."""
    out, alpha = tmp_path / "out.mkv", tmp_path / "pha.mkv"
    words = [
        "--no_show",
        "-i",
        str(clip),
        "-o",
        str(out),
        "--output_alpha",
        str(alpha),
        "--codec",
        "ffv1",
        "-limit",
        "4",
    ]
    options = parse_options(words)
    (planned,) = plan(options.inputs, options.outputs, options.encoding, options.selection)
    copied = copy_clip(planned, options)
    expected = planes_of(clip)[:4]
    assert copied.frames == len(expected) == 4
    for path in (out, alpha):
        written = planes_of(path)
        assert len(written) == 4
        assert all(np.array_equal(own, other) for own, other in zip(written, expected, strict=True))


def planes_of(path: Path) -> list[Any]:
    """Luma and chroma of each frame."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def test_networks_of_every_kind(models: Path, tmp_path: Path, benchmark: Any) -> None:
    """Of any size, with the state inside, with a clean plate, several requests at once, of no known contract."""
    assert main(["convert", str(models / "counting.onnx"), "-o", str(tmp_path / "inside.xml"), "--stateful"]) == 0
    empty = write_images(tmp_path / "empty", [indexed(0)]) / "frame 0.png"
    plate = f"model={models / 'difference_dynamic.onnx'},options=--background '{empty.as_posix()}'"
    found = benchmark(
        *("-m", models / "counting_dynamic.onnx", "--compare"),
        *("demo:options=--downsample_ratio 0.5", f"network:{plate}", f"raw:{plate}"),
        *(f"{kind}:model={tmp_path / 'inside.xml'}" for kind in ("raw", "network")),
        f"raw:model={models / 'unknown.onnx'},requests=3,streams=2,precision=f32",
    )
    assert [side["frames"] for side in found.values()] == [FRAMES] * 9


def test_pictures_and_folders_of_clips(models: Path, tmp_path: Path, benchmark: Any) -> None:
    """A round ends with the input, if that comes first; each clip of a folder has frames of its own."""
    pictures = write_images(tmp_path / "pictures", map(indexed, range(3)))
    clips = tmp_path / "clips"
    clips.mkdir()
    for name, length in (("long", FRAMES + 2), ("short", 2)):
        write_video(clips / f"{name}.mp4", map(indexed, range(length)))
    sides = (f"input={pictures},name=pictures", "name=together,options=--jobs 2", "name=later,options=--skip 1")
    found = benchmark("-m", models / "red.onnx", "-i", clips, "--compare", *(f"demo:{side}" for side in sides))
    expected = {"raw": FRAMES, "network": FRAMES, "demo": FRAMES + 2, "pictures": 3, "together": FRAMES + 2}
    assert {name: side["frames"] for name, side in found.items()} == {**expected, "later": FRAMES + 1}
    assert found["together"]["latency_ms"].keys() == {"p50", "p90", "p99"}


def test_paths_are_relative_to_where_it_is_called(
    models: Path, clip: Path, benchmark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    here = program("import os; print(os.getcwd())")
    found = benchmark("-m", "red.onnx", "-i", os.path.relpath(clip), "--no_write", "--compare", f"command:here={here}")
    assert found["demo"]["frames"] == FRAMES
    assert found["demo"]["stages_ms"]["Writing"] == 0


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime (requirements/benchmark.txt) is not here")
def test_onnx_runtime_beside(models: Path, benchmark: Any) -> None:
    dynamic = models / "counting_dynamic.onnx"
    found = benchmark("-m", models / "counting.onnx", "--compare", "onnxruntime", f"onnxruntime:model={dynamic}")
    assert [side["frames"] for side in found.values()] == [FRAMES] * 5
    assert found["onnxruntime"]["latency_ms"]["p50"] > 0


@pytest.mark.skipif(find_spec("onnxruntime") is not None, reason="onnxruntime is here")
def test_onnx_runtime_that_is_missing(failure: Any) -> None:
    assert "requirements/benchmark.txt" in failure("--compare", "onnxruntime", code=1)


def test_onnx_runtime_reads_onnx_alone(tmp_path: Path, failure: Any) -> None:
    assert "is no ONNX file" in failure("--compare", f"onnxruntime:model={tmp_path / 'a.xml'}", code=2)


@pytest.mark.parametrize(
    ("side", "told", "code"),
    [
        ("swift", 'no kind "swift"', 2),
        ("network:model=no.onnx", "network no: no.onnx: no such model file", 1),
        ("raw:device=XPU", "raw device=XPU: device: XPU is PyTorch's name of an Intel GPU", 1),
        ("demo:options=--bogus", "demo --bogus: unrecognized arguments", 2),
        ("demo:options=--no_show -h", "its process ended with exit code 0", 1),
        ("demo:options=--loop --no_show", "--loop has no end", 2),
        ("network:input=-", "a pipe cannot be read again", 2),
        ("demo:input=no.mp4", "no.mp4: no such input", 1),
        ("command:other=/no/such program", "other: /no/such cannot be run", 1),
        (
            f"command:other={program('print(1, flush=True); raise SystemExit(chr(97) * 3)')}",
            "ended with exit code 1: aaa",
            1,
        ),
    ],
)
def test_a_side_that_fails_is_told_in_one_line(failure: Any, side: str, told: str, code: int) -> None:
    assert told in failure("--compare", side, code=code)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_process_that_dies_is_told_in_one_line(failure: Any) -> None:
    kills = program("import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    assert "other: its process ended by signal SIGKILL" in failure("--compare", f"command:other={kills}")


def test_a_command_line_of_no_use(tmp_path: Path, failure: Any) -> None:
    assert "no such side. Expected one of raw, network, demo" in failure("--base", "swift", code=2)
    assert "Make it first" in failure("--json", tmp_path / "no" / "out.json", code=2)
    assert "is a folder. Expected a file" in failure("--json", tmp_path, code=2)
    assert "ends in .svg" in failure("--plot", tmp_path / "out.png", code=2)
    long = "x" * 245  # the part file's name, which is longer, is over what a folder takes
    assert "cannot be written" in failure("--json", tmp_path / f"{long}.json")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_ctrl_c_ends_the_processes(models: Path, clip: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.txt"
    waits = program(
        f"import os, time; open({str(told)!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}} '); time.sleep(99)"
    )
    arguments = command("-m", models / "red.onnx", "-i", clip, "--compare", f"command:other={waits}")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as run:
        waiting_until(lambda: told.is_file() and told.read_text().endswith(" "))
        run.send_signal(signal.SIGINT)
        output, errors = run.communicate(timeout=TIMEOUT_S)
    assert (run.returncode, output, errors) == (1, "", "model_tools benchmark: error: interrupted\n")
    assert not [number for number in told.read_text().split() if is_running(int(number))]


def waiting_until(happened: Callable[[], bool]) -> None:
    end_s = time.monotonic() + TIMEOUT_S
    while not happened():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
