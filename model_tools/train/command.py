"""`python -m model_tools train --config FILE.toml --output FOLDER`: trains a network, or resumes its training."""

from __future__ import annotations

import argparse
from pathlib import Path

from background_subtraction.cli import argument_types as values
from model_api.errors import BackgroundSubtractionError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool. This module imports no PyTorch, so that its help is shown without it."""
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        required=True,
        metavar="FILE.toml",
        help="Required. What to train on what, as in model_tools/train/configs.",
    )
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="Required. Folder for the checkpoint, the log and its curves.",
    )
    add("--device", choices=("cpu", "cuda"), default="cpu", help="Default: cpu.")
    add("--threads", type=values.positive, metavar="N", help="CPU threads. Default: all cores.")
    add(
        "--bfloat16",
        action="store_true",
        help="Compute the network in bfloat16, the losses in float32. 1.5 times as fast on CPUs with AVX-512 BF16 or "
        "AMX.",
    )
    add(
        "--workers",
        type=values.natural,
        default=1,
        metavar="N",
        help="Processes that compose clips; 0: the training's own. Default: 1.",
    )


def run(args: argparse.Namespace) -> None:
    """Train every stage of the configuration, from the last checkpoint in the output folder if there is one.

    Raises:
        BackgroundSubtractionError: the configuration or its data are wrong, or the training was interrupted.
        ImportError: PyTorch is missing.
    """
    from model_tools.train.config import read_config
    from model_tools.train.train import hardware_of, train

    try:
        config = read_config(args.config)
        hardware = hardware_of(args.device, args.threads, bfloat16=args.bfloat16, workers=args.workers)
        train(config, args.output, hardware)
    except KeyboardInterrupt:
        raise BackgroundSubtractionError("interrupted. The same command resumes from the last checkpoint") from None
