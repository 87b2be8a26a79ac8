"""The command: parse, run, report, exit code. `background-subtraction`, or `python -m background_subtraction`."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
"""Of a checkout."""


def main(arguments: Sequence[str] | None = None, program: str = "background-subtraction") -> int:
    """0: done. 1: the run failed or was interrupted. 2: invalid usage. program: its name in messages."""
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    logging.raiseExceptions = False  # a reader that has gone, as in "| head", is no error
    try:
        from background_subtraction.cli.arguments import OPTION_OF
        from background_subtraction.cli.parse import parse_options
        from background_subtraction.report import Report
        from background_subtraction.run import run
        from model_api.errors import BackgroundSubtractionError, OptionError, renamed
    except ImportError as error:
        return _fail(program, _missing_library(error))

    report = Report()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options = parse_options(arguments, program)
        with renamed(OPTION_OF):
            run(options, report)
    except OptionError as error:
        return _fail(program, str(error), code=2)
    except BackgroundSubtractionError as error:
        return _fail(program, str(error))
    except KeyboardInterrupt:
        names = ", ".join(str(output.path) for output in options.outputs)
        kept = f"; kept in {names}" if names and report.frames else ""
        return _fail(program, f"interrupted after {report.frames} frames{kept}")
    finally:
        if report.frames:
            for line in report.lines():
                logging.info(line)
    for output in options.outputs:
        logging.info("Wrote %s", output.path)
    return 0


def _fail(program: str, message: str, code: int = 1) -> int:
    print(f"{program}: error: {message}", file=sys.stderr)
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _missing_library(error: ImportError) -> str:
    if "libGL" in str(error) or "libgthread" in str(error) or "libglib" in str(error):
        return (
            f"opencv-python cannot be loaded ({error}). Install the library, on Debian or Ubuntu: "
            "apt install libgl1 libglib2.0-0; or, to run without a window: "
            "pip uninstall opencv-python && pip install opencv-python-headless"
        )
    if REQUIREMENTS.is_file():
        return f"{error}. Install what is needed: pip install -r requirements.txt"
    return f"{error}. List the packages that are missing: pip check"
