"""What the tests share: the real models and clips, the test networks, and the command as a user runs it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from background_subtraction.cli.main import main
from model_api.adapters.cores import cores
from tests.support import networks
from tests.support.command import run_command

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
COMMAND = ROOT / "background_subtraction_demo.py"
TIMEOUT_S = 120
DEMO = partial(main, program=COMMAND.name)
SLOW = ("model_server", "open_model_zoo", "package", "page", "transparent_web", "window")
"""What starts servers, browsers and windows, or makes environments: test_<name>.py in tests/integration."""

RunDemo = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_configure() -> None:
    # A shell that starts the tests in the background leaves Ctrl-C ignored, for the commands that they start as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):  # as nohup leaves it
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # PyTorch's threads wait actively: in several processes they would take the cores from each other.
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // processes)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem.removeprefix("test_") in SLOW or item.path.parent.name == "slow":
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and clips."""
    if not SHARED.is_dir():
        pytest.skip("the real models and clips (../shared) are not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of test networks."""
    folder = tmp_path_factory.mktemp("models")
    networks.counting_video_matting(folder / "counting.onnx")
    networks.counting_dynamic_matting(folder / "counting_dynamic.onnx")
    networks.difference_matting(folder / "difference.onnx")
    networks.difference_matting(folder / "difference_dynamic.onnx", "h", "w")
    networks.red_is_alpha(folder / "red.onnx")
    networks.red_is_alpha(folder / "red_dynamic.onnx", "h", "w")
    networks.unknown_contract(folder / "unknown.onnx")
    return folder


@pytest.fixture(scope="session")
def demo_environment() -> dict[str, str]:
    """Warnings are errors in the command too, but for those of the libraries' own start."""
    return {**os.environ, "PYTHONWARNINGS": "error::ResourceWarning", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def run_demo(tmp_path: Path, start_demo: RunDemo) -> RunDemo:
    """Runs the command in this process, in an empty folder, and gives what it printed.

    With options of `subprocess.run`, such as `env` or `stdin`, which only a process has: `start_demo`.
    """

    def run(*arguments: object, show: bool = False, **options: object) -> subprocess.CompletedProcess[str]:
        if options:
            return start_demo(*arguments, show=show, **options)
        return run_command(DEMO, [*arguments, *([] if show else ["--no_show"])], tmp_path)

    return run


@pytest.fixture
def start_demo(tmp_path: Path, demo_environment: dict[str, str]) -> RunDemo:
    """Runs the command as a user does: its file, in a Python of its own, in an empty folder."""

    def run(*arguments: object, show: bool = False, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(COMMAND), *map(str, arguments), *([] if show else ["--no_show"])]
        settings = {"env": demo_environment, "cwd": tmp_path, **options}
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, **settings)  # type: ignore[call-overload]

    return run


def one_line(run: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a run that failed as it should: code 1 or 2 and no traceback."""
    lines = run.stderr.strip().splitlines()
    assert run.returncode in (1, 2), run
    assert "Traceback" not in run.stderr, run.stderr
    usage = [line for line in lines if line.startswith(("usage:", " "))]
    errors = [line for line in lines if line not in usage]
    assert len(errors) == 1, run.stderr
    assert errors[0].startswith("background_subtraction_demo.py: error: ")
    return errors[0]
