"""`python -m model_tools evaluate`: how far a model's alphas are from the truth, or from another model's."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from background_subtraction.cli import argument_types as values
from background_subtraction.cli.model_arguments import add_model_arguments, open_model
from background_subtraction.jobs import expand
from model_api import MattingModel
from model_api.adapters.factory import ADAPTERS
from model_api.adapters.kserve.address import ADDRESS_FORMS
from model_api.errors import OptionError
from model_api.terminal.foreign_text import printable
from model_tools.evaluate.conditions import after_cuts, under_conditions
from model_tools.evaluate.datasets import PLATES, Case, LabelledByModel, Still, Video, recorded_clips, stills
from model_tools.evaluate.degradations import DEGRADATIONS
from model_tools.evaluate.evaluator import Evaluator
from model_tools.evaluate.html_report import as_html
from model_tools.evaluate.metric_sets import FOREGROUND, METRIC_SETS, NEED_TRUTH, OVER_TIME, metrics_of
from model_tools.evaluate.results import Evaluation, as_csv, as_json, table
from model_tools.reporting.files import require_folders, write_reports

log = logging.getLogger(__name__)

OF_ALPHAS, OF_MASKS = ("rvm_lr", "failures"), ("failures",)
"""The sets of metrics if --metrics is not given."""
READ_FROM_FILES = frozenset({"rvm_lr", "rvm_hr"})
"""Evaluations that read predicted alphas from images, in steps of 1/255."""
WRITERS = {"json": as_json, "csv": as_csv, "html": as_html}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add(
        "-m",
        "--model",
        required=True,
        nargs="+",
        action="extend",
        help="Required. One or more models to compare: files, or bundled models' names.",
    )
    _add_inputs(parser)
    add("--against", metavar="MODEL", help="Compare with the answers of this model, for inputs without a known alpha.")
    add(
        "--metrics",
        nargs="+",
        choices=tuple(METRIC_SETS),
        metavar="SET",
        help="rvm_lr, rvm_hr: those of RobustVideoMatting for low and high resolution. omz: those of the Open Model "
        "Zoo. failures: lost people, holes, ghosts, contours, flicker. Default: rvm_lr failures; for masks failures.",
    )
    add(
        "--degrade",
        type=_degradations,
        default=(),
        metavar="NAME[,NAME...]",
        help=f"Also measure on degraded images, compared with the truth of the clean ones: {', '.join(DEGRADATIONS)}.",
    )
    add(
        "--cuts",
        action="store_true",
        help="Also measure each still right after another one, with the state that this one leaves.",
    )
    add(
        "--passes",
        type=values.positive,
        default=1,
        metavar="N",
        help="How often a recurrent model sees a still before it is measured. Default: 1.",
    )
    add(
        "--adapter",
        choices=tuple(ADAPTERS),
        default="openvino",
        help=f"Where the models of -m run. On a model server (ovms), -m is {ADDRESS_FORMS}. Default: openvino.",
    )
    add(
        "--clean_plate",
        choices=PLATES,
        default="plate",
        help="The empty scene, for models that compare with it: plate.png, or each frame's bgr. Default: plate.",
    )
    add("--background", metavar="IMAGE", help="The empty scene of videos without a known alpha.")
    add("--json", type=Path, metavar="FILE", help="Write the averages and the figures of every frame.")
    add("--csv", type=Path, metavar="FILE", help="Write a line for each frame.")
    add("--html", type=Path, metavar="FILE", help="Write a report with curves and the worst frames, in one file.")
    add(
        "--worst",
        type=values.natural,
        default=6,
        metavar="N",
        help="Worst frames of each model in the report. Default: 6.",
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Measure, write the files that were asked for, and print a table.

    Raises:
        BackgroundSubtractionError: a model or an input cannot be read, or the options do not fit together.
    """
    _check(args)
    with ExitStack() as stack:
        other = stack.enter_context(open_model(args.against, args)) if args.against else None
        evaluation = evaluate(args, _cases_by_condition(args, other))
    # Before the table: nobody may be reading that to its end.
    files = write_reports(_reports(args), WRITERS, evaluation)
    print(printable(f"{evaluation.title}\n{table(evaluation)}"))
    for path in files:
        log.info("Wrote %s", path)


