"""What all tools have in common: help, missing libraries, signals, and a reader that goes away."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_api.extras import PIP
from model_tools.__main__ import TOOLS, main
from tests.conftest import ROOT, TIMEOUT_S

COMMAND = (sys.executable, "-m", "model_tools")
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
from model_tools.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
"""A library that `sys.modules` maps to None is not found."""


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_has_a_help_of_its_own(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([tool, "--help"])
    help_text = " ".join(capsys.readouterr().out.split())
    assert help_text.startswith(f"usage: background-subtraction-tools {tool}")
    assert TOOLS[tool].summary in help_text


def test_an_unknown_tool_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bogus"])
    assert "invalid choice: 'bogus'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "library", "extra"),
    [
        ("train --config model_tools/train/configs/video.toml --output runs/none", "torch", "training"),
        ("export --help", "torch", "training"),
        ("convert none.ckpt", "torch", "training"),
        ("quantize video -i samples/astronaut.mp4 --check samples", "nncf", "quantize"),
    ],
)
def test_a_missing_library_is_one_line_that_names_its_extra(words: str, library: str, extra: str) -> None:
    command = [sys.executable, "-c", WITHOUT, library, *words.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 1
    line = f"{library} is not installed. Install it with: {PIP} install -r requirements/{extra}.txt"
    assert done.stderr == f"model_tools {words.split()[0]}: error: {line}\n"


def test_training_shows_its_help_without_pytorch() -> None:
    command = [sys.executable, "-c", WITHOUT, "torch", "train", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--bfloat16" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows closes pipes in another way")
@pytest.mark.parametrize("words", [("--help",), ("info", "video"), ("download",), ("train", "--help")], ids=" ".join)
def test_a_reader_that_goes_away_is_no_error(words: tuple[str, ...]) -> None:
    with subprocess.Popen([*COMMAND, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_a_tool_in_one_line(name: str, tmp_path: Path) -> None:
    person = np.zeros((48, 48, 4), np.uint8)
    person[8:, 16:32] = 255
    cv2.imwrite(str(tmp_path / "person.png"), person)
    words = ["compose", "--foregrounds", tmp_path / "person.png", "--backgrounds", ROOT / "samples/stars.jpg"]
    words += ["--output", tmp_path / "clips", "--clips", "100000", "--size", "32x32"]
    command = [*COMMAND, *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "clips").exists():
            assert process.poll() is None
        process.send_signal(getattr(signal, name))
        _, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (1, "model_tools compose: error: interrupted\n")
