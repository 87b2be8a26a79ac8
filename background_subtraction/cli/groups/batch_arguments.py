"""The options for many inputs."""

from __future__ import annotations

import argparse
import re
import sys

from background_subtraction.cli import argument_types as values
from background_subtraction.options import SPLITS, BatchOptions
from model_api.errors import OptionError

STDIN = "-"


def add_batch_arguments(group: argparse._ArgumentGroup) -> None:
    """Add them."""
    add = group.add_argument
    add(
        "--input_list",
        metavar="FILE",
        help="Inputs from a file, one on each line; - for the standard input. Outputs are folders then.",
    )
    add("--recursive", action="store_true", help="Folders within an input folder count too; outputs lie likewise.")
    add("--jobs", type=values.positive, default=1, help="Process this many inputs at the same time. Default: 1.")
    add(
        "--workers",
        type=values.positive,
        default=0,
        help="Process inputs in this many processes, each with its model and its share of the cores. On a Ray cluster: "
        "in this many actors. Default: this process alone.",
    )
    add(
        "--cluster",
        metavar="ADDRESS",
        help="Process inputs on a cluster, dask://host:8786 or ray://host:10001. Paths are those of its machines.",
    )
    add(
        "--split",
        choices=SPLITS[1:],
        default="",
        help="Cut a long film at its scene cuts, process the scenes like inputs (--jobs, --workers, --cluster), and "
        "join them. Needs PySceneDetect.",
    )
    add(
        "--shard",
        type=shard,
        metavar="I/N",
        help="Process every Nth input, from the one with the number I, 0 to N-1: the part of one machine of N.",
    )
    again = group.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="Leave out inputs that are done, with the same options.")
    again.add_argument("--overwrite", action="store_true", help="Process all, and replace outputs that exist.")
    add(
        "--manifest",
        metavar="FILE",
        help="What was done, as JSON lines. Default: background_subtraction.jsonl in the folder of the first output.",
    )


def shard(text: str) -> tuple[int, int]:
    """Read I/N."""
    parts = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not parts:
        raise argparse.ArgumentTypeError(f'"{text}": expected I/N, such as 0/8 for the first of 8 parts')
    return int(parts[1]), int(parts[2])


def batch_options_of(args: argparse.Namespace) -> BatchOptions:
    """The options of `add_batch_arguments`, without the inputs. Raises OptionError."""
    return BatchOptions(
        recursive=args.recursive,
        listed=args.input_list is not None,
        resume=args.resume,
        overwrite=args.overwrite,
        manifest=args.manifest,
        shard=args.shard,
        workers=args.workers,
        cluster=args.cluster,
        split=args.split,
    )


def inputs_of(args: argparse.Namespace) -> tuple[str, ...]:
    """The inputs of -i and those of the list. Raises OptionError where there are none, or the list cannot be read."""
    listed = [] if args.input_list is None else _listed(args.input_list)
    if args.input_list == STDIN and STDIN in args.input:
        raise OptionError("the standard input cannot be a video too", "--input_list")
    if not args.input and not listed:
        raise OptionError(f"{args.input_list}: lists nothing. Expected an input on each line", "--input_list")
    return (*args.input, *listed)


def _listed(name: str) -> list[str]:
    """The lines of a file that are not empty."""
    try:
        if name == STDIN:
            text = sys.stdin.read()
        else:
            with open(name, encoding="utf-8-sig") as file:
                text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise OptionError(
            f"{name}: cannot be read ({reason}). Expected a file with an input on each line", "--input_list"
        ) from error
    return [line for line in text.splitlines() if line.strip()]
