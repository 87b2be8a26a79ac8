"""The package: what it declares, what the archives hold, and that the installed one works far from the checkout."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from background_subtraction import __version__
from model_api import bundled
from tests.conftest import ROOT, TIMEOUT_S
from tests.support.environments import borrowing_environment
from tests.support.media import read_video

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGES = {"background_subtraction", "model_api", "model_tools"}
OF_THEIR_OWN = {"constraints", "cpu_builds", "lock", "omz"}
"""Files in requirements/ that are no extras: versions alone, and an environment that does not go with this one."""

BUILD = """
import sys
from hatchling.build import build_sdist, build_wheel
build_sdist(sys.argv[1])
build_wheel(sys.argv[1])
"""
needs_hatchling = pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling, which builds, is not here")


@pytest.fixture(scope="session")
def project() -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return content


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive and the wheel, made without an environment of their own and so without a
    network."""
    folder = tmp_path_factory.mktemp("archives")
    done = run(sys.executable, "-c", BUILD, folder, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def installed(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel, which finds the dependencies in this one."""
    folder = tmp_path_factory.mktemp("installed")
    python = borrowing_environment(folder / "environment")
    (wheel,) = archives.glob("*.whl")
    done = run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    return python.parent


def test_the_dependencies_are_those_of_the_requirements(project: dict[str, Any]) -> None:
    assert project["dependencies"] == listed(ROOT / "requirements.txt")


def test_the_extras_are_those_of_the_requirements(project: dict[str, Any]) -> None:
    files = [file for file in (ROOT / "requirements").glob("*.txt") if file.stem not in OF_THEIR_OWN]
    expected = {file.stem.replace("_", "-"): listed(file) for file in files}
    assert project["optional-dependencies"] == expected


@needs_hatchling
def test_the_wheel_holds_the_program_and_its_models(archives: Path) -> None:
    (wheel,) = archives.glob("*.whl")
    assert wheel.name == f"background_subtraction-{__version__}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names} == PACKAGES | {f"background_subtraction-{__version__}.dist-info"}
    models = {f"model_api/bundled/{name}.{end}" for name in bundled.names() for end in ("xml", "bin", "md")}
    data = {
        "model_tools/download/catalogue.txt",
        "model_tools/train/configs/video.toml",
        *(f"{name}/py.typed" for name in PACKAGES),
    }
    assert models | data <= names
    sources = {path.relative_to(ROOT).as_posix() for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


@needs_hatchling
def test_the_wheel_lists_its_parts(archives: Path, project: dict[str, Any]) -> None:
    """CycloneDX (ECMA-424), where PEP 770 has it."""
    (wheel,) = archives.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        parts = json.loads(
            file.read(f"background_subtraction-{__version__}.dist-info/sboms/background-subtraction.cdx.json")
        )
        assert (parts["bomFormat"], parts["specVersion"]) == ("CycloneDX", "1.6")
        assert parts["metadata"]["component"]["purl"] == f"pkg:pypi/background-subtraction@{__version__}"
        required = {part["name"] for part in parts["components"] if part.get("scope") == "required"}
        assert {re.split("[<>=]", line)[0] for line in project["dependencies"]} <= required
        files = [each for part in parts["components"] for each in part.get("components", ())]
        assert len(files) == 2 * len(bundled.names())
        for each in files:
            assert each["hashes"][0]["content"] == hashlib.sha256(file.read(each["name"])).hexdigest()
    references = [part["bom-ref"] for part in (parts["metadata"]["component"], *parts["components"])]
    assert len(references) == len(set(references))
    assert {reference for each in parts["dependencies"] for reference in each["dependsOn"]} <= set(references)


@needs_hatchling
def test_the_source_archive_holds_what_checks_itself(archives: Path) -> None:
    (archive,) = archives.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    folders = {name.split("/")[0] for name in names}
    assert folders >= PACKAGES | {"tests", "samples", "requirements", "requirements.txt", "models.lst", "README.md"}
    assert {"background_subtraction_demo.py", "bootstrap.py", "LICENSE", "tests/conftest.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", ".environments", "runs"))]


@needs_hatchling
def test_the_installed_command_takes_a_person_out(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "samples/astronaut.mp4", tmp_path / "clip.mp4")
    words = ("-i", "clip.mp4", "-o", "out.mp4", "--end", "0.2", "--no_show")
    done = run(installed / "background-subtraction", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wrote out.mp4" in done.stdout
    assert len(read_video(tmp_path / "out.mp4")) > 3


@needs_hatchling
def test_the_installed_library_and_tools_find_the_models(installed: Path, tmp_path: Path) -> None:
    script = "import model_api; print(model_api.create_model('video').needs_clean_plate, model_api.__file__)"
    done = run(installed / "python", "-c", script, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(installed.parent) in done.stdout
    done = run(installed / "background-subtraction-tools", "info", "portrait", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "PortraitMatting" in done.stdout


@needs_hatchling
@pytest.mark.parametrize(
    "command",
    [("background-subtraction",), ("background-subtraction-tools",), ("python", "-m", "background_subtraction")],
    ids=" ".join,
)
def test_the_version_is_told(installed: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(installed / command[0], *command[1:], "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


@needs_hatchling
def test_an_installed_program_names_the_extra(installed: Path, tmp_path: Path) -> None:
    script = "from model_api.extras import install_command; print(install_command('virtual_camera'))"
    done = run(installed / "python", "-c", script, cwd=tmp_path)
    assert done.stdout == f'{installed / "python"} -m pip install "background-subtraction[virtual-camera]"\n'


def listed(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
