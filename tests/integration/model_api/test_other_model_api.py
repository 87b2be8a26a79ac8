"""Intel's openvino-model-api has a package of our package's name: one line says that both do not go together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, TIMEOUT_S

SCRIPT = """
import sys
sys.path[:0] = [{other!r}, {ours!r}]
from background_subtraction.cli.main import main
sys.exit(main(["-i", "clip.mp4"]))
"""


def test_another_package_of_that_name_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model_api").mkdir()
    (tmp_path / "model_api" / "__init__.py").touch()
    script = SCRIPT.format(other=str(tmp_path), ours=str(ROOT))
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=tmp_path
    )
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith("background-subtraction: error: No module named 'model_api.")
    assert line.endswith("pip uninstall openvino-model-api")
