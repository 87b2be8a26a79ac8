#!/usr/bin/env python3
"""Puts the person in a video, camera or image over another background. See --help and README.md."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done. 1: the run failed or was interrupted. 2: invalid usage."""
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    logging.raiseExceptions = False  # a reader that has gone, as in "| head", is no error
    try:
        from background_subtraction import session
        from background_subtraction.arguments import OPTION_OF
        from background_subtraction.options import parse_options
        from background_subtraction.report import Report
        from model_api.errors import BackgroundSubtractionError, OptionError, renamed
    except ImportError as error:
        return _fail(_missing_library(error))

    report = Report()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options = parse_options(arguments)
        with renamed(OPTION_OF):
            session.run(options, report)
    except OptionError as error:
        return _fail(str(error), code=2)
    except BackgroundSubtractionError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        names = ", ".join(str(output.path) for output in options.outputs)
        kept = f"; kept in {names}" if names and report.frames else ""
        return _fail(f"interrupted after {report.frames} frames{kept}")
    finally:
        if report.frames:
            for line in report.lines():
                logging.info(line)
    for output in options.outputs:
        logging.info("Wrote %s", output.path)
    return 0


def _fail(message: str, code: int = 1) -> int:
    print(f"background_subtraction_demo.py: error: {message}", file=sys.stderr)
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
    return f"{error}. Install what is needed: pip install -r requirements.txt"


if __name__ == "__main__":
    sys.exit(main())
