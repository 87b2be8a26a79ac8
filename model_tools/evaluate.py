"""`python -m model_tools evaluate`: how far a model's alphas are from the truth, or from those of another model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from background_subtraction import values
from background_subtraction.clips import plan
from background_subtraction.sinks import Encoding
from model_api import MattingModel
from model_api.errors import OptionError, SinkError
from model_tools.cases import PLATES, Case, SeenByAnother, recorded_clips, stills
from model_tools.evaluation_report import as_html
from model_tools.judging import Judge
from model_tools.metrics import METRIC_SETS
from model_tools.model_arguments import add_model_arguments, open_model
from model_tools.scores import Evaluation, as_csv, as_json, table

MASK_METRICS = {"IoU": "iou"}
READ_FROM_FILES = ("rvm_lr", "rvm_hr")
"""Evaluations that read predicted alphas from pictures, in steps of 1/255."""
WRITERS = {"json": as_json, "csv": as_csv, "html": as_html}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-m", "--model", required=True, nargs="+", action="extend", help="Required. One model, or several to compare.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-i", "--input", nargs="+", metavar="PATH",
        help="Folders of clips with com, pha and, for the colours, fgr, as compose makes them; with --against, "
        "videos, images or folders of them.")  # fmt: skip
    what.add_argument("--masks", type=Path, nargs=2, metavar=("IMAGES", "MASKS"),
        help="Instead: a folder of stills and one of their masks, judged by IoU at 0.5.")  # fmt: skip
    add("--against", metavar="MODEL", help="Where the truth is not known: judge by what this model answers.")
    add("--metrics", choices=tuple(METRIC_SETS), default="rvm_lr",
        help="As RobustVideoMatting for low or high resolution, or the Open Model Zoo. Default: rvm_lr.")  # fmt: skip
    add("--passes", type=values.positive, default=1, help="How often a still is seen, then judged. Default: 1.")
    add("--clean_plate", choices=PLATES, default="plate",
        help="The empty scene, for models that want it: plate.png, or each frame's bgr. Default: plate.")  # fmt: skip
    add("--background", metavar="IMAGE", help="The empty scene, with --against.")
    add("--json", type=Path, metavar="FILE", help="Write averages and every frame's figures.")
    add("--csv", type=Path, metavar="FILE", help="Write a line for each frame.")
    add("--html", type=Path, metavar="FILE", help="Write a report with curves and the worst frames, all in one file.")
    add("--worst", type=values.natural, default=6, help="Frames of each model that the report shows. Default: 6.")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Prints a table. Raises BackgroundSubtractionError."""
    _check(args)
    with ExitStack() as stack:
        other = stack.enter_context(open_model(args.against, args)) if args.against else None
        evaluation = evaluate(args, _cases(args, other))
    print(f"{evaluation.title}\n{table(evaluation)}")
    for kind, text_of in WRITERS.items():
        path = getattr(args, kind)
        if path:
            _write(path, text_of(evaluation))


def evaluate(args: argparse.Namespace, cases: Sequence[Case]) -> Evaluation:
    """Every model on every case."""
    metrics = MASK_METRICS if args.masks else METRIC_SETS[args.metrics]
    in_steps = not args.masks and args.metrics in READ_FROM_FILES
    judge = Judge(metrics, in_steps, bool(args.html), Path(args.against).stem if args.against else "truth")
    models = _labelled(args.model)
    found = []
    with tqdm(total=len(cases) * len(models), unit="clip", disable=None) as progress:
        for label, path in models.items():
            with open_model(path, args) as model:
                for case in cases:
                    found.append(judge.scores(label, model, case))
                    progress.update()
    return Evaluation(_title(args), metrics, tuple(models), found, bool(args.masks), args.worst)


def _check(args: argparse.Namespace) -> None:
    if args.against and args.masks:
        raise OptionError("--against is for -i: masks are a truth already")
    for path in (getattr(args, kind) for kind in WRITERS):
        if path and not path.absolute().parent.is_dir():
            raise OptionError(f"{path}: there is no folder {path.absolute().parent}. Make it first")


def _cases(args: argparse.Namespace, other: MattingModel | None) -> Sequence[Case]:
    if args.masks:
        images, masks = args.masks
        return stills(images, masks, args.passes)
    if other:
        addresses = [clip.address for clip in plan(tuple(args.input), (), Encoding())]
        return [SeenByAnother(Path(address).stem, address, other, args.background) for address in addresses]
    return [
        replace(clip, name=f"{root}/{clip.name}") if len(args.input) > 1 else clip
        for root in args.input
        for clip in recorded_clips(Path(root), args.clean_plate)
    ]


def _labelled(paths: Sequence[str]) -> dict[str, str]:
    """A short name for each: the file's, with its folder where two have the same."""
    stems = [Path(path).stem for path in paths]
    return {path if stems.count(stem) > 1 else stem: path for stem, path in zip(stems, paths, strict=True)}


def _title(args: argparse.Namespace) -> str:
    if args.masks:
        seen = f", seen {args.passes} times" if args.passes > 1 else ""
        return f"Stills of {args.masks[0]} against masks of {args.masks[1]}{seen}, IoU at 0.5"
    against = f"what {Path(args.against).stem} answers" if args.against else "the truth"
    return f"{', '.join(args.input)} against {against}, measured as {args.metrics}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror})") from error
