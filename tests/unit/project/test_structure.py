"""The structure that DESIGN.md draws: who may import whom, how long a file and how large a folder may get.

Each test looks at every module and lists those that break its rule.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = {
    "model_api": (
        "terminal", "pictures", "bundled", "mattes", "recognition", "graph", "adapters", "models", "pipelines",
    ),
    "background_subtraction": ("sources", "compositing", "sinks", "preview", "live", "batch", "library", "web", "cli"),
    "model_tools": (
        "reporting",
        "download",
        "compose",
        "evaluate",
        "trials",
        "convert",
        "quantize",
        "benchmark",
        "train",
    ),
}  # fmt: skip
"""Package -> its folders. Each may import from those before it, and each package from the packages before it."""

ONE_DOOR = {
    "openvino": (
        "model_api/adapters/openvino_adapter.py",
        "model_api/adapters/compiled_stage.py",
        "model_api/graph/",
        "model_tools/",
    ),
    "av": ("background_subtraction/sources/", "background_subtraction/sinks/"),
    "pyvirtualcam": ("background_subtraction/sinks/virtual_camera.py",),
    "distributed": ("background_subtraction/batch/engines/dask_cluster.py",),
    "ray": ("background_subtraction/batch/engines/ray_cluster.py",),
    "scenedetect": ("background_subtraction/sources/scenes/finding.py",),
    "fsspec": ("background_subtraction/batch/storage.py",),
    "tritonclient": ("model_api/adapters/kserve/",),
    "aiohttp": ("model_api/adapters/kserve/",),
    "grpc": ("model_api/adapters/kserve/",),
    "fastapi": ("background_subtraction/web/",),
    "starlette": ("background_subtraction/web/",),
    "uvicorn": ("background_subtraction/web/",),
    "psutil": ("background_subtraction/preview/system_monitor.py",),
    "tqdm": ("background_subtraction/progress.py", "model_tools/"),
    "onnx": ("model_api/graph/reading/external_data.py", "model_tools/"),
    "onnxruntime": ("model_tools/benchmark/",),
    "nncf": ("model_tools/quantize/",),
    "torch": ("model_api/graph/reading/torchscript.py", "model_tools/train/", "model_tools/convert/"),
    "cv2.VideoCapture": ("background_subtraction/sources/camera.py",),
    "cv2.imshow": ("background_subtraction/preview/window.py",),
}
"""Library, or function of one -> the only places that may use it."""

LONGEST_FILE = 300
LARGEST_FOLDER = 12
"""Modules beside `__init__`."""


def modules() -> list[Path]:
    folders = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    return [ROOT / "bootstrap.py", ROOT / "background_subtraction_demo.py", *folders]


def folders() -> list[Path]:
    return [path.parent for path in modules() if path.name == "__init__.py"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """What a module imports, inside functions too: modules of ours by their whole name."""
    return frozenset(_imports_in(tree_of(path)))


def _imports_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if _is_module(name) else node.module


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def used_by(path: Path) -> set[str]:
    """Libraries that a module imports, and functions that it calls by their library's name."""
    attributes = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute))
    calls = {f"{node.value.id}.{node.attr}" for node in attributes if isinstance(node.value, ast.Name)}
    return calls | {name.split(".")[0] for name in imports_of(path)}


def test_packages_import_one_way() -> None:
    order = list(PACKAGES)
    may_import = {package: {*order[: order.index(package) + 1]} for package in order}
    may_import |= {"background_subtraction_demo.py": {"background_subtraction"}, "bootstrap.py": set()}
    ours = {*PACKAGES, "background_subtraction_demo", "bootstrap", "samples", "tests"}
    offenders = [
        f"{name_of(path)} imports {name}"
        for path in modules()
        for name in imports_of(path)
        if name.split(".")[0] in ours - may_import[path.relative_to(ROOT).parts[0]]
    ]
    assert not offenders


def test_bootstrap_needs_nothing_but_python() -> None:
    names = {name.split(".")[0] for name in imports_of(ROOT / "bootstrap.py")}
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_of_a_package_import_one_way(package: str) -> None:
    order = PACKAGES[package]
    offenders = []
    for path in (ROOT / package).rglob("*.py"):
        folder = path.relative_to(ROOT).parts[1]
        if folder not in order:  # a module beside the folders
            continue
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == package and parts[1:2] and parts[1] in order[order.index(folder) + 1 :]:
                offenders.append(f"{name_of(path)} imports {name}")
    assert not offenders


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_has_its_place_in_the_order(package: str) -> None:
    assert {path.parent.name for path in (ROOT / package).glob("*/__init__.py")} <= set(PACKAGES[package])


@pytest.mark.parametrize("depth", [2, 3, 9], ids=["folders", "folders in folders", "modules"])
def test_imports_have_no_circle(depth: int) -> None:
    """depth: parts of a name that are looked at: 2 takes a folder with all in it for one."""
    graph: dict[str, set[str]] = {}
    for path in modules():
        if path.name == "__init__.py" and path.parent.parent == ROOT:  # exports what is below it
            continue
        own = ".".join(dotted(path).split(".")[:depth])
        targets = {".".join(name.split(".")[:depth]) for name in imports_of(path) if name.split(".")[0] in PACKAGES}
        graph.setdefault(own, set()).update(targets - {own, *PACKAGES})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def test_heavy_libraries_come_in_by_one_door() -> None:
    offenders = [
        f"{name_of(path)} uses {name}"
        for path in modules()
        for name in used_by(path) & ONE_DOOR.keys()
        if not name_of(path).startswith(ONE_DOOR[name])
    ]
    assert not offenders


def test_files_stay_short() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def test_folders_stay_small() -> None:
    sizes = {name_of(folder): len([*folder.glob("*.py")]) - 1 for folder in folders()}
    assert not {name: size for name, size in sizes.items() if size > LARGEST_FOLDER}


def test_every_package_says_what_it_is() -> None:
    assert not [name_of(folder) for folder in folders() if not ast.get_docstring(tree_of(folder / "__init__.py"))]


def test_there_is_something_to_look_at() -> None:
    assert len(modules()) > 100
