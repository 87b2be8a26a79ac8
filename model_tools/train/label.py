"""`python -m model_tools label -m rvm.onnx -i CLIP_OR_FOLDER … -o FOLDER`: alphas by another model, to train with.

The images and alphas are stored as `model_tools.train.data.material` reads them: of a clip, every second frame, in a
folder of its own; of a folder of photographs, those for which the model agrees with itself at two sizes.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from background_subtraction.cli import argument_types as values
from background_subtraction.image_files import images_in, read_image
from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, MattingModel, create_model
from model_api.errors import SinkError
from model_api.resize import resize, scaled_inside
from model_api.types import Alpha, Frame, Image

log = logging.getLogger(__name__)

Labelled = tuple[str, Image, Alpha]
"""A name, an image and its alpha."""

STORED_PX = 640
SECOND_LOOK_PX = 320
PASSES = 3
"""Recurrent networks see a photograph this many times."""

AGREEMENT = 0.93
"""Least IoU of the two looks at a photograph."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tool."""
    add = parser.add_argument
    add("-m", "--model", required=True, help="Required. The model that labels: a file, or a bundled model's name.")
    add(
        "-i",
        "--input",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="Required. Clips, or folders of photographs.",
    )
    add("-o", "--output", type=Path, required=True, metavar="FOLDER", help="Required.")
    add("--step", type=values.positive, default=2, metavar="N", help="Store every Nth frame of a clip. Default: 2.")


def run(args: argparse.Namespace) -> None:
    """Label every input.

    Raises:
        ModelError: the model cannot be loaded.
        SourceError: an input cannot be read.
        SinkError: the output cannot be written.
    """
    with create_model(args.model) as model:
        for path in args.input:
            if path.is_dir():
                labelled, folder = photographs(model, path), args.output
            else:
                labelled, folder = frames(model, path, args.step), args.output / path.stem
            log.info("Wrote %d images and alphas to %s", store(labelled, folder), folder)


def frames(model: MattingModel, clip: Path, step: int) -> Iterator[Labelled]:
    """Label every frame of a clip, and give every `step`th."""
    with open_source(str(clip)) as source:
        for result in AsyncPipeline(model).run(source):
            if result.frame.index % step == 0:
                yield f"{result.frame.index:05}", result.frame.image, result.matte.alpha


def photographs(model: MattingModel, folder: Path) -> Iterator[Labelled]:
    """Where one look at a photograph misses what the other sees, neither can be trusted."""
    for path in images_in(folder):
        image = read_image(path)
        height, width = image.shape[:2]
        image = resize(image, scaled_inside((width, height), (STORED_PX, STORED_PX)))
        height, width = image.shape[:2]
        small = resize(image, scaled_inside((width, height), (SECOND_LOOK_PX, SECOND_LOOK_PX)))
        alpha, other = looked_at(model, image), looked_at(model, small)
        if agreement(cv2.resize(alpha, other.shape[::-1], interpolation=cv2.INTER_AREA), other) > AGREEMENT:
            yield path.stem, image, alpha


def looked_at(model: MattingModel, image: Image) -> Alpha:
    """The alpha that a recurrent model settles on."""
    results = AsyncPipeline(model).run(Frame(number, image) for number in range(PASSES))
    return [result.matte.alpha for result in results][-1]


def agreement(one: Alpha, other: Alpha) -> float:
    """IoU at 0.5; 0 where neither finds anybody."""
    person, also = one > 0.5, other > 0.5
    either = int(np.count_nonzero(person | also))
    return np.count_nonzero(person & also) / max(either, 1)


def store(labelled: Iterable[Labelled], folder: Path) -> int:
    """images/NAME.jpg and alpha/NAME.png. Returns how many. Raises SinkError."""
    for part in ("images", "alpha"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    count = 0
    for name, image, alpha in labelled:
        for path, picture in (
            (folder / "images" / f"{name}.jpg", image),
            (folder / "alpha" / f"{name}.png", np.rint(alpha * 255).astype(np.uint8)),
        ):
            if not cv2.imwrite(str(path), picture):
                raise SinkError(f"{path} cannot be written")
        count += 1
    return count
