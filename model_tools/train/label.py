"""`python -m model_tools.train.label --model rvm.onnx --input CLIP_OR_FOLDER [...] --output FOLDER`: stores frames and
the alphas that another network answers, as `model_tools.train.data.material` reads them.

Of a clip, every second frame, the network's states carried through all of it, into a folder of its own. Of a folder of
photographs, those on which the network agrees with itself at two sizes, all into one.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from background_subtraction.image_files import images_in, read_image
from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, MattingModel, create_model
from model_api.errors import BackgroundSubtractionError, SinkError
from model_api.resize import resize, scaled_inside
from model_api.types import Alpha, Frame, Image

log = logging.getLogger(__name__)

Labelled = tuple[str, Image, Alpha]
"""A name, a picture and its alpha."""

STORED_PX = 640
SECOND_LOOK_PX = 320
PASSES = 3
"""Recurrent networks see a photograph this many times."""

AGREEMENT = 0.93
"""Least IoU of the two looks at a photograph."""


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    args = build_parser().parse_args(arguments)
    try:
        with create_model(args.model) as model:
            for path in args.input:
                found, folder = (
                    (photographs(model, path), args.output)
                    if path.is_dir()
                    else (frames(model, path, args.step), args.output / path.stem)
                )
                log.info("%s: %d pictures", folder, store(found, folder))
    except BackgroundSubtractionError as error:
        print(f"model_tools.train.label: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("model_tools.train.label: interrupted", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_tools.train.label", description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", required=True, help="Required. The network that answers, such as rvm.onnx.")
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="Required. Clips, or folders of pictures.")
    parser.add_argument("--output", type=Path, required=True, help="Required. A folder.")
    parser.add_argument("--step", type=int, default=2, help="Of a clip, every which frame is stored. Default: 2.")
    return parser


def frames(model: MattingModel, clip: Path, step: int) -> Iterator[Labelled]:
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


if __name__ == "__main__":
    sys.exit(main())
