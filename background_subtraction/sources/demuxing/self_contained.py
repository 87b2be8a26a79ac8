"""Files of strangers: a playlist or a description of a stream makes FFmpeg open other files and addresses."""

from __future__ import annotations

from pathlib import Path

import av

from background_subtraction.sources.demuxing.addresses import ffmpeg_name
from model_api.errors import SourceError

FORMATS = (
    "3g2", "3gp", "apng", "asf", "avi", "flv", "gif", "matroska", "mov", "mp4", "mpeg", "mpegts", "ogg", "webm",
)  # fmt: skip
"""FFmpeg's names of formats that hold all that is shown."""


def require_self_contained(path: Path) -> None:
    """Raise SourceError unless FFmpeg takes a file for a format that opens nothing else.

    FFmpeg recognizes the format before it compares it with its `format_whitelist` (libavformat/demux.c, init_input),
    so that it takes the file for the same one when it is opened again.
    """
    options = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
    try:
        with av.open(ffmpeg_name(str(path)), options=options, metadata_errors="replace"):
            """It is one of them."""
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{path}: no whole video. Expected one of {', '.join(FORMATS)}") from error