def evaluate(args: argparse.Namespace, cases: Mapping[str, Sequence[Case]]) -> Evaluation:
    """Measure every model on every case under every condition. cases: condition -> its cases."""
    metrics = _metrics(args)
    in_steps = not args.masks and not READ_FROM_FILES.isdisjoint(_sets(args))
    evaluator = Evaluator(metrics, in_steps, bool(args.html), Path(args.against).stem if args.against else "truth")
    models = _labelled(args.model)
    scores = []
    with tqdm(total=sum(map(len, cases.values())) * len(models), unit="clip", disable=None) as progress:
        for label, path in models.items():
            with open_model(path, args, args.adapter) as model:
                for condition, case in ((condition, case) for condition, each in cases.items() for case in each):
                    scores.append(replace(evaluator.scores(label, model, case), condition=condition))
                    progress.update()
    singles = bool(args.masks or args.stills)
    return Evaluation(_title(args), metrics, tuple(models), scores, singles, args.worst, tuple(cases))


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_mutually_exclusive_group(required=True).add_argument
    add(
        "-i",
        "--input",
        nargs="+",
        metavar="PATH",
        help="Folders of clips with com, pha and, to measure colours, fgr, as compose makes them; video files, of "
        "which only the flicker is measured; with --against, videos, images or folders of them.",
    )
    add(
        "--masks",
        type=Path,
        nargs=2,
        metavar=("IMAGES", "MASKS"),
        help="Instead of -i: a folder of stills and one of their masks, black and white.",
    )
    add(
        "--stills",
        type=Path,
        nargs=2,
        metavar=("IMAGES", "ALPHAS"),
        help="Instead of -i: a folder of stills and one of their alphas. The state is fresh for each still.",
    )


def _degradations(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if not set(names) <= DEGRADATIONS.keys():
        raise argparse.ArgumentTypeError(f'"{text}": expected some of {", ".join(DEGRADATIONS)}, with commas between')
    return names


def _check(args: argparse.Namespace) -> None:
    if args.against and not args.input:
        raise OptionError("--against is for -i: stills have a truth of their own")
    if args.cuts and args.input:
        raise OptionError("--cuts is for --stills and --masks. Clips have their own cuts")
    if args.masks and args.metrics not in (None, ["failures"]):
        raise OptionError(
            "--metrics: masks can only be measured with failures. For the others give soft alphas with --stills"
        )
    if not _metrics(args):
        raise OptionError(f"--metrics {' '.join(args.metrics)} needs a truth. Add --against, or use --metrics failures")
    require_folders(_reports(args).values())


def _sets(args: argparse.Namespace) -> Sequence[str]:
    return args.metrics or (OF_MASKS if args.masks else OF_ALPHAS)


def _metrics(args: argparse.Namespace) -> dict[str, str]:
    """Those of the chosen sets that can be measured."""
    if not args.input:
        return metrics_of(_sets(args), left_out=OVER_TIME | FOREGROUND)
    has_truth = args.against or not all(map(_is_video, args.input))
    return metrics_of(_sets(args), left_out=frozenset() if has_truth else NEED_TRUTH)


def _is_video(path: str) -> bool:
    """A file has no truth beside it; a folder is one of clips."""
    return Path(path).is_file()


def _cases_by_condition(args: argparse.Namespace, other: MattingModel | None) -> dict[str, Sequence[Case]]:
    if args.input:
        return under_conditions(_clips(args, other), args.degrade, cuts=())
    shown = _stills(args)
    return under_conditions(shown, args.degrade, after_cuts(shown) if args.cuts else ())


def _stills(args: argparse.Namespace) -> list[Still]:
    images, alphas = args.masks or args.stills
    return stills(images, alphas, args.passes, binary=bool(args.masks))


def _clips(args: argparse.Namespace, other: MattingModel | None) -> Sequence[Case]:
    if other:
        addresses = expand(args.input)
        videos = [Video(Path(address).stem, address, args.background) for address in addresses]
        return [LabelledByModel(video, other) for video in videos]
    return [case for path in args.input for case in _clips_of(path, args)]


def _clips_of(path: str, args: argparse.Namespace) -> Sequence[Case]:
    if _is_video(path):
        return [Video(path if len(args.input) > 1 else Path(path).stem, path, args.background)]
    clips = recorded_clips(Path(path), args.clean_plate)
    return [replace(clip, name=f"{path}/{clip.name}") for clip in clips] if len(args.input) > 1 else clips


def _labelled(paths: Sequence[str]) -> dict[str, str]:
    """A short name for each: the file's, with its folder where two have the same."""
    stems = [Path(path).stem for path in paths]
    return {path if stems.count(stem) > 1 else stem: path for stem, path in zip(stems, paths, strict=True)}


def _title(args: argparse.Namespace) -> str:
    measured = f"measured as {' and '.join(_sets(args))}"
    if args.input:
        return f"{', '.join(args.input)} {_against(args)}, {measured}"
    images, alphas = args.masks or args.stills
    kind = "masks" if args.masks else "alphas"
    seen = f", seen {args.passes} times" if args.passes > 1 else ""
    return f"Stills of {images} against {kind} of {alphas}{seen}, {measured}"


def _against(args: argparse.Namespace) -> str:
    if args.against:
        return f"against what {Path(args.against).stem} answers"
    return "without a truth" if all(map(_is_video, args.input)) else "against the truth"


def _reports(args: argparse.Namespace) -> dict[str, Path | None]:
    """Kind -> the file that was asked for."""
    return {kind: getattr(args, kind) for kind in WRITERS}
