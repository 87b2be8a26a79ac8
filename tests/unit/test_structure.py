"""The structure that DESIGN.md draws: who may import whom, and how long a file may get."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("background_subtraction", "model_api", "model_tools")
PYTHON_FILES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] in (*PACKAGES, "background_subtraction_demo.py", "bootstrap.py")
]

MAY_IMPORT = {
    "bootstrap.py": set(),
    "background_subtraction_demo.py": {"background_subtraction", "model_api"},
    "background_subtraction": {"background_subtraction", "model_api"},
    "model_api": {"model_api"},
    "model_tools": {"model_tools", "background_subtraction", "model_api"},
}
ONE_DOOR = {
    "openvino": ("model_api/adapters/openvino_adapter.py", "model_api/graph/", "model_tools/"),
    "av": ("background_subtraction/sources/video.py", "background_subtraction/sinks/"),
    "pyvirtualcam": ("background_subtraction/sinks/virtual_camera.py",),
    "tritonclient": ("model_api/adapters/kserve/client.py",),
    "psutil": ("background_subtraction/preview/system_monitor.py",),
    "tqdm": ("background_subtraction/progress.py", "model_tools/"),
    "torch": ("model_tools/train/", "model_tools/convert/torch_checkpoint.py"),
}
CALLS_ONE_DOOR = {
    "VideoCapture": ("background_subtraction/sources/camera.py",),
    "imshow": ("background_subtraction/preview/window.py",),
}
LONGEST_FILE = 300


def imported(path: Path) -> set[str]:
    """Top-level names of all imports, those inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    own = imported(path) & {*PACKAGES, "background_subtraction_demo", "bootstrap", "tests"}
    assert own <= MAY_IMPORT[path.relative_to(ROOT).parts[0]]


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_heavy_libraries_come_in_by_one_door(path: Path) -> None:
    names = {name for name in imported(path) & ONE_DOOR.keys() if not name_of(path).startswith(ONE_DOOR[name])}
    assert names == set()


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_cameras_and_windows_are_opened_in_one_place(path: Path) -> None:
    attributes = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    names = {name for name in attributes & CALLS_ONE_DOOR.keys() if name_of(path) not in CALLS_ONE_DOOR[name]}
    assert names == set()


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_there_is_something_to_look_at() -> None:
    assert len(PYTHON_FILES) > 30
