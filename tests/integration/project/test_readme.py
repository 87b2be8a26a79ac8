"""README.md and docs/: every command and snippet runs as printed, or stands in a list that says why it cannot."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest

from background_subtraction.cli.main import main as demo
from model_api.types import Image
from model_tools.__main__ import main as tools
from tests.support import networks
from tests.support.command import Main, run_command
from tests.support.documentation import PAGES, ROOT, Snippet, links_of, snippets_of
from tests.support.media import read_video, write_images, write_video

PROGRAMS: dict[str, Main] = {
    "python3 bootstrap.py demo": demo,
    "python3 bootstrap.py tools": tools,
    "python background_subtraction_demo.py": demo,
    "python -m background_subtraction": demo,
    "python -m model_tools": tools,
    "background-subtraction-tools": tools,
    "background-subtraction": demo,
}
"""How a command of this program begins -> what it calls."""

NOT_RUN = {
    r"(^| )-i (0|/dev/video\d)( |$)": "needs a camera",
    r" -d GPU ": "needs a graphics card",
    r"^# there: ": "is RobustVideoMatting's own code, beside ours",
    r"^python inference\.py ": "is RobustVideoMatting's own command",
    r"^sudo |\| sudo ": "changes the machine",
    r" > ~": "writes to the reader's home",
    r"^docker ": "needs Docker",
    r"^background-subtraction serve": "serves until it is stopped: tests/integration/web do so",
    r"^curl ": "needs a server that runs: test_uploads.py and others ask it",
    r"^(pip|pipx|uvx) ": "installs packages: test_package.py installs the wheel",
    r"^(git clone |openssl |\.venv/bin/|python3 -m venv )": "sets up a machine for calls, or for phones",
    r"^python3\.11 -m venv|^omz/": "makes an environment: test_open_model_zoo.py makes it, and runs these tools",
    r"^(ffmpeg|player) ": "needs another program: test_video_out.py feeds pipes",
    r"bootstrap\.py check|^python -m pytest": "runs this test",
    r" --image me\.jpg": "needs a network and pictures of the reader: test_trials.py makes them",
    r" download [a-z]": "downloads: test_download_command.py has a server of its own",
    r" convert .*\.ckpt$": "needs a published checkpoint: test_convert.py makes one",
    r" quantize ": "takes minutes: test_quantize.py quantizes small networks",
    r" benchmark .*--compare": "names a program that the reader has: test_benchmark.py compares every kind of side",
    r" benchmark --scale": "takes minutes: test_scale.py measures with few frames",
    r"^(find|jq) ": "needs another program: tests/integration/batch reads lists and manifests",
    r" --cluster ": "needs a cluster: test_engines.py starts them",
    r"s3://": "needs a storage: test_storage.py has one",
    r" (train|export|label) ": "takes hours and material: test_training.py trains for a few steps",
}
"""Commands and snippets that need what is not here -> what it is, and which test does it in another way."""

SMALLER = {
    " compose ": ["--clips", "2", "--frames", "4", "--size", "96x64"],
    " benchmark ": ["--frames", "4", "--rounds", "1"],
    " advise ": ["--frames", "4", "--rounds", "1"],
}
"""Commands that would take long -> what is added to them."""


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample, and smaller."""
    frames = islice(read_video(ROOT / "samples/astronaut.mp4"), 20)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, (cv2.resize(frame, (256, 144)) for frame in frames), Fraction(25))


@pytest.fixture
def checkout(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages name. Test networks stand in for published ones."""
    for name in ("samples", "clips"):
        (tmp_path / name).mkdir()
    (tmp_path / "samples/stars.jpg").symlink_to(ROOT / "samples/stars.jpg")
    for name in (
        "samples/astronaut.mp4",
        "talk.mp4",
        "film.mp4",
        "in.mp4",
        "waves.mp4",
        "clips/one.mp4",
        "clips/two.mp4",
    ):
        (tmp_path / name).symlink_to(clip)
    _write_stills(tmp_path, read_video(clip)[0])
    _write_networks(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))  # presets
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write_stills(folder: Path, frame: Image) -> None:
    assert cv2.imwrite(str(folder / "empty_room.png"), frame)
    oval = cv2.ellipse(np.zeros_like(frame), (180, 90), (50, 70), 0, 0, 360, (255, 255, 255), -1)
    for name in ("people", "rooms", "images", "com"):
        write_images(folder / name, [frame])
    for name in ("alphas", "masks", "pha"):
        write_images(folder / name, [oval])


def _write_networks(folder: Path) -> None:
    published = folder / "public/rvm_mobilenetv3_fp32"
    zoo = folder / "public/robust-video-matting-mobilenetv3/FP16"
    for path in (published, zoo):
        path.mkdir(parents=True)
    for path in (folder / "rvm.onnx", published / "rvm_mobilenetv3_fp32.onnx"):
        networks.counting_dynamic_matting(path)
    networks.counting_video_matting(folder / "video.onnx")
    networks.red_is_alpha(folder / "portrait.onnx")
    networks.difference_matting(folder / "bgm_mobilenetv2.onnx")
    ov.save_model(ov.convert_model(folder / "video.onnx"), zoo / "robust-video-matting-mobilenetv3.xml")
    ov.save_model(ov.convert_model(folder / "bgm_mobilenetv2.onnx"), folder / "bgmv2.xml")


@pytest.mark.parametrize("page", PAGES)
def test_everything_on_a_page_runs_from_top_to_end(page: str, checkout: Path) -> None:
    failures = {snippet.text: failure for snippet in snippets_of(page) if (failure := failure_of(snippet))}
    assert not failures


def failure_of(snippet: Snippet) -> str:
    """What went wrong with it, or nothing."""
    if any(re.search(pattern, snippet.text) for pattern in NOT_RUN):
        return missing_options(snippet)
    if snippet.language == "python":
        exec(compile(snippet.text, "snippet", "exec"), {})
        return ""
    if not (main := program_of(snippet)):
        return "neither a command of this program nor in NOT_RUN"
    added = [word for part, words in SMALLER.items() if part in snippet.text for word in words]
    done = run_command(main, [*arguments_of(snippet), *added])
    return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr}"


def missing_options(snippet: Snippet) -> str:
    """Of a command of this program that is not run: its options that the help does not know."""
    main = program_of(snippet)
    if main is None:
        return ""
    words = arguments_of(snippet)
    done = run_command(main, [*words[:1], "-h"] if main is tools else ["-h"])
    known = done.stdout.replace("_", "-")  # both are understood
    unknown = [word for word in words if re.match(r"--?[a-z]", word) and word.replace("_", "-") not in known]
    return "" if done.returncode == 0 and not unknown else f"unknown: {unknown or words[0]}"


def program_of(snippet: Snippet) -> Main | None:
    return next((main for start, main in PROGRAMS.items() if snippet.text.startswith(f"{start} ")), None)


def arguments_of(snippet: Snippet) -> list[str]:
    start = next(start for start in PROGRAMS if snippet.text.startswith(f"{start} "))
    return snippet.words[len(start.split()) :]


def test_each_reason_not_to_run_something_has_a_command() -> None:
    texts = [snippet.text for page in PAGES for snippet in snippets_of(page)]
    assert not [pattern for pattern in NOT_RUN if not any(re.search(pattern, text) for text in texts)]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert not [link for link in links_of(page) if not link.exists]
