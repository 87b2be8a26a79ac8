"""`python -m model_tools compose`: clips with a known alpha, from people with alphas and backgrounds.

Each clip is a folder in the layout of RobustVideoMatting's evaluation sets: com, pha, fgr and bgr with an image for
each frame, and plate.png, the empty scene of the first frame, for models that compare with it.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from tqdm import tqdm

from background_subtraction.cli import argument_types as values
from background_subtraction.sinks.images import ImageSink
from model_api.errors import SinkError, SourceError
from model_api.ranges import Range
from model_api.types import Image
from model_tools.compose.scene import PlateFaults, Staging, clip, outline_of, plate
from model_tools.compose.subjects import Subject, media_in, subjects_in
from model_tools.reporting.files import write_text

log = logging.getLogger(__name__)

VIEWS = ("com", "pha", "fgr", "bgr")
INDEX = "clips.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    media = "images, videos, or folders with the frames of a clip"
    add("--foregrounds", type=Path, required=True, metavar="PATH", help=f"Required. People: a folder of {media}.")
    add(
        "--alphas",
        type=Path,
        metavar="PATH",
        help="The people's alphas, of the same names. Default: the alpha channel of RGBA images.",
    )
    add("--backgrounds", type=Path, required=True, metavar="PATH", help=f"Required. A folder of {media}.")
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="Required. Folder for the clips; new or empty.",
    )
    add("--clips", type=values.positive, default=10, metavar="N", help="How many clips. Default: 10.")
    add("--frames", type=values.positive, default=60, metavar="N", help="Frames of each clip. Default: 60.")
    add(
        "--size",
        type=values.resolution,
        default=(640, 360),
        metavar="WxH",
        help="Size of the frames. Default: 640x360.",
    )
    add("--seed", type=values.natural, default=0, metavar="N", help="The same seed makes the same clips. Default: 0.")
    add(
        "--persons",
        type=values.natural,
        default=1,
        metavar="N",
        help="People in a clip, at most; 0 for empty scenes. Default: 1.",
    )
    add(
        "--full_body",
        type=values.probability,
        default=0.25,
        metavar="SHARE",
        help="Share of the people that are shown from head to foot; the others are cut off by the lower edge, as "
        "webcams show them. Default: 0.25.",
    )
    add(
        "--motion",
        type=_strength,
        default=1.0,
        metavar="STRENGTH",
        help="Motion of the camera and of each person; 0 for none. Default: 1.",
    )
    add(
        "--camera_motion",
        type=_strength,
        metavar="STRENGTH",
        help="Motion of the camera; with 0, plate.png fits all frames. Default: as --motion.",
    )
    add(
        "--brightness",
        type=values.probability,
        default=0.0,
        metavar="SHARE",
        help="How much the brightness changes over time. Default: 0.",
    )
    add(
        "--pure",
        action="store_true",
        help="The foregrounds have the people's own colours: no old background is removed from soft edges.",
    )
    add(
        "--plate_shift", type=_strength, default=0.0, metavar="PIXELS", help="How far plate.png is shifted. Default: 0."
    )
    add(
        "--plate_gain",
        type=_strength,
        default=1.0,
        metavar="GAIN",
        help="Brightness of plate.png, 1 for that of the clip. Default: 1.",
    )
    add(
        "--plate_noise",
        type=_strength,
        default=0.0,
        metavar="LEVELS",
        help="Standard deviation of the noise in plate.png, in levels of 255. Default: 0.",
    )


def run(args: argparse.Namespace) -> None:
    """Compose the clips.

    Raises:
        SourceError: the people, alphas or backgrounds cannot be read, or do not fit together.
        SinkError: the folder is not empty, or cannot be written.
    """
    _require_empty(args.output)
    people = _endless(subjects_in(args.foregrounds, args.alphas), np.random.default_rng(args.seed))
    backgrounds = list(media_in(args.backgrounds).values())
    order = np.random.default_rng([args.seed, 1]).permutation(len(backgrounds))
    camera = args.motion if args.camera_motion is None else args.camera_motion
    staging = Staging(args.frames, args.size, args.motion, camera, args.brightness, args.full_body, args.pure)
    faults = PlateFaults(args.plate_shift, args.plate_gain, args.plate_noise)
    index = {}
    for number in tqdm(range(args.clips), unit="clip", disable=None):
        random = np.random.default_rng([args.seed, 2, number])
        shown = [next(people) for _ in range(random.integers(min(args.persons, 1), args.persons + 1))]
        behind = backgrounds[order[number % len(order)]]
        folder = args.output / f"{number:04d}"
        _write(folder, random, shown, behind, staging, faults)
        index[folder.name] = {"foregrounds": [person.name for person in shown], "background": behind.name}
    write_text(args.output / INDEX, json.dumps({"seed": args.seed, "clips": index}, indent=1))
    clips = "1 clip" if args.clips == 1 else f"{args.clips} clips"
    log.info("Wrote %s of %d frames to %s, listed in %s", clips, args.frames, args.output, INDEX)


def _strength(text: str) -> float:
    return values.number(text, Range("a number from 0", 0, 1000))


def _require_empty(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise SinkError(f"{folder}: not an empty folder. Expected a new one, so that no other clips get among these")


def _endless(subjects: list[Subject], random: np.random.Generator) -> Iterator[Subject]:
    """All subjects in random order before any comes again.

    Photographs that cut people off elsewhere than below are left out, because nothing in a frame would hide that.
    """
    while True:
        whole = False
        for number in random.permutation(len(subjects)):
            subject = subjects[number]
            if not (subject.still and outline_of(subject).cut_elsewhere):
                whole = True
                yield subject
        if not whole:
            raise SourceError(
                f"{subjects[0].colours.parent}: everybody is cut off at a side or the top of their photograph"
            )


def _write(
    folder: Path,
    random: np.random.Generator,
    people: list[Subject],
    behind: Path,
    staging: Staging,
    faults: PlateFaults,
) -> None:
    sinks = {view: _sink(folder / view / "%04d.png") for view in VIEWS}
    for number, scene in enumerate(clip(random, people, behind, staging)):
        for view, sink in sinks.items():
            image: Image = getattr(scene, view)
            sink.write(image, number, Fraction(0))
        if number == 0:
            first = scene.bgr
    _sink(folder / "plate.png").write(plate(random, first, faults), 0, Fraction(0))


def _sink(path: Path) -> ImageSink:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{path.parent}: cannot be made ({error.strerror})") from error
    return ImageSink(path)
