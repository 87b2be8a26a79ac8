"""The one table that decides how a video file is written, by the ending of its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model_api.errors import SinkError


@dataclass(frozen=True)
class VideoFormat:
    """codec, pixel_format, options: for the encoder. container_options: for the file around it.
    multiple_px: sides must be multiples of this. full_range: levels 0..255 and BT.601, as JPEG has them."""

    codec: str
    pixel_format: str
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    multiple_px: int = 2
    full_range: bool = False


# Hybrid fragments: while it is written the file plays up to its last second, whatever happens to the
# program or the disk; when it is closed it becomes an ordinary .mp4. Without delay_moov it would begin late by
# what reordered frames need.
_FRAGMENTS = {"movflags": "+hybrid_fragmented+delay_moov", "frag_duration": "1000000"}

VIDEO_FORMATS: Mapping[str, VideoFormat] = {
    ".mp4": VideoFormat("libx264", "yuv420p", {"crf": "18", "preset": "veryfast"}, _FRAGMENTS),
    ".avi": VideoFormat("mjpeg", "yuvj420p", {"flags": "+qscale", "global_quality": "354"}, full_range=True),
}


def video_format(path: Path) -> VideoFormat:
    """Raises SinkError, with the endings that are known."""
    try:
        return VIDEO_FORMATS[path.suffix.lower()]
    except KeyError:
        raise SinkError(
            f"{path}: no format is known for {path.suffix or 'a name without an ending'}. "
            f"Expected {', '.join(VIDEO_FORMATS)}, or images by a pattern such as out_%05d.png"
        ) from None
