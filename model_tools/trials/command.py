"""The options --image and --sheet, of `info` and `convert`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from background_subtraction.image_files import read_image
from model_api.errors import OptionError
from model_api.graph.loading import Network
from model_api.preprocessing import Override
from model_tools.trials.sheet import sheet_file, write_sheet
from model_tools.trials.trial import Trials, try_out

log = logging.getLogger(__name__)


def add_trial_arguments(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the options. purpose: what the tool does with the trials, for the help."""
    parser.add_argument(
        "--image",
        type=Path,
        nargs="+",
        metavar="PICTURE",
        help="Pictures with a person: try the usual colours, scales, sizes and classes on them, compare the masks with "
        f"the bundled model portrait's, write a sheet of them, and {purpose}. What you name by options is not varied.",
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE.png", help="Where the sheet goes. Default: a new name beside the model."
    )


def tried(args: argparse.Namespace, network: Network, override: Override) -> tuple[Trials, Path] | None:
    """Try a network as the command line asks, and write the sheet.

    Args:
        args: with `image`, `sheet` and `model`.
        network: it stays as it is.
        override: what the user and the file say.

    Returns:
        The trials and the sheet's file. None where the command line has no picture.

    Raises:
        OptionError: options that do not go together, or with the network.
        SourceError: the picture cannot be read, or shows no person.
        ModelContractError: the network does not run.
        SinkError: the sheet cannot be written.
    """
    if args.image is None:
        if args.sheet is not None:
            raise OptionError("--sheet goes with --image")
        return None
    path = sheet_file(args.sheet, args.model)
    trials = try_out(network, override, {str(image): read_image(image) for image in args.image})
    write_sheet(path, trials)
    return trials, path
