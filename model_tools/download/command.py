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
from model_tools.download.http import RetryPolicy
from model_tools.download.installer import Destinations, check_room, place
from model_tools.reporting.tables import aligned

log = logging.getLogger(__name__)

RETRY_POLICY = RetryPolicy()
PRECISIONS = ("FP32", "FP16", "FP16-INT8")
HEADINGS = ("model", "files", "size", "licence", "from")
KNOWN_HEADINGS = ("model", "size", "licence", "what it is")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add(
        "names",
        nargs="*",
        metavar="NAME",
        help="Models; ? and * are wildcards. Without a name, all known models are listed.",
    )
    add("--list", type=Path, metavar="FILE", help="A file with more names, one on each line, such as models.lst.")
    add(
        "-o",
        "--output_dir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="Files go to DIR/public/NAME and DIR/intel/NAME, where omz_converter looks for them. Default: the "
        "current folder.",
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
        help="A server that is asked first, for URL/NAME/FILE. May be repeated.",
    )
    add(
        "--precisions",
        type=_precisions,
        default=PRECISIONS,
        metavar="LIST",
        help="Precisions to download, of models that are offered in several. Default: FP32,FP16,FP16-INT8.",
    )
    add(
        "--timeout",
        type=positive_number,
        default=RETRY_POLICY.timeout_s,
        metavar="SECONDS",
        help="Seconds without data before a connection counts as stalled. Default: %(default)g.",
    )
    add(
        "--attempts",
        type=positive,
        default=RETRY_POLICY.attempts,
        metavar="N",
        help="Attempts in a row that bring no data before a download fails. Default: %(default)s.",
    )


def run(args: argparse.Namespace) -> None:
    """Download the models that the command line names, or list all known ones.

    Raises:
        OptionError: no known model has the name.
        ModelFileError: a model cannot be downloaded.
        SinkError: the disk refuses.
    """
    patterns = [*args.names, *(read_list(args.list) if args.list else ())]
    if not patterns:
        print(known())
        return
    models = _offered(choose(known_models(), patterns), args.precisions)
    destinations = Destinations(args.output_dir, Cache(args.cache_dir), tuple(args.mirror))
    download(models, destinations, RetryPolicy(args.timeout, args.attempts))


def known() -> str:
    """The table of all known models."""
    rows = [(model.name, _size(model.size), model.licence, model.summary) for model in known_models()]
    return "\n".join(aligned([KNOWN_HEADINGS, *rows]))


def download(models: Sequence[PublishedModel], destinations: Destinations, retry: RetryPolicy = RETRY_POLICY) -> None:
    """Show the models and their licences, then bring every file to its destination, verified.

    Raises:
        SinkError: the disk refuses.
        ModelFileError: a model cannot be downloaded. All others have been by then.
    """
    print(terms(models))
    check_room(models, destinations)
    faults = {model.name: fault for model in models if (fault := _fault(model, destinations, retry))}
    if len(faults) > 1:
        for fault in faults.values():
            log.warning("%s", fault)
        raise ModelFileError(f"{len(faults)} of {len(models)} models are not complete: {', '.join(faults)}")
    for fault in faults.values():
        raise fault


def terms(models: Sequence[PublishedModel]) -> str:
    """A table of the models: how much it is, under which licences, from whom."""
    rows = [(model.name, str(len(model.files)), _size(model.size), model.licence, model.origin) for model in models]
    return "\n".join(aligned([HEADINGS, *rows]))


def _fault(model: PublishedModel, destinations: Destinations, retry: RetryPolicy) -> ModelFileError | None:
    """Why a model cannot be downloaded, None if it is at its destination."""
    try:
        for file in model.files:
            place(model, file, destinations, retry)
    except ModelFileError as fault:
        return fault
    _tell(model, destinations)
    return None


def _tell(model: PublishedModel, destinations: Destinations) -> None:
    folder = destinations.output_dir / model.folder
    command = model.next_step.format(
        name=model.name,
        file=folder / model.network.path,
        output_dir=destinations.output_dir,
        cache_dir=destinations.cache.folder,
    )
    log.info("%s is in %s (%s)", model.name, folder, model.contract)
    log.info("Next: %s", command)


def _size(size: int | None) -> str:
    return "not known" if size is None else f"{size / 1e6:,.1f} MB"


def _offered(models: Iterable[PublishedModel], precisions: Sequence[str]) -> list[PublishedModel]:
    """The models in these precisions; those that are offered in none of them are left out."""
    left = [model.only(precisions) for model in models]
    if not any(model.files for model in left):
        raise OptionError(f"--precisions {','.join(precisions)}: none of the models is offered in these")
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
