"""What the command does: a run, or one of the commands that are named by the first word."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from background_subtraction.batch.session import prepare_run
from background_subtraction.cli import argument_types as values
from background_subtraction.cli.arguments import OPTION_OF, Parser
from background_subtraction.cli.groups.web_arguments import add_web_arguments, listening, page_of, web_options_of
from background_subtraction.cli.parse import parse_command
from background_subtraction.cli.setup_camera import print_camera_setup
from background_subtraction.cli.signals import Signals
from background_subtraction.report import Report
from background_subtraction.run import Start
from background_subtraction.sinks.base import Output
from background_subtraction.web.access.options import DEFAULT_PORT, LOCAL
from model_api.errors import OptionError, renamed

log = logging.getLogger(__name__)


def serve(words: Sequence[str], program: str, signals: Signals) -> None:
    """Serve pages and the HTTP interface until Ctrl-C, without a camera.

    Args:
        words: the options.
        program: its name in messages.
        signals: how the command answers them.

    Raises:
        OptionError: invalid usage.
    """
    parser = Parser(
        prog=f"{program} serve",
        description="Takes people out of pictures, videos and browsers' cameras that visitors of a web page send.",
        allow_abbrev=False,
    )
    add_web_arguments(parser, default=(LOCAL, DEFAULT_PORT))
    parser.add_argument("-d", "--device", default="CPU", help="CPU, GPU, NPU, … Default: CPU.")
    args = parser.parse_args(values.with_underscores(words))
    with listening(web_options_of(args, os.environ)) as taken:
        from background_subtraction.web import serving

        signals.raise_interrupt("the web server")
        try:
            with serving.serving(taken, device=args.device):
                serving.wait_for_the_end()
        except KeyboardInterrupt:
            log.info("The web server has ended")


COMMANDS: Mapping[str, Callable[[Sequence[str], str, Signals], None]] = {
    "camera-setup": lambda words, program, signals: print_camera_setup(words, program),
    "serve": serve,
}
"""First word -> what it does, with the other words, the program's name in messages, and how it answers signals."""


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
        BackgroundSubtractionError: see `parse_command` and `run.run`.
    """
    if arguments and arguments[0] in COMMANDS:
        COMMANDS[arguments[0]](arguments[1:], program, signals)
        return ()
    options, web = parse_command(arguments, program)
    with ExitStack() as stack:
        stack.enter_context(renamed(OPTION_OF))
        taken = stack.enter_context(listening(web))
        run = stack.enter_context(prepare_run(options, report))
        if isinstance(run, Start):
            stack.enter_context(page_of(taken, run.session, options.device, options.settings.model))
        elif taken is not None:
            raise OptionError("a page shows one input after another. Expected one input, or no page", "--web")
        signals.raise_interrupt(", ".join(str(output.path) for output in options.outputs) or "the window")
        run()
    return options.outputs if report.frames else ()  # all clips of a batch may have been done before
