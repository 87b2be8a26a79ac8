"""How many frames an input has, without decoding it."""

from __future__ import annotations

from pathlib import Path

from background_subtraction.image_files import IMAGE_SUFFIXES, images_at
from background_subtraction.sources.demuxing.addresses import local_path
from background_subtraction.sources.demuxing.container import open_video
from background_subtraction.sources.demuxing.pipe import Pipe
from background_subtraction.sources.demuxing.timeline import frame_count, header_rate
from background_subtraction.sources.images import IMAGE_RATE
from background_subtraction.sources.open import is_live
from background_subtraction.sources.scenes.description import SUFFIX as SCENE
from background_subtraction.sources.scenes.description import read_scene
from background_subtraction.sources.selection import Selection
from model_api.errors import SourceError


def count_frames(address: str, selection: Selection) -> int | None:
    """Say how many frames the selected part of an input has, by its header.

    Returns:
        None where this is unknown: of live inputs, and of files that do not tell. 0 of what cannot be read.
    """
    path = local_path(address)
    if is_live(path):
        return None
    if Path(path).is_dir() or Path(path).suffix.lower() in IMAGE_SUFFIXES:
        return selection.count(len(images_at(path)), selection.rate or IMAGE_RATE)
    try:
        if Path(path).suffix == SCENE:
            return read_scene(Path(path)).frames
        video = open_video(path, selection, Pipe())
        with video.container:
            rate = selection.rate or header_rate(video.container, video.stream)
            return None if rate is None else selection.count(frame_count(video.container, video.stream, rate), rate)
    except SourceError:
        return 0
