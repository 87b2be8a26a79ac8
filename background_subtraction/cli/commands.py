"""What the command does: a run, or one of the commands that are named by the first word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from background_subtraction.batch.session import prepare_run
from background_subtraction.cli.arguments import OPTION_OF
from background_subtraction.cli.parse import parse_options
from background_subtraction.cli.setup_camera import print_camera_setup
from background_subtraction.cli.signals import Signals
from background_subtraction.report import Report
from background_subtraction.sinks.base import Output
from model_api.errors import renamed

COMMANDS: Mapping[str, Callable[[Sequence[str], str], None]] = {"camera-setup": print_camera_setup}
"""First word -> what it does, with the words that follow and the program's name in messages."""


def execute(arguments: Sequence[str], program: str, report: Report, signals: Signals) -> tuple[Output, ...]:
    """Do what the words say.

    Args:
        arguments: all words of the command line.
        program: its name in messages.
        report: counts the frames of a run.
        signals: how the command answers them.

    Returns:
        The files that a run wrote.

    Raises:
        BackgroundSubtractionError: see `parse_options` and `run.run`.
    """
    if arguments and arguments[0] in COMMANDS:
        COMMANDS[arguments[0]](arguments[1:], program)
        return ()
    options = parse_options(arguments, program)
    with renamed(OPTION_OF), prepare_run(options, report) as run:
        signals.raise_interrupt(", ".join(str(output.path) for output in options.outputs) or "the window")
        run()
    return options.outputs
