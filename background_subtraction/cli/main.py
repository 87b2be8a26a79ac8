"""The command: parse, run, report, exit code. `background-subtraction`, or `python -m background_subtraction`.

What takes time to import is imported below, when signals are handled already.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from background_subtraction.cli.signals import Signals, ending_at_once
from background_subtraction.native_thread import end_process_if_one_hangs


def main(arguments: Sequence[str] | None = None, program: str = "background-subtraction") -> int:
    """Run the command.

    Args:
        arguments: its words. None: those of this process, which ends with this call.
        program: its name in messages.

    Returns:
        The exit code. 0: done. 1: the run failed or was interrupted. 2: invalid usage.
    """
    try:
        with ending_at_once(program, last=arguments is None) as signals:
            code = _main(list(sys.argv[1:] if arguments is None else arguments), program, signals)
    except KeyboardInterrupt:  # between the end of the run and that of the program
        code = _fail(program, "interrupted")
    if arguments is None:
        end_process_if_one_hangs(code)
    return code


def _main(arguments: Sequence[str], program: str, signals: Signals) -> int:
    import logging

    from background_subtraction.cli.beginning import begin

    begin()
    try:
        from background_subtraction.batch.storage import address_of
        from background_subtraction.cli.commands import execute
        from background_subtraction.report import Report
        from model_api.errors import BackgroundSubtractionError, OptionError
        from model_api.terminal.foreign_text import log_printable
    except ImportError as error:
        return _fail(program, _missing_library(error))

    log_printable()
    report = Report()
    try:
        outputs = execute(arguments, program, report, signals)
    except OptionError as error:
        return _fail(program, str(error), code=2)
    except BackgroundSubtractionError as error:
        return _fail(program, f"{error}{_kept(report.kept)}")
    except KeyboardInterrupt:
        return _fail(program, f"interrupted after {report.frames} frames{_kept(report.kept)}")
    finally:
        if report.frames:
            for line in report.lines():
                logging.info(line)
    for output in outputs:
        logging.info("Wrote %s", address_of(output.path) or output.path)
    return 0


def _kept(names: list[str]) -> str:
    from model_api.terminal.foreign_text import one_line

    return f"; kept in {', '.join(map(one_line, names))}" if names else ""


def _fail(program: str, message: str, code: int = 1) -> int:
    print(f"{program}: error: {message}", file=sys.stderr)
    return code


def _missing_library(error: ImportError) -> str:
    pip = f"{sys.executable} -m pip"  # model_api, which has it too, may be what cannot be imported
    if (error.name or "").startswith("model_api"):
        return (
            f"{error}. Another package of that name is installed, Intel's openvino-model-api perhaps. Give this "
            f"program an environment of its own, or: {pip} uninstall openvino-model-api"
        )
    if "libGL" in str(error) or "libgthread" in str(error) or "libglib" in str(error):
        return (
            f"opencv-python cannot be loaded ({error}). Install the library, on Debian or Ubuntu: "
            "apt install libgl1 libglib2.0-0; or, to run without a window: "
            f"{pip} uninstall opencv-python && {pip} install opencv-python-headless"
        )
    from pathlib import Path

    if (Path(__file__).resolve().parents[2] / "requirements.txt").is_file():  # of a checkout
        return f"{error}. Install the dependencies: {pip} install -r requirements.txt"
    return f"{error}. List the packages that are missing: {pip} check"
