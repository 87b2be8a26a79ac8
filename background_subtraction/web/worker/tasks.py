"""What the worker does with an upload: the program's own ways, on a file whose name it chose."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from background_subtraction.image_files import read_image, read_picture
from background_subtraction.live.settings import Settings, changed
from background_subtraction.options import Options
from background_subtraction.report import Report
from background_subtraction.run import load_model, prepare
from background_subtraction.sinks.base import Output
from background_subtraction.sources.demuxing.self_contained import require_self_contained
from background_subtraction.sources.open import open_source
from background_subtraction.web.access.statuses import OF_THE_SERVER, status_of
from background_subtraction.web.worker.task import BACKGROUND, PICTURE, THUMBNAIL, UPLOAD, VIDEO, Task
from model_api import MattingModel
from model_api.bundled import find_model
from model_api.errors import BackgroundSubtractionError, SourceError
from model_api.pictures.encoded import LIMIT_VARIABLE
from model_api.pictures.picture import bgr_of, size_of
from model_api.resize import resize, scaled_inside
from model_api.types import Image, Levels

CLEAN = "picture.png"
"""What was decoded, once more as a file: the uploaded one is read by nothing else."""
QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]
LONGEST_BACKGROUND_PX = 3840
THUMBNAIL_PX = 320
KEPT_MODELS = 2

Answer = dict[str, object]
SetTotal = Callable[[int], None]


class Models:
    """The ones that were used last, loaded."""

    def __init__(self) -> None:
        """Begin with none."""
        self._loaded: dict[tuple[str, str], MattingModel] = {}

    def get(self, name: str, device: str) -> MattingModel:
        """Load a model, or take the one that is loaded. Raises what `create_model` raises."""
        key = name, device
        if key not in self._loaded:
            while len(self._loaded) >= KEPT_MODELS:
                self._loaded.pop(next(iter(self._loaded))).close()
            options = Options(model=find_model(name), inputs=(UPLOAD,), device=device)
            self._loaded[key] = load_model(options)
        self._loaded[key] = self._loaded.pop(key)  # the last one that was used
        return self._loaded[key]


def done(task: Task, models: Models, report: Report, set_total: SetTotal) -> Answer:
    """Do a task.

    Args:
        task: what.
        models: the loaded ones.
        report: counts the frames.
        set_total: told how many frames there will be, as far as it is known.

    Returns:
        {"result": the name of a file}, or {"error": one line, "parameter": a name or "", "status": of HTTP}.
    """
    os.chdir(task.folder)
    try:
        return {"result": TASKS[task.kind](task, models, report, set_total)}
    except BackgroundSubtractionError as error:
        return {"error": _without_path(str(error)), "parameter": error.parameter, "status": status_of(error)}
    except MemoryError:
        return {"error": "it takes more memory than there is", "parameter": "file", "status": OF_THE_SERVER}


def _picture(task: Task, models: Models, report: Report, set_total: SetTotal) -> str:
    _write(Path(CLEAN), read_picture(Path(UPLOAD)))
    _run(task, CLEAN, models, report)
    if task.paper is not None:
        result = cv2.imread(task.result, cv2.IMREAD_UNCHANGED)
        if result is None:
            raise SourceError(f"{task.result}: cannot be read")
        _write(Path(task.result), on_paper(result, task.paper))
    return task.result


def _video(task: Task, models: Models, report: Report, set_total: SetTotal) -> str:
    require_self_contained(Path(UPLOAD))
    _run(task, UPLOAD, models, report, set_total)
    return task.result


def _background(task: Task, models: Models, report: Report, set_total: SetTotal) -> str:
    """A picture is written anew. A video stays as it came, once its first frame was decoded."""
    try:
        image = read_image(Path(UPLOAD))
    except SourceError as error:
        _require_video(error)
        with suppress(StopIteration), open_source(UPLOAD) as source:
            _write_thumbnail(bgr_of(next(iter(source)).picture))
            return UPLOAD
        raise SourceError(f"{UPLOAD}: holds no frame. Expected a picture or a video") from None
    _write(Path(task.result), _within(image, LONGEST_BACKGROUND_PX))
    _write_thumbnail(image)
    return task.result


def _require_video(no_picture: SourceError) -> None:
    """Nobody has said whether it was to be a picture."""
    try:
        require_self_contained(Path(UPLOAD))
    except SourceError as error:
        raise SourceError(f"{str(no_picture).rstrip('.')}. Nor is it a whole video") from error


TASKS: dict[str, Callable[[Task, Models, Report, SetTotal], str]] = {
    PICTURE: _picture, VIDEO: _video, BACKGROUND: _background,
}  # fmt: skip


def on_paper(picture: Image, paper: tuple[int, int, int, int]) -> Image:
    """Put a picture over a colour that may be transparent itself (Porter and Duff, 1984: A over B).

    Args:
        picture: (H, W, 4) uint8 BGRA, straight alpha.
        paper: red, green, blue and alpha, 0 to 255 each.

    Returns:
        (H, W, 4) uint8 BGRA, straight alpha.
    """
    alpha = picture[..., 3:].astype(np.float32) / 255
    below = (1 - alpha) * (paper[3] / 255)
    colour = np.array(paper[2::-1], np.float32)
    opacity = alpha + below
    blended = (picture[..., :3] * alpha + colour * below) / np.maximum(opacity, 1e-6)
    return np.rint(np.concatenate([blended, opacity * 255], axis=2)).astype(np.uint8)


def _run(task: Task, address: str, models: Models, report: Report, set_total: SetTotal = lambda total: None) -> None:
    settings = changed(Settings(), task.settings)
    output = Output(Path(task.result), task.view)
    options = Options(model="", inputs=(address,), settings=settings, outputs=(output,), window=None, progress=False)
    model = models.get(task.model, task.device)
    with prepare(replace(options, device=task.device), report, model) as start:
        if start.total is not None:
            set_total(start.total)
        start()


def _within(image: Image, longest_px: int) -> Image:
    return resize(image, scaled_inside(size_of(image), (longest_px, longest_px)))


def _write_thumbnail(image: Image) -> None:
    _write(Path(THUMBNAIL), _within(image, THUMBNAIL_PX), [cv2.IMWRITE_JPEG_QUALITY, 85])


def _write(path: Path, image: Image | Levels, parameters: Any = QUICK) -> None:
    path.write_bytes(cv2.imencode(path.suffix, image, parameters)[1].tobytes())


def _without_path(message: str) -> str:
    """For people who know the file by another name, and cannot set variables here."""
    message = re.sub(rf"For more set the environment variable {LIMIT_VARIABLE}.*", "", message)
    return re.sub(rf"\b({UPLOAD}|{CLEAN})\b", "file", message).strip()
