"""Text of others never commands a terminal."""

from __future__ import annotations

import io
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from model_api.errors import ModelFileError
from model_api.terminal.foreign_text import log_printable, one_line, printable
from model_tools.__main__ import main
from tests.support.command import run_command
from tests.support.networks import red_is_alpha

EVIL = "\x1b]0;title\x07"
"""Retitles a terminal: ECMA-48's operating system command, as xterm takes it."""
HARMLESS = ("plain", "Zoë 日本語 ünï", "नमस्ते", "می\u200cخواهم", "👩\u200d💻", "a\tb\nc", "ｗｉｄｅ\u3000ｂｌａｎｋ")


@pytest.mark.parametrize("text", HARMLESS)
def test_words_of_every_language_stay(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        (EVIL, r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),  # the same in one byte, for terminals that take C1
        ("over\rwritten", r"over\rwritten"),
        ("\b\b\b", r"\x08\x08\x08"),
        ("evil\u202egnp.exe", r"evil\u202egnp.exe"),  # shown as evilexe.png otherwise (CVE-2021-42574)
        ("\u2066\u2069", r"\u2066\u2069"),
        ("line\u2028break", r"line\u2028break"),
        ("\udcff.mp4", r"\udcff.mp4"),  # a name that is not UTF-8
        ("\x00\x7f", r"\x00\x7f"),
    ],
)
def test_what_a_terminal_obeys_is_spelt(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("two\r\nlines\tand  blanks ", "two lines and blanks"),
        ("x" * 1_000_000, "x" * 200),
        (None, "None"),
        (ValueError("bad\x1b"), r"bad\x1b"),
        ([[[[[[[[[1]]]]]]]]], "[[[[[[[...]]]]]]]"),
    ],
)
def test_anything_becomes_a_part_of_a_line(value: object, line: str) -> None:
    assert one_line(value) == line


def test_what_is_deeper_than_python_goes_is_shown_at_its_beginning() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert one_line(deep).startswith("[[[[[[[...")


def test_errors_and_log_lines_are_printable() -> None:
    assert (
        str(ModelFileError(f"{EVIL}\nforged: no such file", "model")) == r"model: \x1b]0;title\x07 forged: no such file"
    )
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("[ %(levelname)s ] %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        log_printable()
        logging.getLogger("any").warning("%s:\tone\n\ttwo", EVIL)
    finally:
        root.removeHandler(handler)
    assert stream.getvalue() == "[ WARNING ] \\x1b]0;title\\x07:\tone\n\ttwo\n"


TOOLS: dict[str, Callable[[Path], list[object]]] = {
    "a word that is no option": lambda _: ["info", EVIL, EVIL],
    "a missing file": lambda _: ["info", f"{EVIL}.onnx"],
    "a name in the table": lambda folder: ["info", red_is_alpha(folder / f"{EVIL}.onnx")],
    "a tool": lambda _: [EVIL],
    "a list": lambda _: ["download", "--list", EVIL],
    "a model": lambda _: ["download", EVIL],
}


@pytest.mark.parametrize("case", TOOLS)
def test_tools_do_not_repeat_what_a_terminal_obeys(tmp_path: Path, case: str) -> None:
    done: subprocess.CompletedProcess[str] = run_command(main, TOOLS[case](tmp_path), tmp_path)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr
    assert r"\x1b]0;title\x07" in done.stdout + done.stderr
