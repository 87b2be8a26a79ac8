"""`python -m training.label --model rvm.onnx --input CLIP [CLIP ...] --output FOLDER`: stores frames of clips and the
alphas that another network answers, as `training.material` reads them."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2

from background_subtraction.sources import open_source
from model_api import AsyncPipeline, MattingModel, create_model
from model_api.errors import BackgroundSubtractionError, SinkError
from model_api.types import Image

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(format="[ %(levelname)s ] %(message)s", level=logging.INFO, stream=sys.stdout)
    args = build_parser().parse_args(arguments)
    try:
        with create_model(args.model) as model:
            for clip in args.input:
                count = label(model, clip, args.output / clip.stem, args.step)
                log.info("%s: %d frames", args.output / clip.stem, count)
    except BackgroundSubtractionError as error:
        print(f"training.label: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training.label: interrupted", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.label", description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", required=True, help="Required. The network that answers, such as rvm.onnx.")
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="Required. Clips.")
    parser.add_argument("--output", type=Path, required=True, help="Required. A folder; each clip gets one in it.")
    parser.add_argument("--step", type=int, default=2, help="Every which frame is stored. Default: 2.")
    return parser


def label(model: MattingModel, clip: Path, folder: Path, step: int) -> int:
    """Every `step`-th frame and its alpha; the network sees all of them. Returns how many were stored."""
    for part in ("images", "alpha"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    count = 0
    with open_source(str(clip)) as source:
        for result in AsyncPipeline(model).run(source):
            if result.frame.index % step == 0:
                name = f"{result.frame.index:05}"
                _write(folder / "images" / f"{name}.jpg", result.frame.image)
                _write(folder / "alpha" / f"{name}.png", result.matte.levels)
                count += 1
    return count


def _write(path: Path, picture: Image) -> None:
    if not cv2.imwrite(str(path), picture):
        raise SinkError(f"{path} cannot be written")


if __name__ == "__main__":
    sys.exit(main())
