"""What can be wrong with a run and is found before a model is loaded."""

from __future__ import annotations

import logging

from background_subtraction.compositing.backgrounds import open_background
from background_subtraction.image_files import IMAGE_SUFFIXES
from background_subtraction.jobs import Clip
from background_subtraction.options import Options
from background_subtraction.sinks.open import file_of
from background_subtraction.sinks.outputs import Outputs
from background_subtraction.sources.base import Source, SourceInfo
from background_subtraction.sources.demuxing.container import PIPE
from background_subtraction.sources.open import is_live, open_source
from model_api import MattingModel

log = logging.getLogger(__name__)


def check_background(options: Options) -> None:
    """Open the background and the clean plate, and close them again. Raises OptionError or SourceError."""
    target = options.settings.target_bgr
    if target is None or not is_live(target):
        with open_background(target):
            """It can be read."""
    if options.clean_plate is not None and not is_live(options.clean_plate):
        with open_source(options.clean_plate):
            """It can be read."""


def check_clip(clip: Clip, options: Options) -> int | None:
    """Open the input, look at its outputs, and close it. A camera, pipe or stream is opened only when its turn comes.

    Returns:
        How many frames there will be, None where this is unknown.

    Raises:
        SourceError: the input cannot be read.
        SinkError: an output cannot be written.
    """
    if is_live(clip.address):
        return None
    with open_source(clip.address, loop=options.loop, selection=options.selection) as source:
        return check_source(source, clip, options)


def check_source(source: Source, clip: Clip, options: Options) -> int | None:
    """Look at the outputs of a clip whose source is open; else as `check_clip`."""
    Outputs(clip.outputs, options.encoding, source.info, options.devices).check()
    return _frames(source.info, options, clip)


def warn_of_unused(options: Options, model: MattingModel) -> None:
    """Log a warning for each setting that changes nothing."""
    for name in () if model.detects else options.for_detection:
        log.warning("%s: only instance segmentation models use it, and this is a matting model", name)
    if options.selection.raw_size and PIPE not in options.inputs:
        log.warning("raw_size: only a pipe (-i -) uses it")
    encoding = options.encoding
    files = [file_of(output, encoding) for output in options.outputs]
    if files and all(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        settings = {"codec": encoding.codec, "crf": encoding.quality.crf, "bit rate": encoding.quality.mbps}
        unused = [name for name, value in settings.items() if value is not None]
        if unused:
            log.warning("%s: only videos use it, and all outputs are images", ", ".join(unused))


def _frames(info: SourceInfo, options: Options, clip: Clip) -> int | None:
    """With a window the run goes on when the outputs have enough."""
    limit = options.encoding.limit
    if not limit or options.window or not clip.outputs:
        return info.frames
    return limit if info.frames is None else min(limit, info.frames)
