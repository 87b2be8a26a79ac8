"""Scripts that complete the options in a shell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from background_subtraction.cli.main import main
from model_api.extras import PIP

PROGRAM = "background-subtraction"


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_each_shell_gets_a_script_with_the_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", shell], PROGRAM)
    assert ended.value.code == 0
    script = capsys.readouterr().out
    for option in ("output_transparent", "infer_precision", "bf16"):
        assert option in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_an_option_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit):
        main(["--print-completion", "bash"], PROGRAM)
    (tmp_path / "completion.sh").write_text(capsys.readouterr().out)
    (tmp_path / "talk.mp4").touch()
    ask = f"""
        source completion.sh
        function=$(complete -p {PROGRAM} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        COMP_WORDS=({PROGRAM} --infer_pre); COMP_CWORD=1; $function; echo "${{COMPREPLY[@]}}"
        COMP_WORDS=({PROGRAM} -i tal); COMP_CWORD=2; COMPREPLY=(); $function; echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["--infer_precision", "talk.mp4"], done.stderr


def test_without_shtab_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--print-completion", "bash"], PROGRAM) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--print_completion needs shtab. Install it: {PIP} install -r requirements/completion.txt" in line
