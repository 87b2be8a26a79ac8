"""`python -m model_tools TOOL …`, installed `background-subtraction-tools TOOL …`.

Each tool is a module here, or a package whose module is `command`, with `add_arguments(parser)` and `run(args)`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from background_subtraction import __version__
from background_subtraction.cli.arguments import OPTION_OF
from model_api.errors import BackgroundSubtractionError, OptionError, renamed

TOOLS: dict[str, str] = {
    "download": "Fetch published models: shows licences, verifies checksums, resumes, keeps a cache.",
    "convert": "Make an IR with size, preprocessing and state inside, from ONNX and what else is read.",
    "quantize": "Make an 8-bit model, and compare it with the one it was made from.",
    "compose": "Make clips whose true alpha is known, from people with alphas and backgrounds.",
    "evaluate": "Measure alphas against the truth or another model: tables, curves, worst frames.",
    "info": "Tell what a network is: contract, inputs, outputs, preprocessing, weights, cost, devices.",
    "devices": "Try a model on every device of this machine, and compare.",
    "benchmark": "Time bare inference, the demo end to end and other configurations, in turns.",
}
"""Tool -> what it does. Only the one that is asked for is imported, for some need libraries of their own."""

SINGLE_MODULES = ("info", "devices")


def main(arguments: Sequence[str] | None = None, program: str = "background-subtraction-tools") -> int:
    """0: done. 1: the work failed or was interrupted. 2: invalid usage. program: its name in usage messages."""
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    logging.raiseExceptions = False  # a reader that has gone, as in "| head", is no error
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else "--help"
    if name not in TOOLS:
        _outline(program).parse_args(words or [name])
    tool = import_module(f"model_tools.{name}" if name in SINGLE_MODULES else f"model_tools.{name}.command")
    parser = argparse.ArgumentParser(prog=f"{program} {name}", description=TOOLS[name], allow_abbrev=False)
    tool.add_arguments(parser)
    try:
        with renamed(OPTION_OF):
            tool.run(parser.parse_args(words[1:]))
    except OptionError as error:
        return _fail(name, str(error), code=2)
    except BackgroundSubtractionError as error:
        return _fail(name, str(error))
    except KeyboardInterrupt:
        return _fail(name, "interrupted")
    return 0


def _outline(program: str) -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:<10} {summary}" for name, summary in TOOLS.items())
    parser = argparse.ArgumentParser(
        prog=program,
        description=f"tools:\n{lines}",
        epilog=f"{program} TOOL --help tells the options of a tool.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("tool", choices=tuple(TOOLS), metavar="TOOL")
    return parser


def _fail(tool: str, message: str, code: int = 1) -> int:
    print(f"model_tools {tool}: error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(program="python -m model_tools"))
