"""`python -m model_tools download NAME…`: published models, each file verified before it gets its name."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from background_subtraction.cli.argument_types import positive, positive_number
from model_api.errors import ModelFileError, OptionError
from model_tools.download.cache import Cache, default_cache_dir
from model_tools.download.catalogue import PublishedModel, choose, known_models, read_list
from model_tools.download.http import Patience
from model_tools.download.installer import Places, check_room, place

log = logging.getLogger(__name__)

PATIENCE = Patience()
PRECISIONS = ("FP32", "FP16", "FP16-INT8")
HEADINGS = ("model", "files", "size", "licence", "from")
KNOWN_HEADINGS = ("model", "size", "licence", "what it is")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "names",
        nargs="*",
        metavar="NAME",
        help="Models; ? and * stand for others. Without one: shows all that are known.",
    )
    add("--list", type=Path, metavar="FILE", help="Further names, one on each line, such as models.lst.")
    add(
        "-o",
        "--output_dir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="Files go to DIR/public/NAME and DIR/intel/NAME, where omz_converter looks for them. Default: here.",
    )
    add(
        "--cache_dir",
        type=Path,
        default=default_cache_dir(os.environ, Path.home(), sys.platform),
        metavar="DIR",
        help="Keeps what was downloaded; omz_downloader can use the same folder. Default: %(default)s.",
    )
    add(
        "--mirror",
        type=_mirror,
        action="append",
        default=[],
        metavar="URL",
        help="Asked first, for URL/NAME/FILE. Can be given several times.",
    )
    add(
        "--precisions",
        type=_precisions,
        default=PRECISIONS,
        metavar="LIST",
        help="Of models that are offered in several, only these. Default: FP32,FP16,FP16-INT8.",
    )
    add(
        "--timeout",
        type=positive_number,
        default=PATIENCE.timeout_s,
        metavar="SECONDS",
        help="Of silence, until it is a fault. Default: %(default)g.",
    )
    add(
        "--attempts",
        type=positive,
        default=PATIENCE.attempts,
        metavar="N",
        help="In a row that bring nothing. Default: %(default)s.",
    )


def run(args: argparse.Namespace) -> None:
    """Download what the command line names, or show what is known. Raises OptionError, ModelFileError, SinkError."""
    patterns = [*args.names, *(read_list(args.list) if args.list else ())]
    if not patterns:
        print(known())
        return
    models = _offered(choose(known_models(), patterns), args.precisions)
    places = Places(args.output_dir, Cache(args.cache_dir), tuple(args.mirror))
    download(models, places, Patience(args.timeout, args.attempts))


def known() -> str:
    """The table of all known models."""
    rows = [(model.name, _size(model.size), model.licence, model.summary) for model in known_models()]
    return _table([KNOWN_HEADINGS, *rows])


def download(models: Sequence[PublishedModel], places: Places, patience: Patience = PATIENCE) -> None:
    """Show what is asked for, with its licences; then bring every file to its place, verified.

    Raises SinkError where the disk refuses; ModelFileError if a model cannot be had, after all others have been.
    """
    print(terms(models))
    check_room(models, places)
    faults = {model.name: fault for model in models if (fault := _fault(model, places, patience))}
    if len(faults) > 1:
        for fault in faults.values():
            log.warning("%s", fault)
        raise ModelFileError(f"{len(faults)} of {len(models)} models are not complete: {', '.join(faults)}")
    for fault in faults.values():
        raise fault


def terms(models: Sequence[PublishedModel]) -> str:
    """What is asked for: how much, under which licences, from whom."""
    rows = [(model.name, str(len(model.files)), _size(model.size), model.licence, model.origin) for model in models]
    return _table([HEADINGS, *rows])


def _fault(model: PublishedModel, places: Places, patience: Patience) -> ModelFileError | None:
    """What keeps a model from being brought to its place, None if it is there."""
    try:
        for file in model.files:
            place(model, file, places, patience)
    except ModelFileError as fault:
        return fault
    _tell(model, places)
    return None


def _tell(model: PublishedModel, places: Places) -> None:
    folder = places.output_dir / model.folder
    command = model.next_step.format(
        name=model.name, file=folder / model.network.path, output_dir=places.output_dir, cache_dir=places.cache.folder
    )
    log.info("%s is in %s (%s)", model.name, folder, model.contract)
    log.info("Next: %s", command)


def _size(size: int | None) -> str:
    return "not published" if size is None else f"{size / 1e6:,.1f} MB"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _offered(models: Iterable[PublishedModel], precisions: Sequence[str]) -> list[PublishedModel]:
    """The models without what is not asked for, and not those of which nothing is left."""
    left = [model.only(precisions) for model in models]
    if not any(model.files for model in left):
        raise OptionError(f"--precisions {','.join(precisions)}: none of the models is offered so")
    for model in left:
        if not model.files:
            log.warning("%s: not offered in %s, left out", model.name, ", ".join(precisions))
    return [model for model in left if model.files]


def _mirror(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError(f'"{text}": expected an address such as https://mirror.example/models')
    return text.rstrip("/")


def _precisions(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    if not set(named) <= set(PRECISIONS):
        raise argparse.ArgumentTypeError(f'"{text}": expected some of {",".join(PRECISIONS)}')
    return named
